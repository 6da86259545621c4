"""Procedural food: each function draws one random object of its kind."""

import numpy as np
from numpy.random import Generator

from to4d_lab.data.coloured import ColouredMesh
from to4d_lab.data.sculpture import Sculpture
from to4d_lab.data.solids import any_colour, arc, ellipsoid, hsv, lathe, sweep, tube, turn

CREAM = np.array([0.96, 0.92, 0.82])


def round_wall(width: float, low: float, high: float, bulge: float = 0.08) -> list[list[float]]:
    """The profile of a disc with rounded edges, (radius, height) points from bottom to top."""
    inner = max(width - bulge * (high - low) - 0.02, 0.5 * width)
    step = 0.3 * (high - low)
    return [[0, low], [inner, low], [width, low + step], [width, high - step], [inner, high]]


def closed(profile: list) -> list:
    """The profile led back to the axis."""
    return [*profile, [0, profile[-1][1]]]


def apple(rng: Generator) -> ColouredMesh:
    """A fruit with dimples, a stem and sometimes a leaf."""
    sculpture, hue = Sculpture(rng), rng.choice([0.0, 0.02, 0.15, 0.3])
    skin = hsv(hue, rng.uniform(0.7, 1.0), rng.uniform(0.6, 0.95))
    angle = np.linspace(-0.5 * np.pi, 0.5 * np.pi, 24)
    width, height, waist = rng.uniform(0.38, 0.48), rng.uniform(0.34, 0.46), rng.uniform(0.05, 0.25)
    radius = width * np.cos(angle) * (1.0 + 0.3 * waist * np.sin(angle))
    rise = height * np.sin(angle) * (1.0 - 0.3 * np.exp(-((radius / (0.3 * width)) ** 2)))
    sculpture.add(lathe(np.stack([radius, rise + height], -1)), skin)
    top, tip = [0, 1.65 * height, 0], np.array([rng.uniform(-0.1, 0.1), 2.1 * height, 0])
    sculpture.add(tube(top, tip, 0.025, 0.03, 6), hsv(0.08, 0.6, 0.35), plain=True)
    if rng.uniform() < 0.7:
        roll = turn("y", rng.uniform(0, 360)) @ turn("z", 25)
        leaf = ellipsoid(tip + roll @ [0.14, 0, 0] - [0, 0.04, 0], [0.14, 0.015, 0.07], 2, roll)
        sculpture.add(leaf, hsv(0.33, 0.8, rng.uniform(0.4, 0.7)), plain=True)
    return sculpture.mesh()


def cake(rng: Generator) -> ColouredMesh:
    """One to three layers with icing and candles."""
    sculpture, width, low = Sculpture(rng), rng.uniform(0.35, 0.5), 0.0
    icing = any_colour(rng) if rng.uniform() < 0.6 else CREAM
    for _ in range(rng.integers(1, 4)):
        high = low + rng.uniform(0.16, 0.3)
        sculpture.add(lathe(closed(round_wall(width, low, high))), any_colour(rng))
        drip = [[0, high + 0.03], [0.98 * width, high + 0.03], [1.04 * width, high - 0.02], [1.03 * width, high - 0.08]]
        sculpture.add(lathe(drip), icing, plain=True)
        low, width, last = high + 0.03, width * rng.uniform(0.6, 0.85), width
    count, wax = int(rng.integers(1, 6)), any_colour(rng)
    for azimuth in np.arange(count) / count * 2 * np.pi:
        place = (0.6 * last if count > 1 else 0.0) * np.array([np.sin(azimuth), 0, np.cos(azimuth)]) + [0, low, 0]
        sculpture.add(tube(place, place + [0, 0.2, 0], 0.03, 0.03, 6), wax, plain=True)
        sculpture.add(ellipsoid(place + [0, 0.26, 0], [0.03, 0.06, 0.03], 1), hsv(0.11, 0.9, 1.0), plain=True)
    return sculpture.mesh()


def burger(rng: Generator) -> ColouredMesh:
    """Two halves of a bun with things between them."""
    sculpture, width = Sculpture(rng), rng.uniform(0.4, 0.5)
    bun = hsv(rng.uniform(0.07, 0.1), rng.uniform(0.5, 0.75), rng.uniform(0.75, 0.95))
    sculpture.add(lathe(closed(round_wall(width, 0, 0.16))), bun, plain=True)
    low = 0.16
    fill = [hsv(0.05, 0.7, 0.3), hsv(0.28, 0.8, 0.75), hsv(0.13, 0.85, 0.98), hsv(0.0, 0.85, 0.8)]
    for number in [0, *rng.integers(0, len(fill), rng.integers(1, 4))]:
        high = low + (0.12 if number == 0 else 0.05)
        slab = lathe(closed(round_wall(width * rng.uniform(0.95, 1.1), low, high)), 4 if number == 2 else 20)
        sculpture.add(slab, fill[number], plain=True)
        low = high
    angle, height = np.linspace(0, 0.5 * np.pi, 10), rng.uniform(0.2, 0.34)
    dome = np.stack([width * np.cos(angle), low + height * np.sin(angle)], -1)
    sculpture.add(lathe([[0, low], *dome]), bun, plain=True)
    for _ in range(rng.integers(0, 14)):
        tilt, azimuth = rng.uniform(0.2, 0.9), rng.uniform(0, 2 * np.pi)
        way = np.array([np.sin(tilt) * np.sin(azimuth), np.cos(tilt), np.sin(tilt) * np.cos(azimuth)])
        seed = ellipsoid(way * [width, height, width] + [0, low, 0], [0.025, 0.02, 0.025], 0)
        sculpture.add(seed, CREAM, plain=True)
    return sculpture.mesh()


