"""Random animals of capsules that go on four, six or eight legs, fly, swim or crawl."""

import numpy as np
from numpy.random import Generator

from to4d_lab.data.solids import ellipsoid, turn
from to4d_lab.rig.capsule_limbs import SIDES, Body, add_head, add_leg, add_sheet, add_tail, add_wings
from to4d_lab.rig.truth import Example


def quadruped(rng: Generator) -> Example:
    """Four legs, a head high or low, a tail of any length, perhaps wings."""
    body = Body()
    leg, wide, half = rng.uniform(0.12, 0.6), rng.uniform(0.1, 0.22), rng.uniform(0.22, 0.45)
    deep, pitch = wide * rng.uniform(0.9, 1.3), rng.normal(0.0, 0.12)
    along, up = np.array([0, np.sin(pitch), np.cos(pitch)]), leg + 0.6 * deep
    rear, front = np.array([0, up, 0]) - half * along, np.array([0, up, 0]) + half * along
    body.limb(None, [rear, [0, up, 0], front], [deep * rng.uniform(0.8, 1.1), deep, deep * rng.uniform(0.8, 1.1)])
    limb, splay = rng.uniform(0.035, 0.09), rng.uniform(0.6, 1.1)
    squat = rng.uniform(0.4, 1.2) if rng.uniform() < 0.25 else 0.0
    for side, name in SIDES:
        for start, role in ((rear, "hindleg"), (front, "foreleg")):
            hip = start + [side * splay * wide, -0.3 * deep, 0]
            add_leg(body, rng, hip, role + name, side, hip[1] - 0.02, limb, rng.uniform(0.0, 0.08), squat)
    if rng.uniform() < 0.9:
        lift = rng.uniform(-1.3, 1.2)
        add_tail(
            body,
            rng,
            rear + [0, 0.4 * deep, -0.7 * deep],
            rng.uniform(0.15, 0.8),
            rng.uniform(0.03, 0.5 * deep + 0.03),
            lift,
        )
    neck, pitch = rng.uniform(0.02, 0.5), rng.uniform(-0.4, 1.4)
    add_head(body, rng, front + [0, 0.3 * deep, 0.5 * deep], rng.uniform(0.09, 0.22), neck, pitch, 0.6 * deep)
    if rng.uniform() < 0.2:
        add_wings(body, rng, [0, up + 0.8 * deep, 0.3 * half], 0.6 * wide)
    return body.example("c_quadruped", "quadruped")


def bird(rng: Generator) -> Example:
    """A flier: spread wings, two thin legs or none, a fan for a tail."""
    body = Body()
    half, wide, pitch, leg = (
        rng.uniform(0.15, 0.28),
        rng.uniform(0.09, 0.17),
        rng.uniform(-0.1, 1.0),
        rng.uniform(0.05, 0.4),
    )
    along, up = np.array([0, np.sin(pitch), np.cos(pitch)]), 0.5
    body.limb(None, [[0, up, 0] - half * along, [0, up, 0] + half * along], [0.6 * wide, wide])
    add_wings(body, rng, [0, up + 0.3 * wide, 0] + 0.5 * half * along, 0.6 * wide)
    if rng.uniform() < 0.85:
        for side, name in SIDES:
            hip = [side * 0.5 * wide, up - 0.5 * wide, 0] - 0.3 * half * along
            add_leg(body, rng, hip, "leg" + name, side, leg, rng.uniform(0.015, 0.04), rng.uniform(0.02, 0.1))
    base = [0, up, 0] + 1.1 * half * along
    add_head(body, rng, base, rng.uniform(0.06, 0.13), rng.uniform(0.0, 0.3), rng.uniform(0.0, 1.4), 0.5 * wide)
    rear, lift, fan = [0, up, 0] - 1.2 * half * along, rng.uniform(-0.5, 0.5), rng.uniform(0.0, 0.5)
    long = rng.uniform(0.1, 0.35)
    body.add(
        ellipsoid(
            rear + 0.5 * long * np.array([0, np.sin(lift), -np.cos(lift)]),
            [0.03 + fan * long, 0.02, 0.6 * long],
            2,
            turn("x", float(np.rad2deg(lift))),
        ),
        "tail",
    )
    return body.example("c_bird", "bird")


def insect(rng: Generator) -> Example:
    """Six or eight legs that arch outwards, a head, a hind body, perhaps wings."""
    body, pairs = Body(), int(rng.integers(3, 5))
    half, wide, up = rng.uniform(0.12, 0.25), rng.uniform(0.07, 0.15), rng.uniform(0.1, 0.3)
    body.limb(None, [[0, up, -half], [0, up, half]], [wide, 0.9 * wide])
    rump = rng.uniform(0.8, 1.8) * wide
    body.add(ellipsoid([0, up + rng.uniform(0, 0.1), -half - rump], [rump, 0.8 * rump, 1.3 * rump], 2), "tail")
    body.add(ellipsoid([0, up, half + 1.3 * wide], [0.8 * wide, 0.7 * wide, 0.8 * wide], 1), "head")
    reach, rise, limb = rng.uniform(0.25, 0.6), rng.uniform(0.0, 0.3), rng.uniform(0.012, 0.03)
    for side, name in SIDES:
        for pair in range(pairs):
            place = half * (1.0 - 2.0 * pair / (pairs - 1))
            fan = 0.9 * (1.0 - 2.0 * pair / (pairs - 1)) + rng.normal(0, 0.12)
            aim = np.array([side * np.cos(fan), 0.0, np.sin(fan)])
            start = np.array([side * 0.8 * wide, up, place])
            knee = start + 0.5 * reach * aim + [0, rise, 0]
            foot = start + reach * aim
            foot[1] = 0.0
            body.limb(f"leg{pair + 1}{name}", [start, knee, foot], [1.2 * limb, limb, limb])
    if rng.uniform() < 0.4:
        add_wings(body, rng, [0, up + 0.8 * wide, 0], 0.3 * wide)
    return body.example("c_insect", "insect")


