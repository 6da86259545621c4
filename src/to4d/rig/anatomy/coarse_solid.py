"""A coarse solid of a mesh: enough to see how it stands."""

import numpy as np
from numpy.typing import NDArray

from to4d.rig.anatomy.surface import make_surface
from to4d.rig.anatomy.voxelize import voxelize


def coarse_solid(vertices: NDArray, faces: NDArray) -> NDArray:
    """About 15,000 voxels (X, Y, Z) bool of vertices (N, 3) and faces (M, 3), without empty margins.

    Raises:
        InputError: if the mesh has no area or numbers that are not finite.
    """
    cells = voxelize(make_surface(vertices, faces), 15_000, finest=1 / 110, coarsest=1 / 36).filled
    return cells[tuple(slice(x.min(), x.max() + 1) for x in np.nonzero(cells))]