def ice_cream(rng: Generator) -> ColouredMesh:
    """A cone or a cup with one to three scoops."""
    sculpture, width, high = Sculpture(rng), rng.uniform(0.2, 0.28), rng.uniform(0.45, 0.75)
    wafer = hsv(rng.uniform(0.07, 0.1), 0.55, rng.uniform(0.7, 0.9))
    cup = rng.uniform() < 0.3
    high = 0.6 * high if cup else high
    wall = [[0, 0], [0.7 * width if cup else 0.02, 0], [width, high], [0.9 * width, high - 0.02], [0, high - 0.03]]
    sculpture.add(lathe(wall), any_colour(rng) if cup else wafer)
    size, low = 1.08 * width, high
    for number in range(rng.integers(1, 4)):
        middle = [rng.normal(0, 0.02), low + (0.35 if number == 0 else 0.6) * size, rng.normal(0, 0.02)]
        sculpture.add(ellipsoid(middle, [size, 0.9 * size, size], 2), any_colour(rng))
        low, size = middle[1] + 0.3 * size, 0.88 * size
    if rng.uniform() < 0.5:
        cherry = [0, low + 0.75 * size, 0]
        sculpture.add(ellipsoid(cherry, [0.07] * 3, 1), hsv(0.98, 0.9, 0.8), plain=True)
    return sculpture.mesh()


def carrot(rng: Generator) -> ColouredMesh:
    """A root that stands on its tip, with a tuft of leaves."""
    sculpture, height, width = Sculpture(rng), rng.uniform(0.7, 1.1), rng.uniform(0.13, 0.22)
    share = np.linspace(0, 1, 14)
    radius = width * np.sqrt(np.clip(share, 0, 1)) * np.where(share > 0.97, 0.6, 1.0)
    wall = [*np.stack([radius, height * share], -1), [0, 1.01 * height]]
    sculpture.add(lathe(wall), hsv(rng.uniform(0.05, 0.09), 0.9, rng.uniform(0.8, 1.0)))
    green, top = hsv(rng.uniform(0.27, 0.38), 0.8, rng.uniform(0.4, 0.7)), np.array([0, 0.98 * height, 0])
    for azimuth in np.arange(7) / 7 * 2 * np.pi:
        way, rise = np.array([np.sin(azimuth), 0, np.cos(azimuth)]), rng.uniform(0.2, 0.45)
        tip = top + way * rng.uniform(0.1, 0.3) + [0, rise, 0]
        blade = arc(top + 0.3 * width * way, top + [0, rise, 0], tip, 0.035, 0.02, 8)
        sculpture.add(blade, green, plain=True, limb="leaves", pivot=top)
    return sculpture.mesh()


def banana(rng: Generator) -> ColouredMesh:
    """A bent fruit, lying or standing on its end."""
    sculpture, bend, thick = Sculpture(rng), rng.uniform(0.8, 1.7), rng.uniform(0.09, 0.14)
    angle = np.linspace(-0.5, 0.5, 22) * bend
    path = 0.9 / bend * np.stack([np.sin(angle), 1.0 - np.cos(angle), 0.02 * angle], -1)
    share = np.linspace(-1, 1, 22)
    radii = thick * np.maximum((1 - np.abs(share) ** 4) ** 0.6, 0.3)
    radii[[0, -1]] = 1e-3
    path = path @ turn("z", rng.choice([0.0, 70.0, 90.0])).T @ turn("y", rng.uniform(0, 360)).T
    vertices, faces = sweep(path, radii, 10)
    colour = hsv(rng.uniform(0.12, 0.17), 0.85, 0.95) if rng.uniform() < 0.8 else any_colour(rng)
    sculpture.add((vertices, faces), colour)
    sculpture.add(ellipsoid(path[-1], [0.035] * 3, 1), np.array([0.3, 0.22, 0.1]), plain=True)
    return sculpture.mesh()


KINDS = {
    "apple": (apple, ("apple", "fruit")),
    "cake": (cake, ("cake", "birthday cake")),
    "burger": (burger, ("burger", "hamburger")),
    "ice_cream": (ice_cream, ("ice cream",)),
    "carrot": (carrot, ("carrot", "vegetable")),
    "banana": (banana, ("banana", "fruit")),
}
