"""Compiled kernels that spread weights through a solid of voxels and carry them to points."""

import numpy as np

from to4d.kernels.threads import compiled

NEIGHBOURHOOD = 0.8  # squared width, in cells, of the Gaussian that points see voxels through


@compiled(fast=False)
def diffuse(neighbours, owner, field, rounds):
    """Average a field (n, F) float32 with its neighbours' mean, `rounds` times.

    Nothing passes from one owner to another but between them and -1, the trunk.
    """
    here, there = field.copy(), np.empty_like(field)
    mean = np.empty(field.shape[1], np.float32)
    for _ in range(rounds):
        for voxel in range(len(neighbours)):
            mean[:] = 0.0
            count = 0
            for other in neighbours[voxel]:
                if other >= 0 and (owner[other] == owner[voxel] or owner[other] < 0 or owner[voxel] < 0):
                    mean += here[other]
                    count += 1
            there[voxel] = (
                np.float32(0.3) * here[voxel] + np.float32(0.7 / max(count, 1)) * mean if count else here[voxel]
            )
        here, there = there, here
    return here


@compiled(fast=False)
def gather(rows, places, nearest, owner, field, indices, values):
    """The largest entries of a field (n, F) seen by points through a Gaussian over the 27 voxels around each.

    Args:
        rows: (X, Y, Z) voxels of a padded grid, -1 where there is none.
        places: (N, 3) of the points in cells of the grid.
        nearest: (N,) the nearest voxel, whose owner decides on which side of a gap a point is.
        owner: (n,).
        field: (n, F) float32.
        indices: (N, K) int64 result, entries by falling value.
        values: (N, K) float32 result, which add up to 1.
    """
    total = np.empty(field.shape[1], np.float64)
    for point in range(len(places)):
        total[:] = 1e-9 * field[nearest[point]]
        mine = owner[nearest[point]]
        x, y, z = places[point, 0], places[point, 1], places[point, 2]
        for i in range(max(int(np.round(x)) - 1, 0), min(int(np.round(x)) + 2, rows.shape[0])):
            for j in range(max(int(np.round(y)) - 1, 0), min(int(np.round(y)) + 2, rows.shape[1])):
                for k in range(max(int(np.round(z)) - 1, 0), min(int(np.round(z)) + 2, rows.shape[2])):
                    voxel = rows[i, j, k]
                    if voxel >= 0 and (owner[voxel] == mine or owner[voxel] < 0 or mine < 0):
                        square = (x - i) ** 2 + (y - j) ** 2 + (z - k) ** 2
                        total += np.exp(-square / NEIGHBOURHOOD) * field[voxel]
        take_largest(total, indices[point], values[point])


@compiled(fast=False)
def take_largest(total, indices, values):
    """Move the largest entries of `total` (F,) to `indices` and `values` (K,), drop those below 1 %, normalise."""
    threshold = 0.01 * total.sum()
    for k in range(len(indices)):
        best = np.argmax(total)
        indices[k] = best if total[best] >= threshold else indices[0]
        values[k] = total[best] if total[best] >= threshold else 0.0
        total[best] = -1.0
    values /= values.sum()
