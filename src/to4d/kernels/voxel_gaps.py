"""Compiled kernels for gaps narrower than a voxel, as between two legs or an arm and the trunk."""

import numpy as np

from to4d.kernels.threads import compiled

ORDERS = np.array([(0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)])
"""The orders in which a diagonal step can be made of steps along the axes."""


@compiled(fast=False)
def is_apart(rows, gaps, start, offset, orders):
    """Whether every way inside the solid from a cell (3,) to a neighbour, axis by axis, passes a gap.

    Args:
        rows: (X, Y, Z) voxels of a padded grid, -1 where there is none.
        gaps: (3, X, Y, Z) bool, whether a gap is between a cell and the one before it along each axis.
        start: (3,) of the cell.
        offset: (3,) of the neighbour.
        orders: `ORDERS`.
    """
    apart = False
    for order in orders:
        x, y, z = start[0], start[1], start[2]
        inside, cut = True, False
        for axis in order:
            step = offset[axis]
            if step == 0:
                continue
            if step > 0:
                x, y, z = x + (axis == 0), y + (axis == 1), z + (axis == 2)
                cut |= gaps[axis, x, y, z]
            else:
                cut |= gaps[axis, x, y, z]
                x, y, z = x - (axis == 0), y - (axis == 1), z - (axis == 2)
            inside &= rows[x, y, z] >= 0
        if inside and not cut:
            return False
        apart |= inside
    return apart


@compiled(fast=False)
def cut_gaps(rows, cells, gaps, offsets, orders, table):
    """(n, 26) bool: the entries of a table of neighbours (n, 26) across which there is a gap."""
    cuts = np.zeros(table.shape, np.bool_)
    for i in range(len(cells)):
        x, y, z = cells[i, 0], cells[i, 1], cells[i, 2]
        if gaps[:, x - 1 : x + 2, y - 1 : y + 2, z - 1 : z + 2].any():
            for k in range(len(offsets)):
                if table[i, k] >= 0:
                    cuts[i, k] = is_apart(rows, gaps, cells[i], offsets[k], orders)
    return cuts
