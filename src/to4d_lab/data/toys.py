"""Procedural toys, vehicles and household things: each function draws one random object of its kind, facing +z."""

import numpy as np
from numpy.random import Generator

from to4d_lab.data.coloured import ColouredMesh
from to4d_lab.data.sculpture import Sculpture
from to4d_lab.data.solids import any_colour, arc, box, ellipsoid, hsv, lathe, tube, turn

DARK = np.array([0.1, 0.1, 0.12])
SIDES = (-1.0, 1.0)


def wheel(sculpture: Sculpture, centre, radius: float, width: float, colour: np.ndarray) -> None:
    """A disc whose axle is the x axis."""
    points, faces = lathe([[0, -width], [radius, -width], [radius, width], [0, width]], 14)
    sculpture.add((points @ turn("z", 90).T + centre, faces), colour, plain=True)


def rocket(rng: Generator) -> ColouredMesh:
    """A pointed body on three or four fins, with a window."""
    sculpture, width, height = Sculpture(rng), rng.uniform(0.16, 0.28), rng.uniform(0.8, 1.2)
    share = np.linspace(0, 1, 16)
    wall = np.stack([width * np.sqrt(1 - share**2.5) * (0.75 + 0.5 * share), 0.2 + height * share], -1)
    sculpture.add(lathe([[0, 0.2], *wall]), any_colour(rng))
    sculpture.add(lathe([[0, 0.1], [0.7 * width, 0.08], [0.45 * width, 0.22], [0, 0.22]], 14), DARK, plain=True)
    paint, count = any_colour(rng), int(rng.integers(3, 5))
    for azimuth in np.arange(count) / count * 360:
        roll = turn("y", azimuth)
        fin = ellipsoid(roll @ [0, 0.25, 1.1 * width], [0.02, 0.26, 0.6 * width], 2, roll @ turn("x", 25))
        sculpture.add(fin, paint, plain=True)
    window = ellipsoid([0, 0.2 + 0.6 * height, 0.85 * width], [0.09, 0.09, 0.06], 1)
    sculpture.add(window, np.array([0.6, 0.8, 0.95]), plain=True)
    if rng.uniform() < 0.4:
        flame = lathe([[0.01, -0.25], [0.5 * width, 0.0], [0.4 * width, 0.1]], 10)
        sculpture.add(flame, hsv(rng.uniform(0.03, 0.13), 0.95, 1.0), plain=True)
    return sculpture.mesh()


def train(rng: Generator) -> ColouredMesh:
    """A locomotive with boiler, chimney and cab, perhaps with a wagon."""
    sculpture, body, trim = Sculpture(rng), any_colour(rng), any_colour(rng)
    width, length, radius = rng.uniform(0.18, 0.25), rng.uniform(0.35, 0.5), rng.uniform(0.09, 0.13)
    deck = 1.6 * radius
    sculpture.add(box([0, deck, 0], [width, 0.05, length + 0.1], 4), DARK, plain=True)
    points, faces = lathe([[0, -0.1], [0.85 * width, -0.1], [0.85 * width, length], [0, length + 0.03]], 18)
    sculpture.add((points @ turn("x", 90).T + [0, deck + 0.9 * width, 0], faces), body)
    cab = rng.uniform(0.2, 0.32)
    sculpture.add(box([0, deck + cab, -0.55 * length], [width, cab, 0.4 * length], 5), trim)
    sculpture.add(box([0, deck + 2 * cab, -0.55 * length], [1.15 * width, 0.03, 0.5 * length], 3), body, plain=True)
    top = deck + 1.6 * width
    chimney = [[0.04, 0], [0.05, 0.1], [rng.uniform(0.05, 0.12), 0.25], [0, 0.25]]
    sculpture.add(lathe(np.add(chimney, [0, top]), 12), DARK, plain=True)
    sculpture.parts[-1].vertices[:, 2] += 0.75 * length
    for side in SIDES:
        for place in np.linspace(-0.8, 0.8, int(rng.integers(2, 4))):
            wheel(sculpture, [side * 1.05 * width, radius, place * length], radius, 0.03, trim)
    return sculpture.mesh()


