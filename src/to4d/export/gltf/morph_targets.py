"""A moving surface as a few morph targets: which frames are key frames, and how untracked points move."""

from dataclasses import dataclass

import numpy as np
from scipy.spatial import KDTree

LEAF = 16  # points of a leaf of the search tree, which decides between points that are equally near


@dataclass(frozen=True)
class WeldedSurface:
    """Triangles over P points that are distinct, in world units."""

    points: np.ndarray  # (P, 3) at rest
    faces: np.ndarray  # (M, 3)

    @property
    def size(self) -> float:
        """The diagonal of its bounding box."""
        return float(np.linalg.norm(np.ptp(self.points, axis=0)))


def fill_missing(points: np.ndarray, move: np.ndarray, found: np.ndarray, before: np.ndarray) -> np.ndarray:
    """A frame's move (P, 3) where points (P, 3) that were not `found` (P,) move like the nearest ones that were.

    A frame in which nothing was found repeats `before`.
    """
    if not found.any():
        return before
    move = move.copy()
    if not found.all():
        distance, near = KDTree(points[found], LEAF).query(points[~found], np.arange(1, 1 + min(4, found.sum())))
        share = 1.0 / (distance + 1e-9)
        share /= share.sum(1, keepdims=True)
        move[~found] = (share[..., None] * move[found][near]).sum(1)
    return move


def nearest_found(points: np.ndarray, found: np.ndarray) -> np.ndarray:
    """(P,) each of the points (P, 3), or the nearest one that was `found` (P,)."""
    numbers = np.arange(len(points))
    if found.any() and not found.all():
        numbers[~found] = np.flatnonzero(found)[KDTree(points[found], LEAF).query(points[~found])[1]]
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


def interpolate_keyframes(paths: np.ndarray, keys: list[int]) -> np.ndarray:
    """Moves (V, P, 3) that are straight lines between the frames `keys`, of which the first is 0 and the last V - 1.

    >>> interpolate_keyframes(np.array([0.0, 9.0, 2.0, 3.0]).reshape(4, 1, 1), [0, 2, 3]).ravel()
    array([0., 1., 2., 3.])
    """
    frames = np.arange(len(paths))
    left = np.clip(np.searchsorted(keys, frames, "right") - 1, 0, max(len(keys) - 2, 0))
    start = np.array(keys)[left]
    end = np.array(keys)[np.minimum(left + 1, len(keys) - 1)]
    share = ((frames - start) / np.maximum(end - start, 1))[:, None, None].astype(paths.dtype)
    return paths[start] + share * (paths[end] - paths[start])


def _is_straight(paths: np.ndarray, tolerance: float) -> bool:
    """Whether the frames in between are at most `tolerance` from the line between first and last, at equal steps."""
    first, last = paths[0], paths[-1]
    shares = np.arange(1, len(paths) - 1) / (len(paths) - 1)
    return all(
        np.linalg.norm(path - first - share * (last - first), axis=-1).max() <= tolerance
        for share, path in zip(shares, paths[1:-1], strict=True)
    )


def turn_normals(normals: np.ndarray, slopes: np.ndarray, axes: np.ndarray) -> np.ndarray:
    """Unit normals (n, 3) of a moved surface, in its own axes.

    Args:
        normals: at rest, in its own axes.
        slopes: (n, 3, 3) see `distortion.flipped_triangles`.
        axes: (3, 3) from its own axes to the world.
    """
    world = normals @ np.linalg.pinv(axes)  # covectors: n -> axes^-T n
    moved = np.einsum("nji,nj->ni", slopes, world) @ axes
    length = np.linalg.norm(moved, axis=1, keepdims=True)
    return np.where(length > 1e-12, moved / np.maximum(length, 1e-12), normals)
