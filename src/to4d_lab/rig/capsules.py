"""Random animals of capsules and ellipsoids, posed at random, with known roles: for body plans that few files show."""

from collections.abc import Callable

import numpy as np
from numpy.random import Generator

from to4d_lab.data.solids import Shape, box, ellipsoid, tube, turn
from to4d_lab.rig.truth import Example

SIDES = ((1.0, "_L"), (-1.0, "_R"))


class Body:
    """Collects shapes, each with the role that moves it."""

    def __init__(self) -> None:
        self.shapes: list[Shape] = []
        self.roles: list[str | None] = []

    def add(self, shape: Shape, role: str | None = None) -> None:
        """Add one closed shape."""
        self.shapes.append(shape)
        self.roles.append(role)

    def limb(self, role: str | None, points, radii) -> None:
        """Add tubes and balls along a chain of points (n, 3) with their radii (n,)."""
        for a, b, ra, rb in zip(points, points[1:], radii, radii[1:], strict=False):
            self.add(tube(np.asarray(a, float), np.asarray(b, float), ra, rb, 10), role)
        for point, radius in zip(points, radii, strict=True):
            self.add(ellipsoid(point, [radius] * 3, 1), role)

    def example(self, name: str, body: str) -> Example:
        """Everything added so far as one mesh that faces +z."""
        offsets = np.cumsum([0] + [len(vertices) for vertices, _ in self.shapes])
        faces = [faces + offset for (_, faces), offset in zip(self.shapes, offsets, strict=False)]
        roles = tuple(sorted({role for role in self.roles if role}))
        rows = [
            np.tile([float(role == each) for each in roles], (len(vertices), 1))
            for role, (vertices, _) in zip(self.roles, self.shapes, strict=True)
        ]
        vertices = np.concatenate([vertices for vertices, _ in self.shapes])
        masses = np.concatenate(rows) if roles else np.zeros((len(vertices), 0))
        return Example(name, name, body, vertices, np.concatenate(faces), roles, masses)


def _away(start, length: float, tilt: float, swing: float, side: float = 0.0) -> np.ndarray:
    """The end of a bone: `tilt` from straight down towards `side` or +-x, `swing` forwards; radians."""
    down = np.array([side * np.sin(tilt), -np.cos(tilt) * np.cos(swing), np.cos(tilt) * np.sin(swing)])
    return np.asarray(start, float) + length * down


def _leg(
    body: Body,
    rng: Generator,
    hip,
    role: str,
    side: float,
    height: float,
    thick: float,
    foot: float,
    splay: float = 0.0,
) -> None:
    swing, bend, tilt = rng.normal(0.0, 0.25), abs(rng.normal(0.0, 0.3)), splay + rng.uniform(0.0, 0.2)
    bend = bend if role.startswith(("leg", "hind")) else -bend
    knee = _away(hip, 0.5 * height / np.cos(tilt), tilt, swing + 0.5 * bend, side)
    ankle = _away(knee, 0.5 * height, 0.3 * tilt, swing - 0.5 * bend, side)
    body.limb(role, [hip, knee, ankle], [thick, 0.8 * thick, 0.7 * thick])
    radii = [1.1 * thick, 0.5 * thick + 0.1 * foot, foot + thick]
    body.add(ellipsoid(ankle + [0, 0, 0.7 * foot], radii, 1), role)


def _tail(body: Body, rng: Generator, start, length: float, thick: float, lift: float) -> None:
    points, angle = [np.asarray(start, float)], lift
    for _ in range(4):
        angle += rng.normal(0.0, 0.25)
        points.append(points[-1] + 0.25 * length * np.array([0.1 * rng.normal(), np.sin(angle), -np.cos(angle)]))
    body.limb("tail", points, np.linspace(thick, 0.35 * thick, 5))


