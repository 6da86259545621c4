"""Procedural things: each function draws one random object of its kind."""

import numpy as np
from numpy.random import Generator
from scipy.interpolate import PchipInterpolator

from to4d_lab.data.coloured import ColouredMesh
from to4d_lab.data.sculpture import Sculpture
from to4d_lab.data.solids import any_colour, box, ellipsoid, hsv, lathe, tube, turn

SIDES = (-1.0, 1.0)


def candle(rng: Generator) -> ColouredMesh:
    """A candle with its flame, sometimes on a plate."""
    sculpture, width, height = Sculpture(rng), rng.uniform(0.14, 0.32), rng.uniform(0.5, 1.1)
    wax = any_colour(rng) if rng.uniform() < 0.5 else np.array([0.95, 0.88, 0.7])
    body = [[0, 0], [width, 0], [width, height], [0.8 * width, 0.98 * height], [0, 0.95 * height]]
    sculpture.add(lathe(body), wax)
    wick = tube([0, 0.95 * height, 0], [0, height + 0.1, 0], 0.02, 0.02, 6)
    sculpture.add(wick, np.array([0.1] * 3), plain=True)
    flame = [[0, 0.07], [0.07, 0.15], [0.05, 0.25], [0.005, 0.38]]
    sculpture.add(lathe([[r, y + height] for r, y in flame], 12), hsv(rng.uniform(0.04, 0.14), 0.9, 1.0), plain=True)
    if rng.uniform() < 0.5:
        plate = [[0, -0.08], [1.7 * width, -0.08], [1.8 * width, 0.02], [0, 0]]
        sculpture.add(lathe(plate), any_colour(rng))
    return sculpture.mesh()


def bell(rng: Generator) -> ColouredMesh:
    """A bell with a handle and a clapper."""
    sculpture, width, height = Sculpture(rng), rng.uniform(0.3, 0.5), rng.uniform(0.4, 0.75)
    brass = hsv(rng.uniform(0.08, 0.15), rng.uniform(0.4, 0.9), rng.uniform(0.5, 0.95))
    metal = brass if rng.uniform() < 0.7 else any_colour(rng)
    wall = [[0, 0.02], [0.9, 0.02], [1.0, 0.0], [0.75, 0.3], [0.5, 0.75], [0.25, 1.0], [0, 1.0]]
    sculpture.add(lathe([[r * width, y * height] for r, y in wall]), metal)
    handle = [[0, 0], [0.05, 0], [rng.uniform(0.05, 0.1), 0.2], [0.05, rng.uniform(0.3, 0.6)], [0, 0.62]]
    sculpture.add(lathe([[r, y + height] for r, y in handle], 12), any_colour(rng))
    sculpture.add(ellipsoid([0, 0, 0], [0.09] * 3, 1), 0.5 * metal, plain=True)
    return sculpture.mesh()


def lamp(rng: Generator) -> ColouredMesh:
    """A foot, a pole and a shade."""
    sculpture, height = Sculpture(rng), rng.uniform(0.6, 1.0)
    foot = [[0, 0], [rng.uniform(0.2, 0.32), 0], [0.2, 0.06], [0.04, 0.1], [0.04, height], [0, height]]
    sculpture.add(lathe(foot), any_colour(rng))
    low, high, top = rng.uniform(0.3, 0.45), rng.uniform(0.15, 0.28), height + rng.uniform(0.25, 0.4)
    sculpture.add(lathe([[0, height - 0.1], [low, height - 0.1], [high, top], [0, height + 0.3]]), any_colour(rng))
    return sculpture.mesh()


def vase(rng: Generator) -> ColouredMesh:
    """A smooth surface of revolution: vase, bottle, cup."""
    sculpture, knots = Sculpture(rng), rng.integers(4, 7)
    heights = np.linspace(0, rng.uniform(0.7, 1.4), knots)
    radii = rng.uniform(0.15, 0.45) * np.exp(rng.normal(0, 0.35, knots))
    dense = np.linspace(0, heights[-1], 24)
    wall = np.stack([PchipInterpolator(heights, radii)(dense), dense], -1)
    sculpture.add(lathe(np.concatenate([[[0, 0]], wall, [[0, heights[-1]]]])), any_colour(rng))
    if rng.uniform() < 0.3:
        band = [[1.02 * radii[1] + 0.02, 0.8 * heights[1]], [1.05 * radii[1] + 0.02, 1.3 * heights[1]]]
        sculpture.add(lathe(band), any_colour(rng))
    return sculpture.mesh()


def house(rng: Generator) -> ColouredMesh:
    """A box with a door and a pyramid roof."""
    sculpture = Sculpture(rng)
    width, height, depth = rng.uniform(0.35, 0.5), rng.uniform(0.25, 0.4), rng.uniform(0.3, 0.45)
    sculpture.add(box([0, height, 0], [width, height, depth], 8), any_colour(rng))
    points, faces = lathe([[0, 0], [1.55 * width, 0], [0.01, rng.uniform(0.35, 0.6)]], 4)
    points = points @ turn("y", 45).T * [1, 1, depth / width] + [0, 2 * height, 0]
    sculpture.add((points, faces), any_colour(rng))
    sculpture.add(box([0, 0.5 * height, depth], [0.08, 0.5 * height, 0.02], 4), any_colour(rng), plain=True)
    return sculpture.mesh()


def cube(rng: Generator) -> ColouredMesh:
    """A box."""
    sculpture = Sculpture(rng)
    sculpture.add(box([0, 0.5, 0], rng.uniform(0.3, 0.5, 3), 10), any_colour(rng))
    return sculpture.mesh()


def ball(rng: Generator) -> ColouredMesh:
    """A sphere with a bump, so that a turn shows."""
    sculpture = Sculpture(rng)
    sculpture.add(ellipsoid([0, 0.5, 0], [0.5] * 3, 3), any_colour(rng))
    sculpture.add(ellipsoid([rng.uniform(-0.2, 0.2), 0.6, 0.42], [0.13, 0.13, 0.1], 1), any_colour(rng), plain=True)
    return sculpture.mesh()


def car(rng: Generator) -> ColouredMesh:
    """A body, a cabin and four wheels, driving towards +z."""
    sculpture = Sculpture(rng)
    sculpture.add(box([0, 0.25, 0], [0.27, 0.13, 0.55], 8), any_colour(rng))
    glass = np.array([0.6, 0.75, 0.85]) * rng.uniform(0.5, 1)
    sculpture.add(box([0, 0.48, rng.uniform(-0.2, 0.2)], [0.23, 0.12, rng.uniform(0.2, 0.35)], 6), glass, plain=True)
    for side in SIDES:
        for end in (-0.35, 0.35):
            wheel = ellipsoid([0.27 * side, 0.13, end], [0.06, 0.13, 0.13])
            sculpture.add(wheel, np.array([0.1] * 3), plain=True)
    return sculpture.mesh()


def blob(rng: Generator) -> ColouredMesh:
    """A pile of ellipsoids that looks like nothing in particular."""
    sculpture = Sculpture(rng)
    for _ in range(rng.integers(3, 9)):
        place = rng.uniform([-0.35, 0.1, -0.35], [0.35, 1.1, 0.35])
        rotation = turn("y", rng.uniform(0, 360)) @ turn("x", rng.uniform(0, 90))
        sculpture.add(ellipsoid(place, rng.uniform(0.1, 0.35, 3), 2, rotation), any_colour(rng))
    return sculpture.mesh()
