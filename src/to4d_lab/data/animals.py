"""Procedural animals: each function draws one random object of its kind."""

from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.random import Generator

from to4d_lab.data.coloured import ColouredMesh
from to4d_lab.data.sculpture import Sculpture
from to4d_lab.data.solids import any_colour, ellipsoid, hsv, tube, turn

DARK = np.array([0.05, 0.05, 0.05])
SIDES = (-1.0, 1.0)


@dataclass(frozen=True)
class Proportions:
    """The proportions of a four-legged animal."""

    leg: float
    width: float
    limb: float
    neck: float
    head: float
    colour: tuple[float, float, float]  # hue, saturation, value


PROPORTIONS = {
    "elephant": Proportions(0.45, 0.36, 0.12, 0.12, 0.27, (0.6, 0.12, 0.55)),
    "dog": Proportions(0.35, 0.2, 0.065, 0.12, 0.19, (0.08, 0.5, 0.6)),
    "cat": Proportions(0.5, 0.2, 0.065, 0.12, 0.19, (0.07, 0.4, 0.6)),
    "horse": Proportions(0.7, 0.2, 0.065, 0.35, 0.19, (0.06, 0.55, 0.5)),
    "sheep": Proportions(0.3, 0.33, 0.065, 0.12, 0.19, (0.12, 0.08, 0.9)),
    "cow": Proportions(0.45, 0.3, 0.09, 0.15, 0.22, (0.08, 0.3, 0.7)),
}


def quadruped(rng: Generator, kind: str) -> ColouredMesh:
    """A four-legged animal of one of the `PROPORTIONS`, facing +z."""
    sculpture, shape = Sculpture(rng), PROPORTIONS[kind]
    hue, saturation, value = shape.colour
    coat = hsv(hue + rng.uniform(-0.04, 0.04), saturation * rng.uniform(0.5, 1.5), value * rng.uniform(0.6, 1.3))
    coat = any_colour(rng) if rng.uniform() < 0.25 else coat
    leg, width, half = shape.leg * rng.uniform(0.7, 1.2), shape.width * rng.uniform(0.85, 1.15), rng.uniform(0.38, 0.5)
    for side in SIDES:
        for end in SIDES:
            foot = [side * width * 0.6, 0, end * half * 0.65]
            hip = [side * width * 0.55, leg + 0.1, end * half * 0.6]
            shank = tube(foot, hip, shape.limb, 1.15 * shape.limb)
            sculpture.add(shank, 0.9 * coat, plain=True, limb="leg", side=side, end=end, pivot=hip)
    sculpture.add(ellipsoid([0, leg + 0.8 * width, 0], [width, 1.05 * width, half], 3), coat)
    up, ahead, head = leg + 1.5 * width + shape.neck, half + 0.12, shape.head
    withers, crown = [0, leg + width, 0.6 * half], [0, up, ahead]
    neck = tube(withers, crown, 0.6 * width, 0.7 * head)
    sculpture.add(neck, coat, limb="head", pivot=withers, rise=(withers, crown))
    skull = ellipsoid([0, up, ahead], [head, head, head * rng.uniform(1, 1.4)])
    sculpture.add(skull, DARK + 0.1 if kind == "sheep" else coat, limb="head")
    if kind == "elephant":
        root, tip = [0, up, ahead + 0.8 * head], [0, up - 0.55, ahead + 1.5 * head]
        trunk = tube(root, tip, 0.085, 0.05)
        sculpture.add(trunk, coat, limb="trunk", end=1.0, pivot=root, rise=(root, tip), on="head")
    for side in SIDES:
        root, middle, radii = (
            ([side * 0.15, up + 0.05, ahead - 0.1], [side * 0.33, up + 0.05, ahead - 0.1], [0.2, 0.24, 0.04])
            if kind == "elephant"
            else (
                [side * 0.65 * head, up + 0.6 * head, ahead - 0.03],
                [side * 0.7 * head, up + 0.95 * head, ahead - 0.03],
                [0.05, 0.11, 0.03],
            )
        )
        ear = ellipsoid(middle, radii)
        sculpture.add(ear, 0.75 * coat, True, limb="ear", side=side, pivot=root, on="head")
        eye = ellipsoid([side * 0.55 * head, up + 0.06, ahead + 0.8 * head], [0.035] * 3, 1)
        sculpture.add(eye, DARK, plain=True, limb="head")
    rump, tip = [0, leg + 1.2 * width, -0.9 * half], [0, leg + width * rng.uniform(0.6, 2.6), -half]
    tail = tube(rump, np.subtract(tip, [0, 0, rng.uniform(0.2, 0.35)]), 0.05, 0.03)
    sculpture.add(tail, 0.8 * coat, plain=True, limb="tail", end=-1.0, pivot=rump)
    return sculpture.mesh()