def _head(body: Body, rng: Generator, base, size: float, neck: float, pitch: float, thick: float) -> None:
    """A neck that rises by `pitch` from straight ahead, a skull with snout, perhaps ears or horns."""
    middle = np.asarray(base, float) + (neck + 0.6 * size) * np.array([0, np.sin(pitch), np.cos(pitch)])
    body.limb("head", [base, middle], [thick, 0.8 * thick])
    body.add(ellipsoid(middle, [size, size * rng.uniform(0.8, 1.2), size], 2), "head")
    snout = rng.uniform(0.0, 1.3) * size
    body.add(
        ellipsoid(
            middle + [0, -0.2 * size, 0.6 * size + 0.4 * snout], [0.55 * size, 0.45 * size, 0.5 * size + 0.5 * snout], 1
        ),
        "head",
    )
    if rng.uniform() < 0.6:
        up, out, long = rng.uniform(0.3, 1.0), rng.uniform(0.3, 0.8), rng.uniform(0.4, 1.3) * size
        for side, _ in SIDES:
            root = middle + size * np.array([side * 0.6, 0.6, -0.2])
            body.limb("head", [root, root + long * np.array([side * out, up, 0])], [0.25 * size, 0.1 * size])


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
        _leg(body, rng, [side * 0.5 * wide, hip, 0], "leg" + name, side, leg, limb * 1.2, rng.uniform(0.02, 0.12))
        arm, start = rng.uniform(0.3, 0.5), np.array([side * 0.9 * wide, shoulder, 0])
        tilt, swing = spread + rng.normal(0, 0.1), ahead + rng.normal(0, 0.2)
        middle_arm = _away(start, 0.5 * arm, tilt, swing, side)
        hand = _away(middle_arm, 0.5 * arm, tilt, swing + elbow, side)
        body.limb("arm" + name, [start, middle_arm, hand], [limb, 0.9 * limb, limb * rng.uniform(0.8, 1.5)])
        if held == name:
            aim = _away(hand, rng.uniform(0.2, 0.6), rng.uniform(0, 0.5), 1.5 + rng.normal(0, 0.5), side)
            body.limb("arm" + name, [hand, aim], [0.025, 0.02])
    if rng.uniform() < 0.3:
        _tail(body, rng, [0, hip + 0.2 * half, -0.8 * deep], rng.uniform(0.2, 0.5), 0.05, rng.uniform(-0.8, 0.8))
    elif rng.uniform() < 0.3:
        body.add(ellipsoid([0, shoulder - 0.6 * half, -deep - 0.05], [0.7 * wide, 0.6 * half, 0.1], 1))
    return body.example("c_biped", "biped")


