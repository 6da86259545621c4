"""Procedural animals of the water: each function draws one random object of its kind, facing +z."""

from functools import partial

import numpy as np
from numpy.random import Generator

from to4d_lab.data.coloured import ColouredMesh
from to4d_lab.data.creatures import eyes
from to4d_lab.data.sculpture import Sculpture
from to4d_lab.data.solids import any_colour, arc, ellipsoid, hsv, lathe, tube, turn

DARK = np.array([0.05, 0.05, 0.05])
LIGHT = np.array([0.95, 0.95, 0.92])
SIDES = (-1.0, 1.0)


def frog(rng: Generator) -> ColouredMesh:
    """A squat body with folded hind legs and eyes on top."""
    sculpture, coat = Sculpture(rng), hsv(rng.uniform(0.15, 0.45), rng.uniform(0.5, 1), rng.uniform(0.4, 0.9))
    coat, width = coat if rng.uniform() < 0.7 else any_colour(rng), rng.uniform(0.22, 0.34)
    sculpture.add(ellipsoid([0, 0.26, 0], [width, 0.2, 0.36], 3, turn("x", -rng.uniform(5, 30))), coat)
    sculpture.add(ellipsoid([0, 0.2, 0.08], [0.85 * width, 0.16, 0.27], 1), 0.5 * coat + 0.45, plain=True)
    sculpture.add(ellipsoid([0, 0.38, 0.3], [0.8 * width, 0.13, 0.17]), coat, True, "head", pivot=[0, 0.35, 0.15])
    eyes(sculpture, [0, 0.5, 0.3], 0.55 * width, rng.uniform(0.06, 0.09), limb="head")
    for side in SIDES:
        hip, knee = np.array([side * 0.8 * width, 0.2, -0.2]), [side * (width + 0.13), 0.26, 0.08]
        foot = [side * (width + 0.15), 0.03, -0.18]
        add_to_leg = partial(sculpture.add, plain=True, limb="leg", side=side)
        add_to_hind_leg = partial(add_to_leg, end=-1.0, pivot=hip)
        add_to_hind_leg(tube(hip, knee, 0.11, 0.06), 0.9 * coat)
        add_to_hind_leg(tube(knee, foot, 0.055, 0.04), 0.9 * coat)
        add_to_hind_leg(ellipsoid(np.add(foot, [0, 0, 0.1]), [0.09, 0.03, 0.15], 1), 0.8 * coat)
        shoulder, hand = np.array([side * 0.8 * width, 0.22, 0.2]), [side * (width + 0.04), 0.03, 0.33]
        add_to_front_leg = partial(add_to_leg, end=1.0, pivot=shoulder)
        add_to_front_leg(tube(shoulder, hand, 0.06, 0.035), 0.9 * coat)
        add_to_front_leg(ellipsoid(np.add(hand, [0, 0, 0.04]), [0.07, 0.025, 0.08], 1), 0.8 * coat)
    return sculpture.mesh()


def octopus(rng: Generator) -> ColouredMesh:
    """A round head over eight arms that curl outwards."""
    sculpture, coat, size, up = Sculpture(rng), any_colour(rng), rng.uniform(0.24, 0.34), rng.uniform(0.3, 0.5)
    sculpture.add(ellipsoid([0, up + 0.8 * size, 0], [size, size * rng.uniform(0.9, 1.4), size], 3), coat)
    eyes(sculpture, [0, up + 0.7 * size, 0.9 * size], 0.4 * size, 0.07)
    reach, curl = rng.uniform(0.4, 0.65), rng.uniform(-0.05, 0.3)
    for angle in np.deg2rad(np.arange(8) * 45 + 22.5):
        way = np.array([np.sin(angle), 0, np.cos(angle)])
        start, low, tip = 0.5 * size * way + [0, up, 0], (0.5 * size + 0.3 * reach) * way - [0, 0.1, 0], reach * way
        side, end = (float(s) for s in np.sign(way[[0, 2]]))
        pivot = [side * 0.35 * size, up, end * 0.35 * size]
        tentacle = arc(start, low, tip + [0, curl, 0], 0.3 * size, 0.025, 10)
        sculpture.add(tentacle, 0.95 * coat, True, "leg", side, end, pivot)
    return sculpture.mesh()


def jellyfish(rng: Generator) -> ColouredMesh:
    """A dome with threads that hang from it."""
    sculpture, coat, width, height = Sculpture(rng), any_colour(rng), rng.uniform(0.3, 0.45), rng.uniform(0.25, 0.45)
    angle = np.linspace(0, 0.5 * np.pi, 9)
    dome = [[0, 0.06], [0.8 * width, 0.02], *np.stack([width * np.cos(angle), height * np.sin(angle)], -1)]
    sculpture.add(lathe(np.add(dome, [0, 0.7])), coat)
    length = rng.uniform(0.4, 0.7)
    for azimuth in np.arange(9) / 9 * 2 * np.pi:
        way, bend = np.array([np.sin(azimuth), 0, np.cos(azimuth)]), rng.normal(0, 0.12, 3)
        start, tip = 0.65 * width * way + [0, 0.72, 0], rng.uniform(0.3, 0.9) * width * way + [0, 0.7 - length, 0]
        sculpture.add(arc(start, 0.5 * (start + tip) + bend, tip, 0.04, 0.015, 10), 0.5 * coat + 0.4, plain=True)
    return sculpture.mesh()


