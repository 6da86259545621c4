"""Measures of a part's shape that do not depend on its size."""

import numpy as np
from numpy.typing import NDArray

from to4d.rig.anatomy.solid import Solid


def path_lengths(solid: Solid, path: NDArray) -> NDArray:
    """(P,) lengths of a path of voxels from its first one to each."""
    steps = np.linalg.norm(np.diff(solid.points[path], axis=0), axis=1)
    return np.concatenate([[0.0], np.cumsum(steps)])


def roundness(solid: Solid, radii: NDArray, voxels: int, length: float) -> float:
    """Inscribed radius over that of a rod of the same volume and length: about 1 for rods, small for sheets.

    Args:
        solid: whose voxels are counted.
        radii: (P,) inscribed radii along the part.
        voxels: its number of voxels.
        length: of the part.
    """
    rod = np.sqrt(max(voxels, 1) * solid.cell**3 / np.pi / max(length, 1e-3))
    return float((np.median(radii) - 0.3 * solid.cell) / rod)


def flatness(solid: Solid, distance: NDArray, region: NDArray, length: float, thickness: float) -> float:
    """Least extent over the middle one, averaged over up to three pieces so that a bent leg does not count as flat.

    Args:
        solid: with n voxels.
        distance: (n,) from the body's centre.
        region: (n,) bool of the part.
        length: of the part.
        thickness: its typical inscribed radius.
    """
    voxels = np.flatnonzero(region)
    pieces = int(np.clip(round(length / max(5 * thickness, 1e-3)), 1, 3))
    if len(voxels) < 12:
        return 1.0
    cuts = np.quantile(distance[voxels], np.linspace(0, 1, pieces + 1))
    ratios = []
    for low, high in zip(cuts, cuts[1:], strict=False):
        points = solid.points[voxels[(distance[voxels] >= low) & (distance[voxels] <= high)]]
        if len(points) > 8:
            extents = np.sqrt(np.maximum(np.linalg.eigvalsh(np.cov(points.T)), 1e-9))
            ratios.append(extents[0] / extents[1])
    return float(np.mean(ratios)) if ratios else 1.0


def ball_of(radii: NDArray) -> int:
    """The place on a path, from inscribed radii (P,), where a head is thickest.

    It is behind a waist if there is one, so that horns and antlers do not count, or else in the outer 60 %.
    """
    rise = radii - np.minimum.accumulate(radii)
    if rise.max() > 0.15 * radii[0]:
        return int(np.argmax(rise))
    outer = int(0.4 * len(radii))
    return outer + int(np.argmax(radii[outer:]))


def narrowest(radii: NDArray) -> int:
    """The narrowest place of a neck, from inscribed radii (P,), or a quarter of the way where it has no waist."""
    ball = ball_of(radii)
    narrow = int(np.argmin(radii[: ball + 1])) if ball > 2 else 0
    return narrow if radii[narrow] <= 0.85 * radii[ball] else (len(radii) - 1) // 4
