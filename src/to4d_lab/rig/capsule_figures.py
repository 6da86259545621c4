"""Random upright bodies of capsules: figures, two-legged animals and machines."""

import numpy as np
from numpy.random import Generator

from to4d_lab.data.solids import box, ellipsoid
from to4d_lab.rig.capsule_limbs import SIDES, Body, add_head, add_leg, add_tail, bone_end
from to4d_lab.rig.truth import Example


def biped(rng: Generator) -> Example:
    """An upright figure, from a long human to a toy with a big head; arms hang, spread, point ahead or hold a thing."""
    body, toy = Body(), rng.uniform()
    leg, half, wide = rng.uniform(0.15, 0.55) * (1.3 - toy), rng.uniform(0.2, 0.35), rng.uniform(0.12, 0.22)
    deep, head, limb = wide * rng.uniform(0.5, 1.0), rng.uniform(0.1, 0.16) + 0.2 * toy, rng.uniform(0.035, 0.075)
    hip = leg + 0.05
    body.add(ellipsoid([0, hip + half, 0], [wide, 1.1 * half, deep], 2))
    body.add(ellipsoid([0, hip + 0.3 * half, 0], [0.9 * wide, 0.5 * half, deep], 2))
    shoulder = hip + 1.6 * half
    middle = np.array([0, hip + 2.05 * half + 0.9 * head, rng.uniform(-0.1, 0.3) * head])
    body.limb("head", [[0, hip + 1.9 * half, 0], middle], [0.4 * head, 0.4 * head])
    body.add(ellipsoid(middle, head * rng.uniform(0.8, 1.2, 3), 2), "head")
    if rng.uniform() < 0.4:
        body.add(ellipsoid(middle + [0, -0.1 * head, 0.9 * head], [0.4 * head, 0.35 * head, 0.5 * head], 1), "head")
    spread, ahead, elbow = rng.uniform(0.1, 1.6), rng.normal(0.1, 0.35), abs(rng.normal(0.0, 0.5))
    held = SIDES[rng.integers(2)][1] if rng.uniform() < 0.25 else None
    for side, name in SIDES:
        add_leg(body, rng, [side * 0.5 * wide, hip, 0], "leg" + name, side, leg, limb * 1.2, rng.uniform(0.02, 0.12))
        arm, start = rng.uniform(0.3, 0.5), np.array([side * 0.9 * wide, shoulder, 0])
        tilt, swing = spread + rng.normal(0, 0.1), ahead + rng.normal(0, 0.2)
        middle_arm = bone_end(start, 0.5 * arm, tilt, swing, side)
        hand = bone_end(middle_arm, 0.5 * arm, tilt, swing + elbow, side)
        body.limb("arm" + name, [start, middle_arm, hand], [limb, 0.9 * limb, limb * rng.uniform(0.8, 1.5)])
        if held == name:
            aim = bone_end(hand, rng.uniform(0.2, 0.6), rng.uniform(0, 0.5), 1.5 + rng.normal(0, 0.5), side)
            body.limb("arm" + name, [hand, aim], [0.025, 0.02])
    if rng.uniform() < 0.3:
        add_tail(body, rng, [0, hip + 0.2 * half, -0.8 * deep], rng.uniform(0.2, 0.5), 0.05, rng.uniform(-0.8, 0.8))
    elif rng.uniform() < 0.3:
        body.add(ellipsoid([0, shoulder - 0.6 * half, -deep - 0.05], [0.7 * wide, 0.6 * half, 0.1], 1))
    return body.example("c_biped", "biped")