def runner(rng: Generator) -> Example:
    """A lying trunk on two legs with a tail that balances it, small arms or none: raptors, ostriches, walking machines."""
    body = Body()
    leg, half, wide, pitch = rng.uniform(0.3, 0.6), rng.uniform(0.2, 0.35), rng.uniform(0.1, 0.2), rng.uniform(0.0, 0.7)
    along, hip = np.array([0, np.sin(pitch), np.cos(pitch)]), leg
    body.limb(None, [[0, hip, 0] - 0.5 * half * along, [0, hip, 0] + half * along], [0.9 * wide, wide])
    for side, name in SIDES:
        _leg(
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
            elbow = _away(start, 0.5 * length, 0.3, swing - 0.5, side)
            body.limb(
                "arm" + name, [start, elbow, _away(elbow, 0.5 * length, 0.2, swing + 0.5, side)], [0.04, 0.03, 0.03]
            )
    if rng.uniform() < 0.85:
        start = [0, hip, 0] - 0.6 * half * along
        _tail(body, rng, start, rng.uniform(0.3, 1.0), 0.7 * wide, -pitch + rng.uniform(0, 0.5))
    base = [0, hip, 0] + 1.1 * half * along
    _head(body, rng, base, rng.uniform(0.07, 0.15), rng.uniform(0.05, 0.4), rng.uniform(0.2, 1.4), 0.6 * wide)
    return body.example("c_runner", "biped")


def walker(rng: Generator) -> Example:
    """A machine or a monster that is all head on two legs, perhaps with guns or horns."""
    body = Body()
    leg, size = rng.uniform(0.2, 0.6), rng.uniform(0.12, 0.3, 3)
    centre, splay = np.array([0, leg + 0.6 * size[1], 0.0]), rng.uniform(0.4, 1.2)
    body.add(ellipsoid(centre, size, 2) if rng.uniform() < 0.5 else box(centre, 0.8 * size))
    thick = rng.uniform(0.03, 0.07)
    for side, name in SIDES:
        _leg(body, rng, [side * splay * size[0], leg, 0], "leg" + name, side, leg, thick, rng.uniform(0.03, 0.15))
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
                body.limb(
                    None,
                    [place * flip, (place + 0.5 * aim / np.linalg.norm(aim)) * flip],
                    [0.4 * small[0], 0.3 * small[0]],
                )
    if rng.uniform() < 0.5:
        wheel = rng.uniform(0.05, 0.15)
        for side in (1, -1):
            for end in np.linspace(-0.8, 0.8, int(rng.integers(1, 4))):
                body.add(ellipsoid([side * size[0], -size[1], end * size[2]], [0.3 * wheel, wheel, wheel], 2))
    elif rng.uniform() < 0.4:
        long, thick, legs = rng.uniform(0.1, 0.5), rng.uniform(0.02, 0.05), rng.integers(3, 5)
        for turn in np.arange(legs) / legs * 2 * np.pi + np.pi / 4:
            top = np.array([np.sin(turn), -1.0, np.cos(turn)]) * size * 0.9
            body.limb(None, [top, top - [0, long, 0]], [thick, thick])
    return body.example("c_machine", "thing")


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
            _leg(body, rng, hip, role + name, side, hip[1] - 0.02, limb, rng.uniform(0.0, 0.08), squat)
    if rng.uniform() < 0.9:
        lift = rng.uniform(-1.3, 1.2)
        _tail(
            body,
            rng,
            rear + [0, 0.4 * deep, -0.7 * deep],
            rng.uniform(0.15, 0.8),
            rng.uniform(0.03, 0.5 * deep + 0.03),
            lift,
        )
    neck, pitch = rng.uniform(0.02, 0.5), rng.uniform(-0.4, 1.4)
    _head(body, rng, front + [0, 0.3 * deep, 0.5 * deep], rng.uniform(0.09, 0.22), neck, pitch, 0.6 * deep)
    if rng.uniform() < 0.2:
        _wings(body, rng, [0, up + 0.8 * deep, 0.3 * half], 0.6 * wide)
    return body.example("c_quadruped", "quadruped")


def _sheet(body: Body, role: str, start, aim, length: float, chord: float, thick: float = 0.016) -> None:
    """A flat ellipsoid from `start` along `aim`, its chord towards -z."""
    along = np.asarray(aim, float) / np.linalg.norm(aim)
    across = np.array([0.0, 0.0, -1.0]) + along[2] * along
    across /= np.linalg.norm(across)
    rotation = np.stack([along, np.cross(across, along), across], 1)
    centre = np.asarray(start, float) + 0.5 * length * along + 0.3 * chord * across
    body.add(ellipsoid(centre, [0.55 * length, thick, 0.5 * chord], 2, rotation), role)


def _wings(body: Body, rng: Generator, root, out: float) -> None:
    lift, span, sweep, chord = rng.uniform(-0.2, 1.1), rng.uniform(0.3, 0.8), rng.normal(0, 0.3), rng.uniform(0.12, 0.4)
    for side, name in SIDES:
        aim = np.array([side * np.cos(lift), np.sin(lift), -np.sin(sweep)])
        start = np.asarray(root, float) + [side * out, 0, 0]
        _sheet(body, "wing" + name, start, aim, span, chord)
        body.limb("wing" + name, [start, start + 0.9 * span * aim], [0.03, 0.02])


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
    _wings(body, rng, [0, up + 0.3 * wide, 0] + 0.5 * half * along, 0.6 * wide)
    if rng.uniform() < 0.85:
        for side, name in SIDES:
            hip = [side * 0.5 * wide, up - 0.5 * wide, 0] - 0.3 * half * along
            _leg(body, rng, hip, "leg" + name, side, leg, rng.uniform(0.015, 0.04), rng.uniform(0.02, 0.1))
    base = [0, up, 0] + 1.1 * half * along
    _head(body, rng, base, rng.uniform(0.06, 0.13), rng.uniform(0.0, 0.3), rng.uniform(0.0, 1.4), 0.5 * wide)
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
        _wings(body, rng, [0, up + 0.8 * wide, 0], 0.3 * wide)
    return body.example("c_insect", "insect")


def fish(rng: Generator) -> Example:
    """A body that tapers to a tail fin, fins at its sides, on its back and below; sharks, flat and round ones too."""
    body = Body()
    half, wide, tall = rng.uniform(0.3, 0.5), rng.uniform(0.06, 0.28), rng.uniform(0.08, 0.38)
    body.add(ellipsoid([0, 0, 0.1], [wide, tall, half], 3))
    root, size, upright = -half + 0.1, rng.uniform(0.1, 0.35), rng.uniform() < 0.8
    body.add(ellipsoid([0, 0, root], [0.4 * wide, 0.35 * tall, 0.35 * half], 2), "tail")
    spread = np.array([0.02, size, 0.5 * size]) if upright else np.array([size, 0.02, 0.5 * size])
    body.add(ellipsoid([0, 0, root - 0.25 * half - 0.3 * size], spread, 2), "tail")
    ray = rng.uniform() < 0.2
    fin, droop, back = rng.uniform(0.08, 0.35), rng.uniform(-0.3, 1.2), rng.uniform(0.2, 0.9)
    if ray:
        fin, droop, back = rng.uniform(0.3, 0.7), rng.uniform(-0.2, 0.2), rng.uniform(0.0, 0.5)
    place = rng.uniform(0.1, 0.35)
    for side, name in SIDES:
        start = np.array([side * 0.75 * wide, -0.3 * tall, place])
        aim = np.array([side * np.cos(droop), -np.sin(droop), -back])
        _sheet(body, "fin" + name, start, aim, fin * np.linalg.norm(aim), rng.uniform(0.4, 0.9) * fin)
    if rng.uniform() < 0.8:
        body.add(
            ellipsoid([0, tall, rng.uniform(-0.1, 0.2)], [0.018, rng.uniform(0.05, 0.2), rng.uniform(0.08, 0.3)], 1)
        )
    if rng.uniform() < 0.4:
        body.add(ellipsoid([0, -tall, -0.15], [0.018, rng.uniform(0.05, 0.12), 0.1], 1))
    return body.example("c_fish", "fish")


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


CAPSULES: dict[str, Callable[[Generator], Example]] = {
    "biped": biped,
    "runner": runner,
    "walker": walker,
    "machine": machine,
    "quadruped": quadruped,
    "bird": bird,
    "insect": insect,
    "fish": fish,
    "snake": snake,
}
"""What draws a random body: each call takes the next random numbers."""
