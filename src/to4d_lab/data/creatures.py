"""Procedural creatures, neither pets nor birds: each function draws one random object of its kind, facing +z."""

from dataclasses import replace

import numpy as np
from numpy.random import Generator

from to4d_lab.data.coloured import ColouredMesh, Limb
from to4d_lab.data.sculpture import Sculpture
from to4d_lab.data.solids import any_colour, arc, ellipsoid, hsv, sweep, tube, turn
from to4d_lab.data.style import smooth

DARK = np.array([0.05, 0.05, 0.05])
LIGHT = np.array([0.95, 0.95, 0.92])
SIDES = (-1.0, 1.0)


def eyes(sculpture: Sculpture, centre, spread: float, size: float, **limb) -> None:
    """Two eyes beside `centre`: light balls with dark pupils towards +z."""
    for side in SIDES:
        place = np.add(centre, [side * spread, 0.0, 0.0])
        sculpture.add(ellipsoid(place, [size] * 3, 1), LIGHT, plain=True, **limb)
        sculpture.add(ellipsoid(place + [0, 0, 0.6 * size], [0.6 * size] * 3, 0), DARK, plain=True, **limb)


def dinosaur(rng: Generator) -> ColouredMesh:
    """Two strong legs, small arms, a long tail, perhaps spikes along the back."""
    sculpture, coat, leg, half = Sculpture(rng), any_colour(rng), rng.uniform(0.3, 0.55), rng.uniform(0.28, 0.42)
    lean, width, up = turn("x", -rng.uniform(15, 55)), rng.uniform(0.17, 0.26), leg + 0.15
    sculpture.add(ellipsoid([0, up, 0], [width, half, 0.9 * width], 3, lean.T), coat)
    rear, front = np.array([0, up, 0]) - lean.T @ [0, 0.7 * half, 0], np.array([0, up, 0]) + lean.T @ [0, 0.8 * half, 0]
    tip = rear + [0, rng.uniform(-0.3, 0.3) * leg, -rng.uniform(0.5, 0.9)]
    tail = arc(rear, 0.5 * (rear + tip) - [0, 0.12, 0], tip, 0.7 * width, 0.02)
    sculpture.add(tail, coat, plain=True, limb="tail", pivot=rear, rise=(rear, 0.5 * (rear + tip)))
    size = rng.uniform(0.13, 0.21)
    head = front + [0, size + rng.uniform(0.05, 0.3), 0.12]
    sculpture.add(tube(front, head, 0.6 * width, 0.6 * size), coat, plain=True, limb="head", pivot=front)
    snout = ellipsoid(head + [0, 0, 0.5 * size], [0.75 * size, 0.7 * size, size * rng.uniform(1.2, 1.8)], 1)
    sculpture.add(snout, coat, limb="head")
    eyes(sculpture, head + [0, 0.5 * size, 0.6 * size], 0.5 * size, 0.05, limb="head")
    for side in SIDES:
        hip, foot = np.array([side * 0.8 * width, up - 0.05, 0]), [side * 0.9 * width, 0.05, 0.03]
        thigh = ellipsoid(hip - [0, 0.1, 0], [0.09, 0.2, 0.13], 1)
        sculpture.add(thigh, 0.9 * coat, plain=True, limb="leg", side=side, pivot=hip)
        sculpture.add(tube(hip, foot, 0.09, 0.055), 0.9 * coat, plain=True, limb="leg", side=side)
        sculpture.add(ellipsoid(np.add(foot, [0, 0, 0.06]), [0.08, 0.05, 0.14], 1), 0.8 * coat, True, "leg", side)
        shoulder = np.array([side * 0.7 * width, front[1] - 0.1, front[2] + 0.05])
        hand = shoulder + [side * 0.04, -0.1, rng.uniform(0.1, 0.25)]
        sculpture.add(tube(shoulder, hand, 0.045, 0.03), 0.9 * coat, True, "arm", side, pivot=shoulder)
    if rng.uniform() < 0.5:
        colour = any_colour(rng)
        for share in np.linspace(-0.5, 0.7, 4):
            base = np.array([0, up, 0]) + lean.T @ [0, share * half, -0.8 * width]
            sculpture.add(tube(base, base + [0, 0.08, -0.1], 0.05, 0.005, 4), colour, plain=True)
    return sculpture.mesh()


