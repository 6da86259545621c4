"""The head of a body that stands upright: all above the narrowest horizontal cut over the shoulders."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from to4d.rig.anatomy.frame import Frame
from to4d.rig.anatomy.solid import Solid


def find_upright_head(
    solid: Solid, frame: Frame, limbs: NDArray, hips: list[NDArray], shoulders: list[NDArray]
) -> tuple[NDArray, int] | None:
    """The head's region (n,) and the voxel on top of it, or None if nothing is above the shoulders.

    Args:
        solid: of the body.
        frame: of the body.
        limbs: (n,) bool of arms and legs, which may reach over the head.
        hips: (3,) where each leg begins.
        shoulders: (3,) where each arm begins.
    """
    height, rest = solid.points[:, 1], ~limbs
    top, low = float(np.quantile(height[rest], 0.999)), max(hip[1] for hip in hips)
    wanted = np.mean([shoulder[1] for shoulder in shoulders]) if shoulders else low + 0.45 * (top - low)
    levels = np.arange(np.clip(wanted, low + 0.25 * (top - low), low + 0.75 * (top - low)), top, solid.cell)
    if len(levels) < 6:
        return None
    above = rest & (height > _narrowest(solid, rest, levels))
    pieces = ndimage.label(solid.grid(above, False), np.ones((3, 3, 3)))[0]
    piece = solid.from_grid(pieces)
    region = piece == np.bincount(piece[above]).argmax()
    voxels = np.flatnonzero(region)
    left = abs(frame.to_body(solid.points[voxels])[:, 0])
    middle = voxels[left < max(0.06, left.min() + solid.cell)]
    return region, int(middle[np.argmax(height[middle])])


def _narrowest(solid: Solid, rest: NDArray, levels: NDArray) -> float:
    """The height, among `levels` from the shoulders up, of the smallest cut below the head's largest."""
    height = solid.points[rest, 1]
    areas = np.array([np.count_nonzero(abs(height - level) < solid.cell) for level in levels], float)
    areas = ndimage.uniform_filter1d(areas, 3)
    start, stop = int(0.2 * len(areas)), int(0.95 * len(areas)) + 1
    widest = start + int(np.argmax(areas[start:stop]))
    cut = int(np.argmin(areas[: widest + 1]))
    if areas[cut] > 0.9 * areas[widest]:  # no neck at all
        cut = int(0.12 * len(areas))
    return float(levels[cut])
