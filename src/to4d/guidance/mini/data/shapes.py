"""Closed triangle shapes with vertex colours, and the sculpture that collects them into one object. y is up."""

import colorsys
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import trimesh
from numpy.random import Generator

Shape = tuple[np.ndarray, np.ndarray]  # vertices (N, 3), faces (M, 3)
Joint = tuple[str, float, float]  # the name, side and end of a limb
EDGE = 0.08  # the longest edge wanted along a profile: bends and colours live on vertices


@dataclass(frozen=True)
class Limb:
    """A part that can move about its joint; objects face +z."""

    name: str  # leg, arm, wing, head, tail, trunk, leaves or ear
    pivot: np.ndarray  # (3,) the joint
    members: np.ndarray  # (N,) in [0, 1], 1 moves fully and 0 does not
    side: float = 0.0  # -1 left (negative x), +1 right, 0 middle
    end: float = 0.0  # +1 front (+z), -1 back, 0 neither


@dataclass(frozen=True)
class ColouredMesh:
    """A mesh whose colours are sRGB in [0, 1] at its vertices."""

    vertices: np.ndarray  # (N, 3)
    faces: np.ndarray  # (M, 3)
    colors: np.ndarray  # (N, 3)
    limbs: tuple[Limb, ...] = ()

    def scaled(self, factor: float | np.ndarray) -> "ColouredMesh":
        """Vertices and joints times a factor, one or three."""
        limbs = tuple(replace(limb, pivot=limb.pivot * factor) for limb in self.limbs)
        return replace(self, vertices=self.vertices * factor, limbs=limbs)

    def moved(self, offset: np.ndarray) -> "ColouredMesh":
        """Vertices and joints plus an offset (3,)."""
        limbs = tuple(replace(limb, pivot=limb.pivot + offset) for limb in self.limbs)
        return replace(self, vertices=self.vertices + offset, limbs=limbs)


def hsv(hue: float, saturation: float, value: float) -> np.ndarray:
    """An sRGB colour (3,) from hue (any turn), saturation and value in [0, 1]."""
    return np.array(colorsys.hsv_to_rgb(hue % 1.0, min(saturation, 1.0), min(value, 1.0)))


def any_colour(rng: Generator) -> np.ndarray:
    """A colour that stands out a little from white."""
    return hsv(rng.uniform(), rng.uniform(0.25, 1.0), rng.uniform(0.3, 1.0))


def turn(axis: str, angle_deg: float) -> np.ndarray:
    """Rotation matrix (3, 3) about x, y or z; apply as points @ matrix.T."""
    cos, sin = np.cos(np.deg2rad(angle_deg)), np.sin(np.deg2rad(angle_deg))
    first, second = {"x": (1, 2), "y": (2, 0), "z": (0, 1)}[axis]
    matrix = np.eye(3)
    matrix[first, first] = matrix[second, second] = cos
    matrix[first, second], matrix[second, first] = -sin, sin
    return matrix


@cache
def _ball(subdivisions: int) -> Shape:
    ball = trimesh.creation.icosphere(subdivisions=subdivisions)
    return np.array(ball.vertices), np.array(ball.faces)


def ellipsoid(centre, radii, detail: int = 2, rotation: np.ndarray | None = None) -> Shape:
    """An ellipsoid; `rotation` turns it about its own centre."""
    vertices, faces = _ball(detail)
    vertices = vertices * np.asarray(radii, float)
    if rotation is not None:
        vertices = vertices @ rotation.T
    return vertices + np.asarray(centre, float), faces


def lathe(profile, segments: int = 20) -> Shape:
    """Turn a profile of (radius, height) points around the y axis."""
    profile = np.asarray(profile, float)
    along = np.concatenate([[0.0], np.linalg.norm(np.diff(profile, axis=0), axis=1).cumsum()])
    steps = np.linspace(0.0, along[-1], max(8, int(along[-1] / EDGE)))
    radius, height = np.interp(steps, along, profile[:, 0]), np.interp(steps, along, profile[:, 1])
    angle = np.arange(segments) / segments * 2.0 * np.pi
    rings = [radius[:, None] * np.sin(angle), np.repeat(height[:, None], segments, 1), radius[:, None] * np.cos(angle)]
    row, column = np.arange(len(steps) - 1)[:, None] * segments, np.arange(segments)
    after = (column + 1) % segments
    lower = np.stack([row + column, row + after, row + segments + column], -1).reshape(-1, 3)
    upper = np.stack([row + after, row + segments + after, row + segments + column], -1).reshape(-1, 3)
    return np.stack(rings, -1).reshape(-1, 3), np.concatenate([lower, upper])


def tube(start, end, radius_start: float, radius_end: float, segments: int = 9) -> Shape:
    """A closed cone between two points."""
    start, along = np.asarray(start, float), np.asarray(end, float) - np.asarray(start, float)
    length = np.linalg.norm(along)
    along = along / length
    across = np.cross(along, [1.0, 0.0, 0.0] if abs(along[0]) < 0.8 else [0.0, 0.0, 1.0])
    across /= np.linalg.norm(across)
    vertices, faces = lathe([[1e-3, 0], [radius_start, 0], [radius_end, length], [1e-3, length]], segments)
    return start + vertices @ np.stack([across, along, np.cross(across, along)]), faces


