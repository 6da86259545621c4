"""Procedural plants: each function draws one random object of its kind."""

import numpy as np
from numpy.random import Generator

from to4d_lab.data.coloured import ColouredMesh
from to4d_lab.data.sculpture import Sculpture
from to4d_lab.data.solids import any_colour, ellipsoid, hsv, lathe, tube, turn


def leaf_green(rng: Generator) -> np.ndarray:
    """A green between yellowish and bluish."""
    return hsv(rng.uniform(0.2, 0.43), rng.uniform(0.45, 1.0), rng.uniform(0.3, 0.85))


def _pot(sculpture: Sculpture, rng: Generator, height: float, width: float) -> None:
    """A pot whose rim is at y = `height`."""
    rim = width * rng.uniform(1.0, 1.12)
    profile = [[0, 0], [width * 0.72, 0], [width, height * 0.82], [rim, height * 0.84], [rim, height], [0, height]]
    sculpture.add(lathe(profile), any_colour(rng) if rng.uniform() < 0.6 else hsv(0.05, 0.6, rng.uniform(0.4, 0.85)))


def _leaves(low: float, high: float) -> dict:
    """The limb of everything that bends: not at all at the height `low`, fully from `high` up."""
    return {"limb": "leaves", "pivot": [0, low, 0], "rise": ([0, low, 0], [0, high, 0])}


def potted_plant(rng: Generator) -> ColouredMesh:
    """Leaves on stems, out of a pot."""
    sculpture, green = Sculpture(rng), leaf_green(rng)
    width, pot, height = rng.uniform(0.2, 0.38), rng.uniform(0.28, 0.5), rng.uniform(0.4, 0.9)
    _pot(sculpture, rng, pot, width)
    leaves = _leaves(pot, pot + height)
    count, length_leaf, wide_leaf = rng.integers(4, 12), rng.uniform(0.16, 0.32), rng.uniform(0.06, 0.16)
    for index in range(count):
        rotation = turn("y", 360.0 * index / count + rng.uniform(-15, 15)) @ turn("x", rng.uniform(5, 62))
        start = np.array([0.0, pot + rng.uniform(0, 0.3) * height, 0.0])
        reach = rotation @ [0.0, rng.uniform(0.3, 0.65), 0.0]
        sculpture.add(tube(start - [0, 0.12, 0], start + reach, 0.025, 0.015, 6), 0.8 * green, plain=True, **leaves)
        leaf = ellipsoid(start + reach, [wide_leaf, length_leaf, 0.04], 2, rotation)
        sculpture.add(leaf, green * rng.uniform(0.75, 1.25), **leaves)
    for _ in range(rng.integers(0, 5)):
        place = [rng.uniform(-0.25, 0.25), pot + rng.uniform(0.4, 0.9) * height, rng.uniform(-0.25, 0.25)]
        sculpture.add(ellipsoid(place, [rng.uniform(0.06, 0.12)] * 3, 1), any_colour(rng), plain=True, **leaves)
    return sculpture.mesh()


def flower(rng: Generator) -> ColouredMesh:
    """One to three blossoms on stems, sometimes in a pot."""
    sculpture, petals, colour = Sculpture(rng), rng.integers(5, 10), any_colour(rng)
    potted = rng.uniform() < 0.6
    if potted:
        _pot(sculpture, rng, 0.35, rng.uniform(0.18, 0.3))
    leaves = _leaves(0.35 if potted else 0.0, 1.1)
    for stem in range(rng.integers(1, 4)):
        spread = 0.0 if stem == 0 else 0.32
        foot = np.array([0.0, 0.3 if potted else 0.0, 0.0])
        head = foot + [spread * rng.normal(), rng.uniform(0.6, 1.15), spread * rng.normal()]
        sculpture.add(tube(foot, head, 0.04, 0.03, 7), leaf_green(rng), **leaves)
        size, open_deg = rng.uniform(0.16, 0.3), rng.uniform(20, 80)
        for index in range(petals):
            rotation = turn("y", index / petals * 360.0) @ turn("x", open_deg)
            petal = ellipsoid(head + rotation @ [0.0, size, 0.0], [0.5 * size, size, 0.05], 2, rotation)
            sculpture.add(petal, colour, plain=True, **leaves)
        heart = ellipsoid(head, [0.45 * size] * 3, 1)
        sculpture.add(heart, hsv(0.13, 0.9, rng.uniform(0.3, 1.0)), plain=True, **leaves)
    for _ in range(rng.integers(1, 5)):
        rotation = turn("y", rng.uniform(0, 360)) @ turn("x", 60.0)
        start = np.array([0.0, rng.uniform(0.3, 0.8), 0.0])
        leaf = ellipsoid(start + rotation @ [0, 0.2, 0], [0.08, 0.2, 0.03], 2, rotation)
        sculpture.add(leaf, leaf_green(rng), **leaves)
    return sculpture.mesh()


