"""Procedural figures: each function draws one random object of its kind."""

import numpy as np
from numpy.random import Generator

from to4d_lab.data.coloured import ColouredMesh
from to4d_lab.data.sculpture import Sculpture
from to4d_lab.data.solids import any_colour, box, ellipsoid, hsv, lathe, tube, turn

DARK = np.array([0.05, 0.05, 0.05])
SIDES = (-1.0, 1.0)


def figure(rng: Generator) -> ColouredMesh:
    """A person with head, arms, legs and perhaps a hat."""
    sculpture = Sculpture(rng)
    skin = hsv(rng.uniform(0.03, 0.1), rng.uniform(0.25, 0.6), rng.uniform(0.5, 0.98))
    skin, shirt, trousers = skin if rng.uniform() < 0.6 else any_colour(rng), any_colour(rng), any_colour(rng)
    leg, width, half, limb = rng.uniform(0.25, 0.6), rng.uniform(0.18, 0.34), rng.uniform(0.25, 0.4), 0.07
    limb += rng.uniform(0, 0.05)
    for side in SIDES:
        hip = [side * width * 0.5, leg + 0.1, 0]
        thigh = tube([side * width * 0.55, 0, 0], hip, limb, 1.1 * limb)
        sculpture.add(thigh, trousers, limb="leg", side=side, pivot=hip)
        shoe = ellipsoid([side * width * 0.55, 0.05, 0.06], [1.2 * limb, 0.06, 0.15])
        sculpture.add(shoe, 0.5 * trousers, plain=True, limb="leg", side=side)
        shoulder = np.array([side * width, leg + 1.6 * half, 0])
        hand = shoulder + turn("z", side * rng.uniform(5, 140)) @ [0, -rng.uniform(0.35, 0.55), 0]
        sculpture.add(tube(shoulder, hand, 0.075, 0.06), shirt, limb="arm", side=side, pivot=shoulder)
        sculpture.add(ellipsoid(hand, [0.08] * 3, 1), skin, plain=True, limb="arm", side=side)
    sculpture.add(ellipsoid([0, leg + half, 0], [width, half, 0.75 * width], 3), shirt)
    head = rng.uniform(0.17, 0.3)
    middle = leg + 2 * half + 0.8 * head
    skull = ellipsoid([0, middle, 0], [head, head * rng.uniform(0.9, 1.2), head], 3)
    sculpture.add(skull, skin, plain=True, limb="head", pivot=[0, leg + 2 * half - 0.1 * head, 0])
    for side in SIDES:
        eye = ellipsoid([side * head * 0.4, middle + 0.05, head * 0.85], [0.045] * 3, 1)
        sculpture.add(eye, DARK, plain=True, limb="head")
    if rng.uniform() < 0.65:
        hat = ellipsoid([0, middle + 0.6 * head, -0.02], [1.05 * head, 0.6 * head, 1.05 * head])
        sculpture.add(hat, any_colour(rng), limb="head")
    return sculpture.mesh()


def robot(rng: Generator) -> ColouredMesh:
    """Boxes for body, head and limbs, with an antenna."""
    sculpture, body, limbs, width = Sculpture(rng), any_colour(rng), any_colour(rng), rng.uniform(0.22, 0.34)
    for side in SIDES:
        leg = box([side * width * 0.55, 0.2, 0], [0.09, 0.2, 0.1])
        sculpture.add(leg, limbs, limb="leg", side=side, pivot=[side * width * 0.55, 0.4, 0])
        half, out = rng.uniform(0.18, 0.28), side * (width + 0.1)
        arm = box([out, 0.65, 0], [0.07, half, 0.08])
        sculpture.add(arm, limbs, limb="arm", side=side, pivot=[out, 0.6 + half, 0])
    sculpture.add(box([0, 0.65, 0], [width, 0.28, 0.2]), body)
    head = rng.uniform(0.16, 0.26)
    face = box([0, 0.93 + head, 0], [head, 0.85 * head, 0.9 * head])
    sculpture.add(face, limbs, limb="head", pivot=[0, 0.93, 0])
    for side in SIDES:
        eye = ellipsoid([side * 0.45 * head, 0.98 + head, 0.9 * head], [0.05] * 3, 1)
        sculpture.add(eye, any_colour(rng), plain=True, limb="head")
    top = 0.93 + 1.7 * head
    sculpture.add(tube([0, top, 0], [0, top + 0.22, 0], 0.02, 0.02, 6), np.array([0.4] * 3), limb="head")
    sculpture.add(ellipsoid([0, top + 0.24, 0], [0.05] * 3, 1), any_colour(rng), plain=True, limb="head")
    return sculpture.mesh()