def airplane(rng: Generator) -> ColouredMesh:
    """A fuselage with wings, tail and a propeller."""
    sculpture, body, paint = Sculpture(rng), any_colour(rng), any_colour(rng)
    width, length, span = rng.uniform(0.1, 0.17), rng.uniform(0.5, 0.65), rng.uniform(0.28, 0.42)
    sculpture.add(ellipsoid([0, 0.4, 0], [width, width, length], 3), body)
    sculpture.add(ellipsoid([0, 0.4 + 0.7 * width, 0.2], [0.6 * width, 0.6 * width, 0.16], 1), 0.4 * body + 0.5, True)
    sculpture.add(ellipsoid([0, 0.55, -0.85 * length], [0.02, 0.18, 0.12], 2, turn("x", -20)), paint, plain=True)
    level, sweep = 0.4 + rng.choice([-0.5, 0.0, 0.6]) * width, rng.uniform(0, 25)
    for side in SIDES:
        root, roll = np.array([side * 0.6 * width, level, 0.1]), turn("y", side * sweep) @ turn("z", side * 4)
        wing = ellipsoid(root + roll @ [side * span, 0, 0], [span, 0.025, rng.uniform(0.12, 0.16)], 2, roll)
        sculpture.add(wing, paint)
        sculpture.add(ellipsoid([side * 0.15, 0.42, -0.85 * length], [0.16, 0.015, 0.08], 1), paint, plain=True)
    angle = rng.uniform(0, 180)
    for blade in (0, 90):
        roll = turn("z", angle + blade)
        sculpture.add(ellipsoid([0, 0.4, length + 0.01], [0.2, 0.025, 0.012], 1, roll), DARK, plain=True)
    return sculpture.mesh()


def flag(rng: Generator) -> ColouredMesh:
    """A cloth on a pole."""
    sculpture, height, wide = Sculpture(rng), rng.uniform(0.9, 1.3), rng.uniform(0.25, 0.42)
    tall, side = rng.uniform(0.15, 0.28), rng.choice(SIDES)
    sculpture.add(tube([0, 0, 0], [0, height, 0], 0.03, 0.025, 8), hsv(0.09, rng.uniform(0, 0.5), 0.5), plain=True)
    sculpture.add(ellipsoid([0, height, 0], [0.05] * 3, 1), hsv(0.13, 0.8, 0.9), plain=True)
    sculpture.add(lathe([[0, 0], [0.16, 0], [0.14, 0.05], [0, 0.06]], 14), DARK + 0.2, plain=True)
    points, faces = box([side * wide, height - tall - 0.04, 0], [wide, tall, 0.012], 9)
    points[:, 2] += 0.06 * np.sin(rng.uniform(4, 9) * points[:, 0])
    sculpture.add((points, faces), any_colour(rng))
    return sculpture.mesh()


def chair(rng: Generator) -> ColouredMesh:
    """A seat, a back and four legs."""
    sculpture, wood, cloth = Sculpture(rng), hsv(0.08, rng.uniform(0.2, 0.7), rng.uniform(0.3, 0.8)), any_colour(rng)
    wood = wood if rng.uniform() < 0.6 else any_colour(rng)
    width, depth, seat = rng.uniform(0.22, 0.34), rng.uniform(0.22, 0.32), rng.uniform(0.35, 0.55)
    sculpture.add(box([0, seat, 0], [width, rng.uniform(0.03, 0.08), depth], 6), cloth)
    high = rng.uniform(0.2, 0.35)
    sculpture.add(box([0, seat + high + 0.05, -depth], [width, high, 0.035], 6), cloth)
    for side in SIDES:
        for end in SIDES:
            top = [side * 0.85 * width, seat, end * 0.85 * depth]
            sculpture.add(tube([side * width, 0, end * depth], top, 0.035, 0.04, 6), wood, plain=True)
        if high > 0.27:
            rest = [side * width, seat + 0.2, 0]
            sculpture.add(box(rest, [0.035, 0.03, depth], 3), wood, plain=True)
    return sculpture.mesh()


def lantern(rng: Generator) -> ColouredMesh:
    """A light in a case with a roof and a ring."""
    sculpture, metal, width = Sculpture(rng), any_colour(rng) * 0.5, rng.uniform(0.2, 0.3)
    height, sides = rng.uniform(0.4, 0.65), int(rng.choice([4, 6, 14]))
    sculpture.add(lathe([[0, 0], [1.15 * width, 0], [1.15 * width, 0.08], [0, 0.08]], sides), metal, plain=True)
    glow = hsv(rng.uniform(0.08, 0.15), rng.uniform(0.3, 0.8), 1.0)
    sculpture.add(lathe([[0, 0.08], [0.85 * width, 0.08], [0.85 * width, height], [0, height]], sides), glow)
    for azimuth in np.arange(max(sides % 7, 4)) / max(sides % 7, 4) * 2 * np.pi:
        way = width * np.array([np.sin(azimuth), 0, np.cos(azimuth)])
        sculpture.add(tube(way + [0, 0.06, 0], way + [0, height, 0], 0.025, 0.025, 5), metal, plain=True)
    roof = [[0, height], [1.3 * width, height], [0.3 * width, height + rng.uniform(0.12, 0.3)], [0, height + 0.2]]
    sculpture.add(lathe(roof, sides), metal, plain=True)
    low, reach = height + 0.1, 0.6 * width
    for side in SIDES:
        ring = arc([side * reach, low, 0], [side * reach, low + 0.35, 0], [0, low + 0.35, 0.001], 0.02, 0.02, 8)
        sculpture.add(ring, metal, plain=True)
    return sculpture.mesh()