def tree(rng: Generator) -> ColouredMesh:
    """A trunk with a crown of balls or cones."""
    sculpture, trunk = Sculpture(rng), rng.uniform(0.4, 0.8)
    stem, crown = lathe([[0, 0], [0.14, 0], [0.09, trunk], [0, trunk]]), _leaves(0.3 * trunk, trunk + 0.5)
    sculpture.add(stem, hsv(0.07, 0.6, rng.uniform(0.3, 0.6)), **crown)
    green = leaf_green(rng) if rng.uniform() < 0.75 else any_colour(rng)
    if rng.uniform() < 0.5:
        count = rng.integers(2, 5)
        for index in range(count):
            low, wide = trunk - 0.1 + 0.28 * index, 0.55 * (1.0 - index / (count + 1))
            sculpture.add(lathe([[0, low], [wide, low], [0.01, low + 0.5]]), green * rng.uniform(0.85, 1.1), **crown)
    else:
        for _ in range(rng.integers(3, 8)):
            place = [rng.uniform(-0.3, 0.3), trunk + rng.uniform(0.1, 0.6), rng.uniform(-0.3, 0.3)]
            sculpture.add(ellipsoid(place, [rng.uniform(0.2, 0.36)] * 3), green * rng.uniform(0.8, 1.2), **crown)
    return sculpture.mesh()


def cactus(rng: Generator) -> ColouredMesh:
    """A column with two arms in a pot."""
    sculpture, green, height = Sculpture(rng), leaf_green(rng), rng.uniform(0.7, 1.1)
    _pot(sculpture, rng, 0.3, rng.uniform(0.2, 0.3))
    column = [[0, 0.2], [0.16, 0.2], [0.19, 0.2 + 0.5 * height], [0.15, 0.1 + height], [0.01, 0.2 + height]]
    sculpture.add(lathe(column), green)
    for side in (-1, 1):
        low = 0.2 + height * rng.uniform(0.3, 0.55)
        sculpture.add(tube([side * 0.1, low, 0], [side * 0.38, low + 0.03, 0], 0.08, 0.08), green)
        sculpture.add(tube([side * 0.38, low, 0], [side * 0.38, low + rng.uniform(0.2, 0.45), 0], 0.085, 0.06), green)
    return sculpture.mesh()


def mushroom(rng: Generator) -> ColouredMesh:
    """A stem and a spotted cap."""
    sculpture, height = Sculpture(rng), rng.uniform(0.4, 0.8)
    stem, cap = rng.uniform(0.1, 0.2), rng.uniform(0.33, 0.55)
    sculpture.add(lathe([[0, 0], [1.2 * stem, 0], [stem, height], [0, height]]), np.array([0.92, 0.86, 0.74]))
    dome = [[0, -0.05], [cap, -0.02], [0.85 * cap, 0.4 * cap], [0.4 * cap, 0.68 * cap], [0.01, 0.75 * cap]]
    colour = hsv(rng.uniform(-0.05, 0.12), rng.uniform(0.5, 1.0), rng.uniform(0.5, 0.95))
    sculpture.add(lathe([[r, y + height] for r, y in dome], 24), colour)
    for _ in range(rng.integers(0, 10)):
        around, up = rng.uniform(0, 6.28), rng.uniform(0.3, 1.2)
        place = [0.9 * cap * np.cos(around) * np.cos(up), height + 0.7 * cap * np.sin(up), 0.9 * cap * np.sin(around)]
        place[2] *= np.cos(up)
        sculpture.add(ellipsoid(place, [0.07] * 3, 1), np.array([0.97] * 3), plain=True)
    return sculpture.mesh()
