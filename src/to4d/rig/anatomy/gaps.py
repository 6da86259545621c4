"""Narrow gaps between limbs: voxels on both sides are no neighbours, unless the solid would fall apart."""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components, minimum_spanning_tree

from to4d.kernels.voxel_gaps import ORDERS, cut_gaps
from to4d.kernels.voxels import OFFSETS


def keep_gaps(neighbours: NDArray, rows: NDArray, cells: NDArray, gaps: NDArray) -> NDArray:
    """The table of neighbours (n, 26) without pairs that a gap is between.

    Pieces that only gaps part, such as those of armour, stay connected where they touch most.

    Args:
        neighbours: (n, 26) voxels around each, -1 where there is none.
        rows: (X, Y, Z) voxels of a padded grid, -1 where there is none.
        cells: (n, 3) places of the voxels in it.
        gaps: (3, X, Y, Z) bool, whether a gap is between a cell and the one before it along each axis.
    """
    if not gaps.any():
        return neighbours
    cuts = cut_gaps(rows, cells, gaps, OFFSETS, ORDERS, neighbours)
    count, piece = _pieces(np.where(cuts, -1, neighbours))
    if count > 1:
        one, two = piece[np.nonzero(cuts)[0]], piece[neighbours[cuts]]
        contact = coo_matrix((np.ones(len(one)), (one, two)), shape=(count, count)).tocsr()
        contact.data = 1 / contact.data  # a large contact is a short edge of the tree
        tree = minimum_spanning_tree(contact)
        joined = (tree + tree.T).tocsr()
        cuts[cuts] = np.asarray(joined[one, two]).ravel() == 0
    return np.where(cuts, -1, neighbours).astype(np.int32)


def _pieces(neighbours: NDArray) -> tuple[int, NDArray]:
    voxel, slot = np.nonzero(neighbours >= 0)
    graph = coo_matrix((np.ones(len(voxel), np.int8), (voxel, neighbours[voxel, slot])), shape=(len(neighbours),) * 2)
    return connected_components(graph, directed=False)
