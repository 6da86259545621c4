"""Closed triangle shapes to build objects from, and their colours. y is up."""

import colorsys
from functools import cache

import numpy as np
import trimesh
from numpy.random import Generator

Shape = tuple[np.ndarray, np.ndarray]  # vertices (N, 3), faces (M, 3)
EDGE = 0.08  # the longest edge wanted along a profile: bends and colours live on vertices


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


def sweep(path: np.ndarray, radii: np.ndarray, segments: int = 9) -> Shape:
    """A round skin with `radii` (R,) around a path (R, 3) that does not run along x only."""
    along = np.gradient(path, axis=0)
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    across = np.cross(along, [0.3, 0.0, 1.0] if abs(along[:, 1]).mean() > 0.6 else [0.0, 1.0, 0.0])
    across /= np.linalg.norm(across, axis=1, keepdims=True)
    angle = np.arange(segments) / segments * 2.0 * np.pi
    ring = np.cos(angle)[:, None] * across[:, None] + np.sin(angle)[:, None] * np.cross(along, across)[:, None]
    row, column = np.arange(len(path) - 1)[:, None] * segments, np.arange(segments)
    after = (column + 1) % segments
    lower = np.stack([row + column, row + segments + column, row + after], -1).reshape(-1, 3)
    upper = np.stack([row + after, row + segments + column, row + segments + after], -1).reshape(-1, 3)
    return (path[:, None] + radii[:, None, None] * ring).reshape(-1, 3), np.concatenate([lower, upper])


def arc(start, middle, end, thick: float, thin: float, rows: int = 12) -> Shape:
    """A bent horn, tail or tentacle: a parabola from start to end, drawn towards `middle`, closed at both ends."""
    t = np.linspace(0.0, 1.0, rows)[:, None]
    path = (1 - t) ** 2 * np.asarray(start) + 2 * t * (1 - t) * np.asarray(middle) + t**2 * np.asarray(end)
    radii = np.linspace(thick, thin, rows)
    radii[[0, -1]] = 1e-3
    return sweep(path, radii)