def fish(rng: Generator) -> Example:
    """A body that tapers to a tail fin: sharks, rays, flat ones and round ones with large eyes."""
    body = Body()
    half, wide, tall = rng.uniform(0.3, 0.5), rng.uniform(0.06, 0.32), rng.uniform(0.08, 0.38)
    body.add(ellipsoid([0, 0, 0.1], [wide, tall, half], 3))
    if rng.uniform() < 0.5:  # the head is the thickest
        swell = rng.uniform(1.0, 1.5)
        body.add(ellipsoid([0, 0, 0.4 * half], [swell * wide, swell * tall, 0.6 * half], 2))
        wide *= swell
    if rng.uniform() < 0.4:
        eye = rng.uniform(0.03, 0.11)
        for side, _ in SIDES:
            body.add(ellipsoid([side * 0.85 * wide, 0.2 * tall, rng.uniform(0.4, 0.6) * half + 0.1], [eye] * 3, 1))
    root, size, upright = -half + 0.1, rng.uniform(0.1, 0.35), rng.uniform() < 0.8
    body.add(ellipsoid([0, 0, root], [0.4 * wide, 0.35 * tall, 0.35 * half], 2), "tail")
    spread = np.array([0.02, size, 0.5 * size]) if upright else np.array([size, 0.02, 0.5 * size])
    body.add(ellipsoid([0, 0, root - 0.25 * half - 0.3 * size], spread, 2), "tail")
    _side_fins(body, rng, wide, tall, "fin")
    if rng.uniform() < 0.4:
        _side_fins(body, rng, 0.7 * wide, 1.6 * tall, None)
    for up, count in ((1, rng.integers(0, 4)), (-1, rng.integers(0, 3))):
        for place in rng.uniform(-0.3, 0.25, int(count)):
            spread = [rng.uniform(0.014, 0.03), rng.uniform(0.06, 0.3), rng.uniform(0.04, 0.25)]
            lean = turn("x", -up * rng.uniform(0, 50))
            body.add(ellipsoid([0, up * rng.uniform(0.8, 1.1) * tall, place], spread, 1, lean))
    return body.example("c_fish", "fish")


def _side_fins(body: Body, rng: Generator, wide: float, tall: float, role: str | None) -> None:
    fin, droop, back = rng.uniform(0.1, 0.4), rng.uniform(-0.3, 1.2), rng.uniform(0.2, 0.9)
    if role and rng.uniform() < 0.2:  # a ray
        fin, droop, back = rng.uniform(0.3, 0.7), rng.uniform(-0.2, 0.2), rng.uniform(0.0, 0.5)
    place, chord = rng.uniform(0.1, 0.35) if role else rng.uniform(-0.2, 0.1), rng.uniform(0.4, 0.9) * fin
    for side, name in SIDES:
        aim = np.array([side * np.cos(droop), -np.sin(droop), -back])
        start = np.array([side * 0.75 * wide, -0.3 * tall, place])
        add_sheet(body, role + name if role else None, start, aim, fin * float(np.linalg.norm(aim)), chord)


def snake(rng: Generator) -> Example:
    """A tube in waves or in a coil, its head low or reared up."""
    body, count = Body(), 40
    t = np.linspace(0, 1, count)
    thick = rng.uniform(0.02, 0.07)
    if rng.uniform() < 0.5:
        wave, bends = rng.uniform(0, 0.25), rng.uniform(0.5, 2.5)
        points = np.stack([wave * np.sin(2 * np.pi * bends * t + rng.uniform(0, 6)), np.full(count, thick), 1.4 * t], 1)
        rise = rng.uniform(0, 0.5) * np.clip((t - 0.6) / 0.4, 0, 1)
        points += np.stack([0 * t, rise, -0.6 * rise], 1)
    else:
        turns, radius, rear = rng.uniform(0.5, 1.5), rng.uniform(0.15, 0.3), rng.uniform(0.3, 0.9)
        angle = np.pi + 2 * np.pi * turns * (1 - np.clip(t / 0.6, 0, 1))
        up = np.clip((t - 0.5) / 0.5, 0, 1)
        points = np.stack(
            [radius * np.sin(angle), thick + rear * up, radius * np.cos(angle) + 0.3 * np.maximum(up - 0.6, 0)], 1
        )
    radii = thick * np.clip(t / 0.4, 0.15, 1) * (1 + rng.uniform(0, 0.8) * np.clip((t - 0.7) / 0.2, 0, 1))
    cut = 2 * count // 5
    body.limb("tail", points[: cut + 1], radii[: cut + 1])
    body.limb(None, points[cut:-8], radii[cut:-8])
    body.limb("head", points[-9:], radii[-9:])
    body.add(ellipsoid(points[-1] + [0, 0, thick], [1.5 * thick, thick, 2.2 * thick], 1), "head")
    return body.example("c_snake", "snake")