def bird(rng: Generator) -> ColouredMesh:
    """A round bird with beak, wings and tail."""
    sculpture, width = Sculpture(rng), rng.uniform(0.25, 0.36)
    coat = any_colour(rng) if rng.uniform() < 0.6 else hsv(0.14, 0.8, 0.95)
    head, up = rng.uniform(0.17, 0.24), 0.35 + width
    orange = hsv(0.08, 0.95, 0.95)
    sculpture.add(ellipsoid([0, 0.35, 0], [width, 0.9 * width, 1.35 * width], 3), coat)
    skull, neck = ellipsoid([0, up + 0.5 * head, 0.8 * width], [head] * 3), [0, up - 0.2 * head, 0.6 * width]
    sculpture.add(skull, coat * rng.uniform(0.8, 1.2), plain=True, limb="head", pivot=neck)
    beak = [0, up + 0.4 * head, 0.8 * width + 0.7 * head]
    sculpture.add(tube(beak, np.add(beak, [0, -0.03, 0.9 * head]), 0.08, 0.02), orange, True, limb="head")
    for side in SIDES:
        wing = ellipsoid([side * 0.95 * width, 0.4, -0.05], [0.05, 0.5 * width, 0.85 * width], 2, turn("x", -20))
        shoulder = [side * 0.9 * width, 0.4 + 0.4 * width, -0.05]
        sculpture.add(wing, 0.75 * coat, limb="wing", side=side, pivot=shoulder)
        eye = ellipsoid([side * 0.5 * head, up + 0.7 * head, 0.8 * width + 0.75 * head], [0.035] * 3, 1)
        sculpture.add(eye, DARK, plain=True, limb="head")
        hip = [side * 0.1, 0.15, 0]
        leg = tube([side * 0.1, -0.12, 0], hip, 0.03, 0.03, 6)
        sculpture.add(leg, orange, plain=True, limb="leg", side=side, pivot=hip)
    tail = ellipsoid([0, 0.48, -1.5 * width], [0.12, 0.04, 0.26], 1, turn("x", 25))
    sculpture.add(tail, 0.7 * coat, limb="tail", end=-1.0, pivot=[0, 0.4, -1.1 * width])
    return sculpture.mesh()


def fish(rng: Generator) -> ColouredMesh:
    """A flat body with fins, swimming towards +z."""
    sculpture, coat = Sculpture(rng), any_colour(rng)
    pivot, tip = [0, 0.5, 0], [0, 0.5, -0.55]
    add_to_tail = partial(sculpture.add, limb="tail", end=-1.0, pivot=pivot, rise=(pivot, tip))
    add_to_tail(ellipsoid([0, 0.5, 0], [0.15, rng.uniform(0.2, 0.34), 0.5], 3), coat)
    add_to_tail(ellipsoid([0, 0.5, -0.6], [0.03, 0.22, 0.14]), 0.7 * coat)
    add_to_tail(ellipsoid([0, 0.8, 0], [0.03, 0.12, 0.2]), 0.7 * coat)
    for side in SIDES:
        sculpture.add(ellipsoid([side * 0.12, 0.56, 0.32], [0.04] * 3, 1), DARK, plain=True)
    return sculpture.mesh()
