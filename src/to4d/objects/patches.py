"""Shapes made of bent rectangles: every part of the bundled plant is a grid of points with a texture on it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Patch:
    """A textured sheet: u runs along columns, v along rows."""

    points: NDArray  # (rows, columns, 3)
    material: int
    tint: tuple[float, float, float] = (1.0, 1.0, 1.0)
    repeat: tuple[float, float] = (1.0, 1.0)  # of the texture over (u, v)

    def triangles(self) -> tuple[NDArray, NDArray, NDArray]:
        """Vertices (N, 3), faces (M, 3) and per-vertex UVs (N, 2)."""
        rows, columns = self.points.shape[:2]
        number = np.arange(rows * columns).reshape(rows, columns)
        a, b, c, d = number[:-1, :-1], number[:-1, 1:], number[1:, 1:], number[1:, :-1]
        faces = np.concatenate([np.stack([a, b, c], -1).reshape(-1, 3), np.stack([a, c, d], -1).reshape(-1, 3)])
        v, u = np.meshgrid(np.linspace(0, self.repeat[1], rows), np.linspace(0, self.repeat[0], columns), indexing="ij")
        return self.points.reshape(-1, 3), faces, np.stack([u, v], -1).reshape(-1, 2)

    def normals(self) -> NDArray:
        """(rows, columns, 3) unit normals, on the side from which u runs right and v up."""
        along_v, along_u = np.gradient(self.points, axis=(0, 1))
        normal = np.cross(along_u, along_v)
        return normal / np.maximum(np.linalg.norm(normal, axis=-1, keepdims=True), 1e-12)


def normalized(x: NDArray) -> NDArray:
    """Scaled to length 1 along the last axis."""
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


def revolve(radius: NDArray, height: NDArray, columns: int) -> NDArray:
    """(rows, columns, 3): a profile turned about the y axis, seen from outside where the profile runs upward."""
    angle = np.linspace(0.0, 2.0 * np.pi, columns)
    ring = np.stack([np.sin(angle), np.zeros_like(angle), np.cos(angle)], -1)
    return radius[:, None, None] * ring + height[:, None, None] * np.array([0.0, 1.0, 0.0])


def tube_points(path: NDArray, radius: NDArray, columns: int = 9) -> NDArray:
    """(rows, columns, 3): a round tube along a path (rows, 3) that never runs exactly along z."""
    tangent = normalized(np.gradient(path, axis=0))
    side = normalized(np.cross(tangent, np.array([0.0, 0.0, 1.0])))
    front = np.cross(side, tangent)
    angle = np.linspace(0.0, 2.0 * np.pi, columns)[None, :, None]
    return path[:, None] + radius[:, None, None] * (np.sin(angle) * side[:, None] + np.cos(angle) * front[:, None])


def blade(
    base: NDArray,
    heading_deg: float,
    length: float,
    width: float,
    rise_deg: float,
    droop_deg: float,
    fold: float = 0.25,
    tip: float = 0.75,
    shape: tuple[int, int] = (14, 9),
) -> NDArray:
    """(rows, columns, 3): a leaf or petal, its upper side outward.

    Args:
        base: (3,) where it grows from.
        heading_deg: compass direction of growth about y.
        length: along the midrib.
        width: at the widest place.
        rise_deg: of the midrib above the horizon, at the base.
        droop_deg: how far the midrib bends down from base to tip; negative bends it up and inward.
        fold: how steeply the halves rise from the midrib.
        tip: where along the blade the outline narrows; smaller is more pointed.
        shape: rows along and columns across.
    """
    s, x = np.linspace(0.0, 1.0, shape[0]), np.linspace(-1.0, 1.0, shape[1])
    heading = np.deg2rad(heading_deg)
    out, up = np.array([np.sin(heading), 0.0, np.cos(heading)]), np.array([0.0, 1.0, 0.0])
    bend = np.deg2rad(rise_deg - droop_deg * s)[:, None]
    along, normal = np.cos(bend) * out + np.sin(bend) * up, np.cos(bend) * up - np.sin(bend) * out
    steps = (along[1:] + along[:-1]) / 2 * (length / (shape[0] - 1))
    midrib = base + np.concatenate([np.zeros((1, 3)), np.cumsum(steps, 0)])
    half = 0.5 * width * np.maximum(np.sin(np.pi * s**tip), 0.0) ** 0.85
    half = np.maximum(half, 0.02 * width * (1.0 - s))
    across = np.cross(out, up)
    sheet = midrib[:, None] + (half[:, None] * x)[..., None] * across
    return sheet + (fold * half[:, None] * np.abs(x) ** 1.4)[..., None] * normal[:, None]