def dragon(rng: Generator) -> ColouredMesh:
    """Four legs, a long neck and tail, horns and wings."""
    sculpture, coat, skin = Sculpture(rng), any_colour(rng), any_colour(rng)
    leg, width, half = rng.uniform(0.25, 0.45), rng.uniform(0.17, 0.26), rng.uniform(0.35, 0.5)
    up = leg + 0.6 * width
    sculpture.add(ellipsoid([0, up, 0], [width, width, half]), coat)
    base, size = np.array([0, up + 0.3 * width, 0.75 * half]), rng.uniform(0.12, 0.18)
    head = base + [0, rng.uniform(0.25, 0.6), rng.uniform(0.15, 0.3)]
    sculpture.add(
        arc(base, base + [0, 0.1, 0.3], head, 0.6 * width, 0.08),
        coat,
        True,
        "head",
        pivot=base,
        rise=(base, 0.5 * (base + head)),
    )
    sculpture.add(ellipsoid(head + [0, 0, 0.1], [0.8 * size, 0.75 * size, 1.4 * size], 1), coat, True, "head")
    eyes(sculpture, head + [0, 0.5 * size, 0.12], 0.5 * size, 0.045, limb="head")
    rear = np.array([0, up, -0.8 * half])
    tip = rear + [0, rng.uniform(-0.1, 0.5), -rng.uniform(0.5, 0.9)]
    sculpture.add(
        arc(rear, rear + [0, -0.15, -0.4], tip, 0.6 * width, 0.02),
        coat,
        True,
        "tail",
        pivot=rear,
        rise=(rear, 0.5 * (rear + tip)),
    )
    lift, span = rng.uniform(10, 60), rng.uniform(0.25, 0.45)
    for side in SIDES:
        horn = head + [side * 0.4 * size, 0.5 * size, 0]
        sculpture.add(tube(horn, horn + [side * 0.04, 0.13, -0.08], 0.035, 0.005, 6), LIGHT, True, "head")
        joint = np.array([side * 0.6 * width, up + 0.7 * width, 0.2 * half])
        roll = turn("z", side * lift)
        membrane = ellipsoid(joint + roll @ [side * span, 0, -0.1], [span, 0.02, 0.6 * span], 2, roll)
        sculpture.add(membrane, skin, limb="wing", side=side, pivot=joint)
        bone = tube(joint, joint + roll @ [side * 2 * span, 0.02, -0.05], 0.035, 0.015, 6)
        sculpture.add(bone, coat, True, "wing", side)
        for end in SIDES:
            hip = np.array([side * 0.7 * width, up, end * 0.6 * half])
            foot = np.array([side * 0.8 * width, 0, end * 0.65 * half])
            sculpture.add(tube(foot, hip, 0.06, 0.09), 0.85 * coat, True, "leg", side, end, pivot=hip)
    return sculpture.mesh()


def butterfly(rng: Generator) -> ColouredMesh:
    """A thin body between two pairs of wings, level or with its nose up."""
    sculpture, colour, dark = Sculpture(rng), any_colour(rng), any_colour(rng) * 0.4
    nose, lift = turn("x", -rng.uniform(0, 75)), rng.uniform(5, 60)
    sculpture.add(ellipsoid([0, 0.5, 0], [0.05, 0.05, rng.uniform(0.25, 0.35)], 2, nose), dark, plain=True)
    sculpture.add(ellipsoid(nose @ [0, 0, 0.33] + [0, 0.5, 0], [0.065] * 3, 1), dark, plain=True)
    spans, lengths = rng.uniform([0.26, 0.18], [0.4, 0.3]), rng.uniform([0.18, 0.14], [0.3, 0.24])
    second = any_colour(rng) if rng.uniform() < 0.5 else colour
    for side in SIDES:
        feeler = nose @ [side * 0.1, 0.08, 0.55] + [0, 0.5, 0]
        sculpture.add(tube(nose @ [0, 0, 0.35] + [0, 0.5, 0], feeler, 0.012, 0.012, 5), dark, plain=True)
        for place, span, length, paint in zip((0.16, -0.16), spans, lengths, (colour, second), strict=True):
            roll = nose @ turn("z", side * lift) @ turn("y", -side * np.sign(place) * 25)
            centre = nose @ turn("z", side * lift) @ [side * (span + 0.02), 0, place] + [0, 0.5, 0]
            for shrink, tint in ((1.0, paint), (0.45, any_colour(rng))):
                size = [shrink * span, 0.012 + 0.01 * (shrink < 1), shrink * length]
                wing = ellipsoid(centre, size, 2 if shrink == 1 else 1, roll)
                sculpture.add(wing, tint, limb="wing", side=side, pivot=[side * 0.03, 0.5, 0])
    return sculpture.mesh()


def snake(rng: Generator) -> ColouredMesh:
    """A winding body with its head up."""
    sculpture, coat, rows = Sculpture(rng), any_colour(rng), 48
    t = np.linspace(0.0, 1.0, rows)  # from the tip of the tail to the head
    thick, wide, bends = rng.uniform(0.06, 0.1), rng.uniform(0.12, 0.3), rng.uniform(1.0, 2.2)
    rise = rng.uniform(0.0, 0.5) * smooth((t - 0.7) / 0.3)
    side = wide * np.sin(2.0 * np.pi * bends * t + rng.uniform(0.0, 6.0)) * (1.0 - smooth((t - 0.7) / 0.3))
    path = np.stack([side, thick + rise, 1.5 * t - 0.3 * rise], -1)
    radii = thick * np.clip(t / 0.5, 0.05, 1.0) * np.where((t == 0) | (t == 1), 0.01, 1.0)
    sculpture.add(sweep(path, radii, 10), coat)
    head = path[-1] + [0, 0, 0.05]
    sculpture.add(ellipsoid(head, [1.5 * thick, 1.1 * thick, 2.0 * thick]), coat, plain=True)
    eyes(sculpture, head + [0, 0.8 * thick, 0.9 * thick], 0.8 * thick, 0.45 * thick)
    tongue = [0, 0, 2 * thick]
    sculpture.add(tube(head + tongue, head + np.multiply(tongue, 2), 0.02, 0.01, 5), hsv(0, 0.9, 0.8), plain=True)
    mesh = sculpture.mesh()
    shares = np.concatenate([np.repeat(t, 10), np.ones(len(mesh.vertices) - 10 * rows)])
    tail = Limb("tail", path[rows // 2], smooth((0.6 - shares) / 0.2))
    return replace(mesh, limbs=(tail, Limb("head", path[-rows // 4], smooth((shares - 0.7) / 0.15))))


KINDS = {
    "dinosaur": (dinosaur, ("dinosaur", "animal")),
    "dragon": (dragon, ("dragon",)),
    "butterfly": (butterfly, ("butterfly",)),
    "snake": (snake, ("snake",)),
}
