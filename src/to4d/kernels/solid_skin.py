"""Compiled kernels that spread weights through a solid of voxels and carry them to points."""

import numpy as np

from to4d.kernels.threads import compiled

NEIGHBOURHOOD = 0.8  # squared width, in cells, of the Gaussian that points see voxels through


@compiled(fast=False)
def rounds_until_change(neighbours, owner, labels, rounds):
    """(n,) the first of `rounds` rounds of diffusion in which each voxel changes, if each starts with its label."""
    first = np.full(len(neighbours), rounds, np.int64)
    for number in range(rounds):
        for voxel in range(len(neighbours)):
            if first[voxel] < rounds:
                continue
            for other in neighbours[voxel]:
                joined = other >= 0 and (owner[other] == owner[voxel] or owner[other] < 0 or owner[voxel] < 0)
                if joined and (first[other] < number or (number == 0 and labels[other] != labels[voxel])):
                    first[voxel] = number
                    break
    return first


@compiled(fast=False)
def diffuse(neighbours, owner, field, first, start, stop):
    """Average a field (n, F) float32 with its neighbours' mean in the rounds from `start` to `stop`.

    Nothing passes from one owner to another but between them and -1, the trunk. Voxels are left alone before the round
    `first` (n,), until which their neighbourhood is uniform.
    """
    here, there = field.copy(), field.copy()
    count = field.shape[1]
    mean = np.empty(count, np.float32)
    for number in range(start, stop):
        for voxel in range(len(neighbours)):
            if first[voxel] > number:
                continue
            mean[:] = 0.0
            found = 0
            for other in neighbours[voxel]:
                if other >= 0 and (owner[other] == owner[voxel] or owner[other] < 0 or owner[voxel] < 0):
                    found += 1
                    for f in range(count):
                        mean[f] += here[other, f]
            share = np.float32(0.7 / max(found, 1))
            for f in range(count):
                there[voxel, f] = np.float32(0.3) * here[voxel, f] + share * mean[f]
        here, there = there, here
    return here


@compiled(fast=False)
def nearest_around(rows, places, nearest):
    """Set `nearest` (N,) to the nearest of the 27 voxels around places (N, 3) in cells, or to -1 if none is there."""
    for point in range(len(places)):
        x, y, z = places[point, 0], places[point, 1], places[point, 2]
        best = np.inf
        nearest[point] = -1
        for i in range(max(int(np.round(x)) - 1, 0), min(int(np.round(x)) + 2, rows.shape[0])):
            for j in range(max(int(np.round(y)) - 1, 0), min(int(np.round(y)) + 2, rows.shape[1])):
                for k in range(max(int(np.round(z)) - 1, 0), min(int(np.round(z)) + 2, rows.shape[2])):
                    square = (x - i) ** 2 + (y - j) ** 2 + (z - k) ** 2
                    if rows[i, j, k] >= 0 and square < best:
                        best, nearest[point] = square, rows[i, j, k]


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
        for f in range(len(total)):
            total[f] = 1e-9 * field[nearest[point], f]
        mine = owner[nearest[point]]
        x, y, z = places[point, 0], places[point, 1], places[point, 2]
        for i in range(max(int(np.round(x)) - 1, 0), min(int(np.round(x)) + 2, rows.shape[0])):
            for j in range(max(int(np.round(y)) - 1, 0), min(int(np.round(y)) + 2, rows.shape[1])):
                for k in range(max(int(np.round(z)) - 1, 0), min(int(np.round(z)) + 2, rows.shape[2])):
                    voxel = rows[i, j, k]
                    if voxel >= 0 and (owner[voxel] == mine or owner[voxel] < 0 or mine < 0):
                        square = (x - i) ** 2 + (y - j) ** 2 + (z - k) ** 2
                        weight = np.exp(-square / NEIGHBOURHOOD)
                        for f in range(len(total)):
                            total[f] += weight * field[voxel, f]
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
