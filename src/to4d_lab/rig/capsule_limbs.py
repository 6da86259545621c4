"""Capsules, ellipsoids and flat sheets that random bodies are made of, each with the role that moves it."""

import numpy as np
from numpy.random import Generator

from to4d_lab.data.solids import Shape, ellipsoid, tube
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


def bone_end(start, length: float, tilt: float, swing: float, side: float = 0.0) -> np.ndarray:
    """The end of a bone: `tilt` from straight down towards `side` or +-x, `swing` forwards; radians."""
    down = np.array([side * np.sin(tilt), -np.cos(tilt) * np.cos(swing), np.cos(tilt) * np.sin(swing)])
    return np.asarray(start, float) + length * down


def add_leg(
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
    """Add a leg with a knee and a foot towards +z; `splay` tilts it outwards."""
    swing, bend, tilt = rng.normal(0.0, 0.25), abs(rng.normal(0.0, 0.3)), splay + rng.uniform(0.0, 0.2)
    bend = bend if role.startswith(("leg", "hind")) else -bend
    knee = bone_end(hip, 0.5 * height / np.cos(tilt), tilt, swing + 0.5 * bend, side)
    ankle = bone_end(knee, 0.5 * height, 0.3 * tilt, swing - 0.5 * bend, side)
    body.limb(role, [hip, knee, ankle], [thick, 0.8 * thick, 0.7 * thick])
    radii = [1.1 * thick, 0.5 * thick + 0.1 * foot, foot + thick]
    body.add(ellipsoid(ankle + [0, 0, 0.7 * foot], radii, 1), role)


def add_tail(body: Body, rng: Generator, start, length: float, thick: float, lift: float) -> None:
    """Add a tail that leaves backwards, `lift` radians above the level."""
    points, angle = [np.asarray(start, float)], lift
    for _ in range(4):
        angle += rng.normal(0.0, 0.25)
        points.append(points[-1] + 0.25 * length * np.array([0.1 * rng.normal(), np.sin(angle), -np.cos(angle)]))
    body.limb("tail", points, np.linspace(thick, 0.35 * thick, 5))


def add_head(body: Body, rng: Generator, base, size: float, neck: float, pitch: float, thick: float) -> None:
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


def add_sheet(body: Body, role: str | None, start, aim, length, chord, thick: float = 0.016) -> None:
    """A flat ellipsoid from `start` along `aim`, its chord towards -z."""
    along = np.asarray(aim, float) / np.linalg.norm(aim)
    across = np.array([0.0, 0.0, -1.0]) + along[2] * along
    across /= np.linalg.norm(across)
    rotation = np.stack([along, np.cross(across, along), across], 1)
    centre = np.asarray(start, float) + 0.5 * length * along + 0.3 * chord * across
    body.add(ellipsoid(centre, [0.55 * length, thick, 0.5 * chord], 2, rotation), role)


def add_wings(body: Body, rng: Generator, root, out: float) -> None:
    """Add two wings `out` from the sagittal plane."""
    lift, span, sweep, chord = rng.uniform(-0.2, 1.1), rng.uniform(0.3, 0.8), rng.normal(0, 0.3), rng.uniform(0.12, 0.4)
    for side, name in SIDES:
        aim = np.array([side * np.cos(lift), np.sin(lift), -np.sin(sweep)])
        start = np.asarray(root, float) + [side * out, 0, 0]
        add_sheet(body, "wing" + name, start, aim, span, chord)
        body.limb("wing" + name, [start, start + 0.9 * span * aim], [0.03, 0.02])