def penguin(rng: Generator) -> ColouredMesh:
    """An upright bird with flippers and a light belly."""
    sculpture, width, half = Sculpture(rng), rng.uniform(0.24, 0.34), rng.uniform(0.36, 0.48)
    coat = hsv(rng.uniform(0.5, 0.75), rng.uniform(0, 0.6), rng.uniform(0.1, 0.4))
    coat, orange = coat if rng.uniform() < 0.8 else any_colour(rng), hsv(rng.uniform(0.05, 0.13), 0.95, 0.95)
    sculpture.add(ellipsoid([0, 0.06 + half, 0], [width, half, 0.9 * width], 3), coat, plain=True)
    sculpture.add(ellipsoid([0, 0.02 + half, 0.25 * width], [0.78 * width, 0.85 * half, 0.72 * width]), LIGHT, True)
    size = rng.uniform(0.16, 0.24)
    head, neck = np.array([0, 2 * half + 0.45 * size, 0.05]), np.array([0, 1.9 * half, 0])
    sculpture.add(ellipsoid(head, [size] * 3), coat, True, "head", pivot=neck)
    sculpture.add(tube(head + [0, 0, 0.85 * size], head + [0, -0.03, 1.6 * size], 0.06, 0.01), orange, True, "head")
    eyes(sculpture, head + [0, 0.25 * size, 0.85 * size], 0.45 * size, 0.05, limb="head")
    spread = rng.uniform(8, 50)
    for side in SIDES:
        joint, roll = np.array([side * 0.8 * width, 1.5 * half, 0]), turn("z", side * spread)
        wing = ellipsoid(joint + roll @ [side * 0.03, -0.5 * half, 0], [0.04, 0.55 * half, 0.4 * width], 1, roll)
        sculpture.add(wing, 0.85 * coat, True, "wing", side, pivot=joint)
        foot = np.array([side * 0.5 * width, 0.04, 0.1])
        sculpture.add(ellipsoid(foot, [0.1, 0.04, 0.17], 1), orange, True, "leg", side, pivot=[foot[0], 0.3, 0])
    sculpture.add(ellipsoid([0, 0.14, -0.85 * width], [0.09, 0.05, 0.15], 1), coat, True, "tail", pivot=[0, 0.2, -0.1])
    return sculpture.mesh()


def turtle(rng: Generator) -> ColouredMesh:
    """A shell over four short legs."""
    sculpture, coat, shell = Sculpture(rng), hsv(rng.uniform(0.1, 0.45), 0.6, rng.uniform(0.4, 0.9)), any_colour(rng)
    width, length, height = rng.uniform(0.3, 0.4), rng.uniform(0.38, 0.52), rng.uniform(0.2, 0.38)
    angle = np.linspace(0, 0.5 * np.pi, 9)
    dome, rim = np.stack([np.cos(angle), height * np.sin(angle)], -1), [[0, -0.06], [0.9, -0.06], [1.06, 0]]
    points, faces = lathe(np.concatenate([rim, dome]), 24)
    sculpture.add((points * [width, 1, length] + [0, 0.2, 0], faces), shell)
    neck, size = np.array([0, 0.22, 0.75 * length]), rng.uniform(0.09, 0.15)
    head = neck + [0, rng.uniform(0.02, 0.2), rng.uniform(0.2, 0.32)]
    sculpture.add(tube(neck, head, 0.08, 0.07), coat, True, "head", pivot=neck)
    sculpture.add(ellipsoid(head, [size, 0.9 * size, 1.2 * size]), coat, True, "head")
    eyes(sculpture, head + [0, 0.35 * size, 0.8 * size], 0.5 * size, 0.04, limb="head")
    rear = np.array([0, 0.2, -0.9 * length])
    sculpture.add(tube(rear, rear - [0, 0.06, 0.2], 0.05, 0.01), coat, True, "tail", pivot=rear)
    for side in SIDES:
        for end in SIDES:
            hip = np.array([side * 0.65 * width, 0.2, end * 0.6 * length])
            foot = np.array([side * (0.95 * width + 0.05), 0.03, end * 0.8 * length])
            sculpture.add(tube(hip, foot, 0.09, 0.075), coat, True, "leg", side, end, hip)
    return sculpture.mesh()


KINDS = {
    "frog": (frog, ("frog", "animal")),
    "octopus": (octopus, ("octopus",)),
    "jellyfish": (jellyfish, ("jellyfish",)),
    "penguin": (penguin, ("penguin", "bird")),
    "turtle": (turtle, ("turtle", "animal")),
}