def box(centre, half_size, cells: int = 6) -> Shape:
    """A box with `cells` x `cells` squares on each side."""
    line = np.linspace(-1.0, 1.0, cells + 1)
    u, v = np.meshgrid(line, line, indexing="ij")
    number = np.arange((cells + 1) ** 2).reshape(cells + 1, cells + 1)
    quads = [(number[:-1, :-1], number[1:, :-1], number[1:, 1:]), (number[:-1, :-1], number[1:, 1:], number[:-1, 1:])]
    side = np.concatenate([np.stack(quad, -1).reshape(-1, 3) for quad in quads])
    vertices, faces = [], []
    for axis in range(3):
        for sign in (-1.0, 1.0):
            points = np.empty((*u.shape, 3))
            points[..., axis], points[..., (axis + 1) % 3], points[..., (axis + 2) % 3] = sign, u, v
            faces.append((side if sign > 0 else side[:, ::-1]) + len(vertices) * number.size)
            vertices.append(points.reshape(-1, 3))
    return np.concatenate(vertices) * np.asarray(half_size, float) + np.asarray(centre, float), np.concatenate(faces)


def _pattern(points: np.ndarray, rng: Generator) -> np.ndarray:
    """Where a second colour goes, (N,) in [0, 1]: bands, checks, segments, slanted stripes or a gradient."""
    frequency, phase = rng.uniform(5.0, 14.0), rng.uniform(0.0, 6.0)
    x, y, z = points.T
    waves = [
        np.sin(frequency * y + phase),
        2.0 * np.sin(frequency * x + phase) * np.sin(frequency * y) * np.sin(frequency * z + 1.0),
        np.sin(rng.integers(2, 6) * np.arctan2(x, z) + phase),
        np.sin(0.6 * frequency * points @ rng.normal(size=3) + phase),
    ]
    choice = rng.integers(len(waves) + 1)
    if choice == len(waves):
        return (y - y.min()) / (np.ptp(y) + 1e-6)
    return np.clip(2.0 * waves[choice] + 0.5, 0.0, 1.0)


def ramp(points: np.ndarray, start, end) -> np.ndarray:
    """How far points (N, 3) have come on the way from `start` to `end`, (N,) in [0, 1], smooth at both."""
    start, way = np.asarray(start, float), np.subtract(end, start)
    share = np.clip((points - start) @ way / (way @ way), 0.0, 1.0)
    return share * share * (3.0 - 2.0 * share)


class Sculpture:
    """Collects coloured shapes; about half of them get a pattern in a second colour."""

    def __init__(self, rng: Generator) -> None:
        self.rng = rng
        self.parts: list[ColouredMesh] = []
        self.joints: dict[Joint, np.ndarray] = {}
        self.weights: dict[Joint, dict[int, np.ndarray]] = {}  # by part

    def add(
        self,
        shape: Shape,
        colour: np.ndarray,
        plain: bool = False,
        limb: str | None = None,
        side: float = 0.0,
        end: float = 0.0,
        pivot=None,
        rise: tuple | None = None,
        on: str | None = None,
    ) -> None:
        """Add a shape; `plain` keeps it in one colour.

        Shapes of the same (limb, side, end) make one limb; the first one names the pivot (3,). Membership grows over
        `rise`, two points, where the shape continues across the joint. `on` is the limb that this limb hangs on.
        """
        vertices, faces = shape
        colors = np.tile(np.clip(colour, 0.0, 1.0), (len(vertices), 1))
        if not plain and self.rng.uniform() < 0.5:
            second = np.clip(colour * self.rng.uniform(0.4, 1.5) + self.rng.uniform(-0.2, 0.2, 3), 0.0, 1.0)
            share = _pattern(vertices, self.rng)[:, None]
            colors = colors * (1.0 - share) + second * share
        if limb:
            self._join((limb, side, end), ramp(vertices, *rise) if rise else np.ones(len(vertices)), pivot)
        if on:
            self._join((on, 0.0, 0.0), np.ones(len(vertices)), None)
        self.parts.append(ColouredMesh(vertices, faces, colors))

    def _join(self, joint: Joint, weights: np.ndarray, pivot) -> None:
        """Note that the next part belongs to a limb."""
        if joint not in self.joints:
            self.joints[joint], self.weights[joint] = np.array(pivot, float), {}
        self.weights[joint][len(self.parts)] = weights

    def _limb(self, joint: Joint) -> Limb:
        name, side, end = joint
        sizes = [len(part.vertices) for part in self.parts]
        members = [self.weights[joint].get(i, np.zeros(size)) for i, size in enumerate(sizes)]
        return Limb(name, self.joints[joint], np.concatenate(members), side, end)

    def mesh(self) -> ColouredMesh:
        """Everything added so far as one mesh."""
        offsets = np.cumsum([0] + [len(part.vertices) for part in self.parts])
        return ColouredMesh(
            np.concatenate([part.vertices for part in self.parts]),
            np.concatenate([part.faces + offset for part, offset in zip(self.parts, offsets, strict=False)]),
            np.concatenate([part.colors for part in self.parts]),
            tuple(self._limb(joint) for joint in self.joints),
        )
