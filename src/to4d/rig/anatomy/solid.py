"""A mesh as a solid of voxels, and distances through it."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import KDTree

from to4d.kernels.solid_graph import component_of, neighbour_table, shortest_paths
from to4d.kernels.voxels import LENGTHS, OFFSETS
from to4d.rig.anatomy.gaps import keep_gaps
from to4d.rig.anatomy.surface import Surface, make_surface
from to4d.rig.anatomy.voxelize import voxelize


@dataclass(frozen=True, eq=False)
class Solid:
    """A connected solid of n voxels in the coordinates of its surface: centred, with a longest side of 1, y up.

    Fields on the solid are arrays (n,) or (n, F), a voxel is its row, and a region is a mask (n,).
    """

    surface: Surface
    points: NDArray  # (n, 3) float64 centres of the voxels
    cells: NDArray  # (n, 3) int64 their places in a grid
    depth: NDArray  # (n,) float64 distance to the nearest cell outside
    neighbours: NDArray  # (n, 26) int32 voxels around each, -1 where none is
    cell: float  # size of a voxel

    def __len__(self) -> int:
        return len(self.points)

    @cached_property
    def tree(self) -> KDTree:
        """For the nearest voxels to points."""
        return KDTree(self.points)

    @property
    def low(self) -> NDArray:
        """(3,) the lowest coordinates of voxels."""
        return self.points.min(0)

    @property
    def high(self) -> NDArray:
        """(3,) the highest coordinates of voxels."""
        return self.points.max(0)

    @property
    def height(self) -> float:
        """Of the solid along y, at least that of a voxel."""
        return float(np.ptp(self.points[:, 1])) + self.cell

    def nearest(self, points: NDArray) -> NDArray:
        """The voxels nearest to points (..., 3)."""
        return self.tree.query(points)[1]

    def grid(self, field: NDArray, empty: float = 0, padding: int = 0) -> NDArray:
        """A field (n,) on the grid (X, Y, Z), with `empty` where no voxel is."""
        shape = self.cells.max(0) + 3 + 2 * padding
        grid = np.full(shape, empty, field.dtype)
        grid[tuple((self.cells + padding).T)] = field
        return grid

    def from_grid(self, grid: NDArray) -> NDArray:
        """The field (n,) of a grid (X, Y, Z) without padding."""
        return grid[tuple(self.cells.T)]

    def cells_of(self, points: NDArray) -> NDArray:
        """(..., 3) int64 places in the grid of points (..., 3)."""
        return np.round((points - self.points[0]) / self.cell).astype(np.int64) + self.cells[0]

    def paths(
        self,
        sources: NDArray,
        cost: NDArray | None = None,
        start: NDArray | None = None,
        within: NDArray | None = None,
    ) -> tuple[NDArray, NDArray]:
        """Shortest paths through the solid: distances (n,), and the voxel before each (n,), -1 at sources.

        Args:
            sources: (S,) voxels.
            cost: (n,) of a unit of length; 1 by default.
            start: (S,) distances at the sources; 0 by default.
            within: (n,) the region that paths stay in.
        """
        sources = sources.astype(np.int64)
        cost = np.ones(len(self)) if cost is None else cost
        start = np.zeros(len(sources)) if start is None else start
        within = np.ones(len(self), bool) if within is None else within
        return shortest_paths(self.neighbours, LENGTHS * self.cell, cost, within, sources, start)

    def component(self, region: NDArray, voxel: int) -> NDArray:
        """The part (n,) of a region that is connected with one of its voxels."""
        return component_of(self.neighbours, region, int(voxel))


def make_solid(vertices: NDArray, faces: NDArray, voxels: int = 60_000) -> Solid:
    """The solid of a mesh, vertices (N, 3) with y up and faces (M, 3).

    Raises:
        InputError: if the mesh has no area or numbers that are not finite.
    """
    surface = make_surface(vertices, faces)
    grid = voxelize(surface, voxels)
    cells = np.argwhere(grid.filled)
    rows = np.full(grid.filled.shape, -1, np.int32)
    rows[tuple(cells.T)] = np.arange(len(cells))
    depth = ndimage.distance_transform_edt(grid.filled)[tuple(cells.T)] * grid.cell
    neighbours = keep_gaps(neighbour_table(rows, cells, OFFSETS), rows, cells, grid.gaps)
    return Solid(surface, grid.origin + cells * grid.cell, cells, depth, neighbours, grid.cell)


def trace(before: NDArray, voxel: int) -> NDArray:
    """The voxels of the path from a voxel back to its source, see `Solid.paths`."""
    path = [int(voxel)]
    while before[path[-1]] >= 0:
        path.append(int(before[path[-1]]))
    return np.array(path)


def lies(solid: Solid) -> bool:
    """Whether the trunk is long and horizontal rather than upright, by the spread of its deep voxels."""
    core = solid.points[solid.depth > 0.45 * solid.depth.max()]
    minor, major = np.sqrt(np.maximum(np.linalg.eigvalsh(np.cov(core[:, [0, 2]].T)), 1e-12))
    return bool(major > 1.1 * core[:, 1].std() and major > 1.5 * minor)
