"""A moving surface as a few shapes: which frames are needed, who could not be followed, and what the motion tears."""

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

SHORT = 1e-3  # share of the size below which edges say nothing


@dataclass(frozen=True)
class Surface:
    """Triangles over P points that are distinct, in world units."""

    points: np.ndarray  # (P, 3) at rest
    faces: np.ndarray  # (M, 3)

    @property
    def size(self) -> float:
        """The diagonal of its bounding box."""
        return float(np.linalg.norm(np.ptp(self.points, axis=0)))


def filled(points: np.ndarray, moves: np.ndarray, found: np.ndarray) -> np.ndarray:
    """Moves (V, P, 3) where points (P, 3) that were not `found` (V, P) move like the nearest ones that were.

    A frame in which nothing was found repeats the one before it.
    """
    moves, before = moves.copy(), np.zeros_like(moves[0])
    for move, there in zip(moves, found, strict=True):
        if not there.any():
            move[:] = before
        elif not there.all():
            distance, near = cKDTree(points[there]).query(points[~there], np.arange(1, 1 + min(4, there.sum())))
            share = 1.0 / (distance + 1e-9)
            share /= share.sum(1, keepdims=True)
            move[~there] = (share[..., None] * move[there][near]).sum(1)
        before = move
    return moves


def stand_ins(points: np.ndarray, found: np.ndarray) -> np.ndarray:
    """(P,) each of the points (P, 3), or the nearest one that was `found` (P,)."""
    numbers = np.arange(len(points))
    if found.any() and not found.all():
        numbers[~found] = np.flatnonzero(found)[cKDTree(points[found]).query(points[~found])[1]]
    return numbers


def keyframes(paths: np.ndarray, tolerance: float) -> list[int]:
    """Frames of paths or moves (V, P, 3) between which straight lines miss no point by more than `tolerance`.

    >>> keyframes(np.array([0.0, 1.0, 2.0, 2.0]).reshape(4, 1, 1), 1e-6)
    [0, 2, 3]
    """
    keys = [0]
    while keys[-1] < len(paths) - 1:
        end = keys[-1] + 1
        while end + 1 < len(paths) and _is_straight(paths[keys[-1] : end + 2], tolerance):
            end += 1
        keys.append(end)
    return keys


def _is_straight(paths: np.ndarray, tolerance: float) -> bool:
    """Whether the frames in between are at most `tolerance` from the line between first and last, at equal steps."""
    first, last = paths[0], paths[-1]
    shares = np.arange(1, len(paths) - 1) / (len(paths) - 1)
    return all(
        np.linalg.norm(path - first - share * (last - first), axis=-1).max() <= tolerance
        for share, path in zip(shares, paths[1:-1], strict=True)
    )


def edge_change(surface: Surface, moves: np.ndarray) -> tuple[float, float]:
    """The most that an edge shrinks and grows under moves (V, P, 3), as factors of its length at rest."""
    pairs = np.sort(surface.faces[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1)
    pairs = np.unique(pairs, axis=0)
    rest = _lengths(surface.points, pairs)
    long = rest > SHORT * surface.size
    if not long.any():
        return 1.0, 1.0
    ratios = [_lengths(surface.points + move, pairs[long]) / rest[long] for move in moves]
    return float(min(r.min() for r in ratios)), float(max(r.max() for r in ratios))


def _lengths(points: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    return np.linalg.norm(points[pairs[:, 0]] - points[pairs[:, 1]], axis=1)


def flipped(surface: Surface, move: np.ndarray, slopes: np.ndarray) -> float:
    """Share of triangles that face the wrong way in one frame.

    Args:
        surface: at rest.
        move: (P, 3) of its points.
        slopes: (P, 3, 3) of the backward motion's source at these places: a small piece of surface with normal n at
            rest has a normal along slopes^T n now, if nothing folds.
    """
    normals = triangle_normals(surface.points, surface.faces)
    real = np.linalg.norm(normals, axis=1) > (SHORT * surface.size) ** 2
    expected = np.einsum("mji,mj->mi", slopes[surface.faces[real]].mean(1), normals[real])
    wrong = (expected * triangle_normals(surface.points + move, surface.faces[real])).sum(1) < 0
    return float(wrong.mean()) if real.any() else 0.0


def triangle_normals(points: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """(M, 3), twice the area long."""
    corners = points[faces]
    return np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])


def turned(normals: np.ndarray, slopes: np.ndarray, axes: np.ndarray) -> np.ndarray:
    """Unit normals (n, 3) of a moved surface, in its own axes.

    Args:
        normals: at rest, in its own axes.
        slopes: (n, 3, 3) see `flipped`.
        axes: (3, 3) from its own axes to the world.
    """
    world = normals @ np.linalg.pinv(axes)  # covectors: n -> axes^-T n
    moved = np.einsum("nji,nj->ni", slopes, world) @ axes
    length = np.linalg.norm(moved, axis=1, keepdims=True)
    return np.where(length > 1e-12, moved / np.maximum(length, 1e-12), normals)
