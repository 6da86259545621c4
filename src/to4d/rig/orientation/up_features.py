"""What tells which way is up: stability, feet, symmetry and proportions.

After Fu, Cohen-Or, Dror and Sheffer, "Upright orientation of man-made objects" (SIGGRAPH 2008). A solid is a grid
(X, Y, Z) bool. The features of a direction do not depend on which axis of the grid it is.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import ConvexHull, QhullError

from to4d.rig.orientation.mirror import Mirror

UPS = ("x", "-x", "y", "-y", "z", "-z")
"""The candidates, in the order of the features' rows."""

CONTACT = 0.03  # of the size: the layers at either end that would touch the ground
RESTING = np.cos(np.deg2rad(14))  # facets of the hull that face a direction
BANDS = 5


def up_features(solid: NDArray, mirror: Mirror) -> list[dict[str, float]]:
    """Features of the six candidates `UPS`."""
    resting = _resting(solid, mirror.centre)
    planes = _plane_errors(mirror)
    out = []
    for number in range(6):
        standing = _stand(solid, number)
        symmetry = {name: values[number // 2] for name, values in planes.items()}
        rest = {"rests": resting[number], "rests_reversed": resting[number ^ 1]}
        rest["log_rests"] = float(np.log(resting[number] + 0.01))
        out.append({**_contacts(standing), **_sections(standing), **_proportions(standing), **symmetry, **rest})
    return out


def _stand(solid: NDArray, number: int) -> NDArray:
    """The solid without empty margins, with a candidate for up as its first axis."""
    standing = np.moveaxis(solid, number // 2, 0)[:: -1 if number % 2 else 1]
    return standing[tuple(slice(x.min(), x.max() + 1) for x in standing.nonzero())]


def _hull(points: NDArray) -> tuple[float, NDArray]:
    """Area of the convex hull of points (n, 2), and its half planes (E, 3); 0 and none if they are on a line."""
    try:
        hull = ConvexHull(points)
    except (QhullError, ValueError):
        return 0.0, np.zeros((0, 3))
    return hull.volume, hull.equations


def _contacts(standing: NDArray) -> dict[str, float]:
    """What it would stand on, and what it would stand on upside down."""
    layers = max(1, round(CONTACT * max(standing.shape)))
    shadow = standing.any(0)
    area = float(shadow.sum())
    hull = max(_hull(np.argwhere(shadow))[0], 1.0)
    balance = np.argwhere(standing)[:, 1:].mean(0)
    out = {"off_centre": float(np.linalg.norm(balance - np.argwhere(shadow).mean(0)) / np.sqrt(area))}
    for name, ends in (("base", standing), ("top", standing[::-1])):
        touching = ends[:layers].any(0)
        span, planes = _hull(np.argwhere(touching))
        inside = -(planes[:, :2] @ balance + planes[:, 2]).max() if len(planes) else -np.inf
        gap = ends.argmax(0)[shadow]
        out[f"{name}_span"] = span / hull
        out[f"{name}_balance"] = float(np.clip(inside / np.sqrt(area), -0.5, 0.5))
        out[f"{name}_area"] = touching.sum() / area
        out[f"{name}_gap"] = gap.mean() / len(ends)
        out[f"{name}_open"] = (gap > 0.15 * len(ends)).mean()
    return out


def _sections(standing: NDArray) -> dict[str, float]:
    """Horizontal cuts: into how many pieces they fall, how wide and how heavy they are, from bottom to top."""
    ranges = {"low": (0.02, 0.25), "middle": (0.35, 0.65), "high": (0.75, 0.98)}
    out = {f"pieces_{name}": float(np.log1p(_pieces(standing, *span))) for name, span in ranges.items()}
    shadow, mass = standing.any(0).sum(), standing.sum()
    for number, band in enumerate(np.array_split(standing, BANDS)):
        out[f"width_{number}"] = band.any(0).sum() / shadow
        out[f"mass_{number}"] = float(np.log(band.sum() / mass + 0.02))
    return out


def _pieces(standing: NDArray, low: float, high: float) -> float:
    """Mean number of pieces of five cuts between two shares of the height, without specks."""
    counts = []
    for level in np.unique((np.linspace(low, high, 5) * (len(standing) - 1)).astype(int)):
        sizes = np.bincount(ndimage.label(standing[level], np.ones((3, 3)))[0].ravel())[1:]
        counts.append((sizes >= max(2.0, 0.02 * sizes.sum())).sum())
    return float(np.mean(counts))


def _proportions(standing: NDArray) -> dict[str, float]:
    height, (narrow, wide) = len(standing), sorted(standing.shape[1:])
    shadow, mass = standing.any(0).sum(), standing.sum((1, 2)) / standing.sum()
    level = (np.arange(height) + 0.5) / height
    middle = float(mass @ level)
    spread = float(np.sqrt(mass @ (level - middle) ** 2))
    return {
        "height_to_breadth": float(np.log(height / np.sqrt(narrow * wide))),
        "height_to_width": float(np.log(height / wide)),
        "breadth": float(np.log(wide / narrow)),
        "centre": middle - 0.5,
        "spread": spread,
        "skew": float(np.clip(mass @ (level - middle) ** 3 / max(spread, 1e-6) ** 3, -2, 2)),
        "shadow": shadow / (narrow * wide),
        "fullness": standing.sum() / standing.size,
    }


def _plane_errors(mirror: Mirror) -> dict[str, NDArray]:
    """(3,) each, of the axes: how well upright planes mirror the solid, and the plane across the axis."""
    azimuths = np.deg2rad(np.arange(0, 180, 6))[:, None]
    axes = np.eye(3)
    across = np.log(mirror.best_offsets(axes, np.linspace(-0.05, 0.05, 7)) + 0.003)
    best, mean = np.zeros(3), np.zeros(3)
    for axis in range(3):
        first, second = np.delete(axes, axis, 0)
        normals = np.cos(azimuths) * first + np.sin(azimuths) * second
        best[axis] = np.log(mirror.best_offsets(normals, np.linspace(-0.04, 0.04, 5)).min() + 0.003)
        mean[axis] = np.log(mirror.errors(normals, np.zeros(len(normals))).mean() + 0.003)
    others = np.array([np.delete(across, axis).min() for axis in range(3)])
    return {
        "mirror_across": across,
        "mirror_upright": best,
        "mirror_round": mean,
        "mirror_sides": others,
        "mirror_best": best.min() - best,
    }


def _resting(solid: NDArray, centre: NDArray) -> NDArray:
    """(6,) how often it would come to rest with each candidate up.

    That is the solid angle, seen from the centre of mass (3,), of the hull's facets that face down, over the sphere's.
    """
    cells = np.argwhere(solid & ~ndimage.binary_erosion(solid)).astype(float)
    try:
        hull = ConvexHull(cells)
    except (QhullError, ValueError):
        return np.zeros(6)
    a, b, c = (hull.points[corner] - centre for corner in hull.simplices.T)
    la, lb, lc = (np.linalg.norm(x, axis=1) for x in (a, b, c))
    volume = abs(np.einsum("ij,ij->i", a, np.cross(b, c)))
    below = la * lb * lc + (a * b).sum(1) * lc + (a * c).sum(1) * lb + (b * c).sum(1) * la
    angle = 2 * np.arctan2(volume, below) / (4 * np.pi)
    facing = hull.equations[:, :3].repeat(2, 1) * np.tile([-1, 1], 3)
    return (angle[:, None] * (facing > RESTING)).sum(0)