def teddy(rng: Generator) -> ColouredMesh:
    """A sitting bear."""
    sculpture, coat = Sculpture(rng), hsv(rng.uniform(0.04, 0.1), rng.uniform(0.4, 0.8), rng.uniform(0.35, 0.85))
    sculpture.add(ellipsoid([0, 0.4, 0], [0.32, 0.38, 0.28], 3), coat)
    sculpture.add(ellipsoid([0, 0.95, 0], [0.27, 0.25, 0.25], 3), coat, plain=True, limb="head", pivot=[0, 0.75, 0])
    for side in SIDES:
        ear = ellipsoid([side * 0.22, 1.17, 0], [0.1, 0.1, 0.06], 1)
        sculpture.add(ear, 0.8 * coat, True, limb="ear", side=side, pivot=[side * 0.18, 1.12, 0], on="head")
        arm = ellipsoid([side * 0.4, 0.55, 0.1], [0.1, 0.2, 0.1], 2, turn("z", side * 40))
        sculpture.add(arm, 0.9 * coat, limb="arm", side=side, pivot=[side * 0.28, 0.69, 0.07])
        sculpture.add(ellipsoid([side * 0.22, 0.08, 0.2], [0.13, 0.11, 0.22]), 0.9 * coat)
        sculpture.add(ellipsoid([side * 0.1, 1.0, 0.22], [0.035] * 3, 1), DARK, plain=True, limb="head")
    sculpture.add(ellipsoid([0, 0.9, 0.23], [0.1, 0.08, 0.08], 1), 1.4 * coat, plain=True, limb="head")
    sculpture.add(ellipsoid([0, 0.4, 0.17], [0.2, 0.24, 0.15]), 1.3 * coat, plain=True)
    return sculpture.mesh()


def snowman(rng: Generator) -> ColouredMesh:
    """Three balls, a carrot and a hat."""
    sculpture, low, radius = Sculpture(rng), 0.0, rng.uniform(0.32, 0.42)
    for shrink in (1.0, 0.75, 0.56):
        size = radius * shrink
        middle = low + 0.85 * size
        ball, snow = ellipsoid([0, middle, 0], [size] * 3, 3), np.array([0.88, 0.92, 0.97])
        sculpture.add(ball, snow, True, limb="head" if shrink < 0.6 else None, pivot=[0, middle - 0.9 * size, 0])
        low = middle + 0.65 * size
    nose = [0, middle, 0.8 * size]
    sculpture.add(tube(nose, [0, middle - 0.03, 2 * size], 0.06, 0.01), hsv(0.07, 0.95, 0.95), True, limb="head")
    for side in SIDES:
        eye = ellipsoid([side * 0.4 * size, middle + 0.08, 0.85 * size], [0.04] * 3, 1)
        sculpture.add(eye, DARK, plain=True, limb="head")
        shoulder = [side * 0.25, middle - 0.45, 0]
        arm = tube(shoulder, [side * 0.75, middle - 0.2, 0], 0.03, 0.02, 6)
        sculpture.add(arm, np.array([0.3, 0.2, 0.1]), plain=True, limb="arm", side=side, pivot=shoulder)
    brim, top = middle + 0.75 * size, middle + 1.6 * size
    hat = [
        [0, brim],
        [1.1 * size, brim],
        [1.1 * size, brim + 0.03],
        [0.65 * size, brim + 0.03],
        [0.65 * size, top],
        [0, top],
    ]
    sculpture.add(lathe(hat), any_colour(rng), limb="head")
    return sculpture.mesh()