def balloon(rng: Generator) -> ColouredMesh:
    """A balloon on a string, or one with a basket."""
    sculpture, skin, width = Sculpture(rng), any_colour(rng), rng.uniform(0.28, 0.4)
    angle = np.linspace(-0.5 * np.pi, 0.5 * np.pi, 22)
    tall = width * rng.uniform(1.0, 1.3)
    radius = width * np.cos(angle) * (1.0 + 0.15 * np.sin(angle))
    sculpture.add(lathe(np.stack([radius, 1.0 + tall * np.sin(angle)], -1)), skin)
    knot = 1.0 - tall
    if rng.uniform() < 0.6:
        sculpture.add(tube([0, knot - 0.06, 0], [0, knot + 0.02, 0], 0.05, 0.02, 8), 0.8 * skin, plain=True)
        sway = rng.uniform(-0.15, 0.15, 2)
        string = arc([0, knot, 0], [sway[0], 0.5 * knot, 0], [sway[1], knot - 0.6, 0.01], 0.012, 0.012, 14)
        sculpture.add(string, DARK + 0.3, plain=True)
        return sculpture.mesh()
    basket = 0.12
    sculpture.add(box([0, knot - 0.3, 0], [basket, 0.09, basket], 4), hsv(0.08, 0.6, 0.5), plain=True)
    for x in SIDES:
        for z in SIDES:
            rope = tube(
                [x * basket, knot - 0.25, z * basket],
                [x * 0.55 * width, 1.0 - 0.8 * tall, z * 0.5 * width],
                0.012,
                0.012,
                4,
            )
            sculpture.add(rope, DARK + 0.2, plain=True)
    return sculpture.mesh()


def robot_dog(rng: Generator) -> ColouredMesh:
    """A dog made of boxes, with an antenna for a tail."""
    sculpture, body, trim = Sculpture(rng), any_colour(rng), any_colour(rng)
    leg, width, half = rng.uniform(0.25, 0.45), rng.uniform(0.14, 0.22), rng.uniform(0.28, 0.42)
    middle = leg + 0.1
    sculpture.add(box([0, middle, 0], [width, 0.13, half], 6), body)
    neck, size = np.array([0, middle + 0.1, half]), rng.uniform(0.13, 0.2)
    head = neck + [0, 0.15 + size, 0.08]
    sculpture.add(tube(neck, head, 0.06, 0.06, 8), DARK + 0.2, True, "head", pivot=neck)
    sculpture.add(box(head, [size, 0.85 * size, size], 4), trim, True, "head")
    sculpture.add(
        box(head + [0, -0.25 * size, 1.3 * size], [0.55 * size, 0.4 * size, 0.4 * size], 2), body, True, "head"
    )
    light = hsv(rng.uniform(), 0.9, 1.0)
    for side in SIDES:
        eye = ellipsoid(head + [side * 0.5 * size, 0.35 * size, size], [0.04] * 3, 1)
        sculpture.add(eye, light, True, "head")
        ear = box(head + [side * 1.1 * size, 0.3 * size, 0], [0.03, 0.6 * size, 0.4 * size], 2)
        sculpture.add(ear, DARK + 0.1, True, "head")
        for end in SIDES:
            hip = np.array([side * (width + 0.04), middle, end * 0.75 * half])
            upper = box(hip - [0, 0.5 * leg, 0], [0.05, 0.5 * leg + 0.05, 0.07], 3)
            sculpture.add(upper, trim, True, "leg", side, end, hip)
            sculpture.add(box(hip - [0, leg + 0.05, -0.03], [0.065, 0.05, 0.1], 2), DARK, True, "leg", side, end)
    root = np.array([0, middle + 0.1, -half])
    tip = root + [0, rng.uniform(0.1, 0.3), -0.15]
    sculpture.add(tube(root, tip, 0.025, 0.02, 6), DARK + 0.3, True, "tail", pivot=root)
    sculpture.add(ellipsoid(tip, [0.05] * 3, 1), light, True, "tail")
    return sculpture.mesh()


KINDS = {
    "rocket": (rocket, ("rocket", "spaceship")),
    "train": (train, ("train", "locomotive")),
    "airplane": (airplane, ("airplane", "plane")),
    "flag": (flag, ("flag",)),
    "chair": (chair, ("chair",)),
    "lantern": (lantern, ("lantern", "lamp")),
    "balloon": (balloon, ("balloon",)),
    "robot_dog": (robot_dog, ("robot dog", "dog")),
}