def runner(rng: Generator) -> Example:
    """A lying trunk on two legs with a balancing tail, small arms or none: raptors, ostriches."""
    body = Body()
    leg, half, wide, pitch = rng.uniform(0.3, 0.6), rng.uniform(0.2, 0.35), rng.uniform(0.1, 0.2), rng.uniform(0.0, 0.7)
    along, hip = np.array([0, np.sin(pitch), np.cos(pitch)]), leg
    body.limb(None, [[0, hip, 0] - 0.5 * half * along, [0, hip, 0] + half * along], [0.9 * wide, wide])
    for side, name in SIDES:
        add_leg(
            body,
            rng,
            [side * 0.8 * wide, hip, 0],
            "leg" + name,
            side,
            leg,
            rng.uniform(0.04, 0.08),
            rng.uniform(0.05, 0.15),
        )
    if rng.uniform() < 0.7:
        for side, name in SIDES:
            start = [0, hip, 0] + 0.9 * half * along + [side * 0.9 * wide, -0.3 * wide, 0]
            length, swing = rng.uniform(0.12, 0.3), rng.uniform(0, 1)
            elbow = bone_end(start, 0.5 * length, 0.3, swing - 0.5, side)
            body.limb(
                "arm" + name, [start, elbow, bone_end(elbow, 0.5 * length, 0.2, swing + 0.5, side)], [0.04, 0.03, 0.03]
            )
    if rng.uniform() < 0.85:
        start = [0, hip, 0] - 0.6 * half * along
        add_tail(body, rng, start, rng.uniform(0.3, 1.0), 0.7 * wide, -pitch + rng.uniform(0, 0.5))
    base = [0, hip, 0] + 1.1 * half * along
    add_head(body, rng, base, rng.uniform(0.07, 0.15), rng.uniform(0.05, 0.4), rng.uniform(0.2, 1.4), 0.6 * wide)
    return body.example("c_runner", "biped")


def walker(rng: Generator) -> Example:
    """A machine or a monster that is all head on two legs, perhaps with guns or horns."""
    body = Body()
    leg, size = rng.uniform(0.2, 0.6), rng.uniform(0.12, 0.3, 3)
    centre, splay = np.array([0, leg + 0.6 * size[1], 0.0]), rng.uniform(0.4, 1.2)
    body.add(ellipsoid(centre, size, 2) if rng.uniform() < 0.5 else box(centre, 0.8 * size))
    thick = rng.uniform(0.03, 0.07)
    for side, name in SIDES:
        add_leg(body, rng, [side * splay * size[0], leg, 0], "leg" + name, side, leg, thick, rng.uniform(0.03, 0.15))
    if rng.uniform() < 0.4:
        spread, aim = rng.uniform(0.8, 1.3) * size[0], rng.uniform(-0.3, 1.0)
        for side, _ in SIDES:
            start = centre + [side * spread, rng.uniform(-0.02, 0.02), 0]
            body.limb(None, [start, start + rng.uniform(0.2, 0.4) * np.array([0, aim, 1.0])], [0.05, 0.04])
    elif rng.uniform() < 0.5:
        body.limb(None, [centre, centre + [0, 0, size[2] + rng.uniform(0.1, 0.5)]], [0.05, 0.04])
    return body.example("c_walker", "biped")


def machine(rng: Generator) -> Example:
    """A thing: boxes, balls and rods in a symmetric or a random arrangement, such as vehicles, furniture and tools."""
    body, size = Body(), rng.uniform(0.08, 0.4, 3)
    body.add(box([0, 0, 0], size) if rng.uniform() < 0.6 else ellipsoid([0, 0, 0], size, 2))
    for _ in range(int(rng.integers(0, 5))):
        _attach(body, rng, size)
    if rng.uniform() < 0.5:
        wheel = rng.uniform(0.05, 0.15)
        for side in (1, -1):
            for end in np.linspace(-0.8, 0.8, int(rng.integers(1, 4))):
                body.add(ellipsoid([side * size[0], -size[1], end * size[2]], [0.3 * wheel, wheel, wheel], 2))
    elif rng.uniform() < 0.4:
        long, thick, legs = rng.uniform(0.1, 0.5), rng.uniform(0.02, 0.05), rng.integers(3, 5)
        for azimuth in np.arange(legs) / legs * 2 * np.pi + np.pi / 4:
            top = np.array([np.sin(azimuth), -1.0, np.cos(azimuth)]) * size * 0.9
            body.limb(None, [top, top - [0, long, 0]], [thick, thick])
    return body.example("c_machine", "thing")


def _attach(body: Body, rng: Generator, size: np.ndarray) -> None:
    """Add a box, a ball or a rod to a machine, or two that are mirror images."""
    place = size * rng.uniform(-1.2, 1.2, 3)
    small, kind, mirrored = rng.uniform(0.03, 0.2, 3), rng.integers(3), rng.uniform() < 0.5
    aim = rng.normal(size=3) * np.array([1, rng.uniform(), 1])
    for side in (1, -1) if mirrored else (1,):
        flip = np.array([side, 1, 1])
        if kind == 0:
            body.add(box(place * flip, small))
        elif kind == 1:
            body.add(ellipsoid(place * flip, small, 2))
        else:
            end = place + 0.5 * aim / np.linalg.norm(aim)
            body.limb(None, [place * flip, end * flip], [0.4 * small[0], 0.3 * small[0]])
