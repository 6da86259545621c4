"""Rigs of what has no limbs: a stem that bends, for plants, candles and lamps, and a root alone, for things.

Arrays are in world units, y up.
"""

import numpy as np
import torch
from numpy.typing import NDArray

from to4d.types import Rig

SLICES = 48  # of the height, in which the surface is measured
BONES = 5  # of a stem
POT = 0.45  # a pot or foot is at most this part of the height, and at least as wide as SQUAT of its own height
SQUAT = 0.35
RINGS = 0.35  # relative deviation of the distances from the axis: a pot's slices are rings
NECK = 0.6  # a foot ends where the object is narrower than this part of its widest place below


def stem_rig(vertices: NDArray, faces: NDArray) -> Rig:
    """A root at the foot and a chain of joints upwards along the centre of the surface in each slice of the height.

    A pot or a foot follows the root alone.

    Args:
        vertices: (N, 3) in world units, y up.
        faces: (M, 3).
    """
    low, height = vertices[:, 1].min(), max(np.ptp(vertices[:, 1]), 1e-9)
    centres, widths, deviations = _slices(vertices, faces)
    foot = low + _pot_top(widths, deviations, height)
    levels = foot + (low + height - foot) * np.arange(BONES) / BONES
    slices = low + height * (np.arange(SLICES) + 0.5) / SLICES
    chain = np.stack([np.interp(levels, slices, centres[:, 0]), levels, np.interp(levels, slices, centres[:, 1])], 1)
    joints = np.concatenate([[_ground_centre(vertices)], chain])
    influences, weights = _bend_weights(vertices[:, 1], levels, low + height)
    names = ("root", *(f"stem_{rank}" for rank in range(BONES)))
    return Rig(
        joints=torch.from_numpy(joints.astype(np.float32)),
        parents=tuple(range(-1, BONES)),
        names=names,
        roles=("root", *["stem"] * BONES),
        ranks=(0, *range(BONES)),
        influences=torch.from_numpy(influences),
        weights=torch.from_numpy(weights.astype(np.float32)),
        body="stem",
        confidence=1.0,
        source="found",
    )


def thing_rig(vertices: NDArray) -> Rig:
    """A root alone, in the middle of where an object (N, 3) stands on the ground."""
    count = len(vertices)
    return Rig(
        joints=torch.from_numpy(_ground_centre(vertices)[None].astype(np.float32)),
        parents=(-1,),
        names=("root",),
        roles=("root",),
        ranks=(0,),
        influences=torch.zeros(count, 1, dtype=torch.int64),
        weights=torch.ones(count, 1),
        body="thing",
        confidence=1.0,
        source="found",
    )


def _ground_centre(vertices: NDArray) -> NDArray:
    """The middle of the lowest fiftieth of an object, on the ground."""
    height = vertices[:, 1] - vertices[:, 1].min()
    lowest = vertices[height <= 0.02 * height.max()]
    middle = (lowest.min(0) + lowest.max(0)) / 2
    return np.array([middle[0], vertices[:, 1].min(), middle[2]])


def _slices(vertices: NDArray, faces: NDArray) -> tuple[NDArray, NDArray, NDArray]:
    """Of each slice of the height: the surface's centre (x, z), and mean and relative deviation of the distances to it.

    An empty slice is between its neighbours; the centres are smoothed.
    """
    points, mass = _spread(vertices[faces])
    low, height = vertices[:, 1].min(), max(np.ptp(vertices[:, 1]), 1e-9)
    place = np.clip(((points[:, 1] - low) / height * SLICES).astype(int), 0, SLICES - 1)
    total = np.bincount(place, mass, SLICES)
    there = np.flatnonzero(total > 1e-6 * total.sum())

    def mean(values: NDArray) -> NDArray:
        sums = np.bincount(place, mass * values, SLICES)
        return np.interp(np.arange(SLICES), there, sums[there] / total[there])

    centres = [np.convolve(np.pad(mean(points[:, axis]), 6, "edge"), np.full(13, 1 / 13), "valid") for axis in (0, 2)]
    distance = np.hypot(points[:, 0] - centres[0][place], points[:, 2] - centres[1][place])
    widths = mean(distance)
    variance = np.maximum(mean(distance**2) - widths**2, 0.0)
    return np.stack(centres, 1), widths, np.sqrt(variance) / np.maximum(widths, 1e-9 * height)


def _spread(corners: NDArray) -> tuple[NDArray, NDArray]:
    """Points all over the triangles (M, 3, 3), and the area that each stands for: large triangles cross many slices."""
    grid = int(np.clip(np.sqrt(400_000 / len(corners)), 1, 16))
    i, j = np.mgrid[:grid, :grid].reshape(2, -1) + 1 / 3
    inside = i + j < grid
    u, v = i[inside] / grid, j[inside] / grid
    shares = np.stack([1 - u - v, u, v], 1)
    area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1) / 2
    return (shares @ corners).reshape(-1, 3), np.repeat(area / len(shares), len(shares))


def _pot_top(widths: NDArray, deviations: NDArray, height: float) -> float:
    """How high a pot or foot is; 0 without one. Its lowest slice is its bottom, which is no ring."""
    highest = int(POT * SLICES)
    widest = np.maximum.accumulate(widths)
    ends = (deviations[:highest] > RINGS) | (widths[:highest] < NECK * widest[:highest])
    ends[0] = False
    end = int(ends.argmax())
    top = end / SLICES * height
    return top if widest[end] >= SQUAT * top else 0.0


def _bend_weights(heights: NDArray, levels: NDArray, top: float) -> tuple[NDArray, NDArray]:
    """The two joints (N, 2) that a vertex follows, and how much: all of a bone in its middle, half at a joint."""
    middles = np.concatenate([levels[:1], (levels + np.append(levels[1:], top)) / 2])  # of the root's bone: its end
    place = np.interp(heights, middles, np.arange(len(middles)))
    below = np.minimum(place.astype(np.int64), len(middles) - 2)
    t = place - below
    above = t * t * (3 - 2 * t)
    return np.stack([below, below + 1], 1), np.stack([1 - above, above], 1)
