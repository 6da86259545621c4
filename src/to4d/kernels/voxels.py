"""Compiled kernels that make a solid of a triangle mesh: winding numbers, surface voxels, bridges between loose pieces.

Points are in units of cells: the centre of voxel (i, j, k) is the point (i, j, k).
"""

import heapq

import numpy as np

from to4d.kernels.threads import compiled

OFFSETS = np.array([(i, j, k) for i in (-1, 0, 1) for j in (-1, 0, 1) for k in (-1, 0, 1) if (i, j, k) != (0, 0, 0)])
"""(26, 3) steps to the neighbours of a voxel."""

LENGTHS = np.linalg.norm(OFFSETS, axis=1)
"""(26,) lengths of these steps in cells."""


@compiled(fast=False)
def count_crossings(points, faces, counts, first_exit, last_entry):
    """Find each triangle's signed crossings with the grid lines along the last axis.

    A crossing belongs to the first voxel centre behind it.

    Args:
        points: (N, 3).
        faces: (M, 3).
        counts: (X, Y, Z) int16, +1 is added where the line enters and -1 where it leaves: sums along the line are
            winding numbers.
        first_exit: (X, Y, Z) float32, lowered to the places where the line leaves.
        last_entry: (X, Y, Z) float32, raised to the places where it enters.
    """
    last = counts.shape[2]
    for face in faces:
        a, b, c = points[face[0]], points[face[1]], points[face[2]]
        area = (b[0] - a[0]) * (c[1] - a[1]) - (c[0] - a[0]) * (b[1] - a[1])
        if abs(area) < 1e-12:
            continue
        x_stop = min(counts.shape[0] - 1, int(max(a[0], b[0], c[0])))
        y_stop = min(counts.shape[1] - 1, int(max(a[1], b[1], c[1])))
        for x in range(max(0, int(np.ceil(min(a[0], b[0], c[0])))), x_stop + 1):
            for y in range(max(0, int(np.ceil(min(a[1], b[1], c[1])))), y_stop + 1):
                u = ((x - a[0]) * (c[1] - a[1]) - (c[0] - a[0]) * (y - a[1])) / area
                v = ((b[0] - a[0]) * (y - a[1]) - (x - a[0]) * (b[1] - a[1])) / area
                place = a[2] * (1 - u - v) + b[2] * u + c[2] * v
                z = max(int(np.ceil(place)), 0)
                if u < 0 or v < 0 or u + v > 1 or z >= last:
                    continue
                if area < 0:
                    counts[x, y, z] += 1
                    last_entry[x, y, z] = max(last_entry[x, y, z], place)
                else:
                    counts[x, y, z] -= 1
                    first_exit[x, y, z] = min(first_exit[x, y, z], place)


@compiled(fast=False)
def mark_surface(points, faces, cells):
    """Set the voxels of `cells` (X, Y, Z) bool that triangles pass through, by samples half a cell apart."""
    for face in faces:
        a, b, c = points[face[0]], points[face[1]], points[face[2]]
        longest = max(((b - a) ** 2).sum(), ((c - a) ** 2).sum(), ((c - b) ** 2).sum())
        count = int(2 * np.sqrt(longest)) + 1
        for i in range(count + 1):
            for j in range(count + 1 - i):
                q = a + (b - a) * (i / count) + (c - a) * (j / count)
                cells[int(q[0] + 0.5), int(q[1] + 0.5), int(q[2] + 0.5)] = True


@compiled(fast=False)
def find_root(parent, item):
    """The representative of an item in a union-find forest, halving the path to it."""
    while parent[item] != item:
        parent[item] = parent[parent[item]]
        item = parent[item]
    return item


@compiled(fast=False)
def mark_path(before, end, marks):
    """Set `marks` (C,) bool from a cell back to the source of its path."""
    while end >= 0:
        marks[end] = True
        end = before[end]


@compiled(fast=False)
def bridge_pieces(labels, count, steps, lengths, bridges):
    """Connect pieces by short lines of cells: all grow at one speed until they meet, as in Kruskal's algorithm.

    Args:
        labels: (C,) of a flat padded grid: 1 to `count` in pieces, 0 in empty cells, -1 in the padding; it is changed.
        count: number of pieces.
        steps: (26,) to neighbours in the flat grid.
        lengths: (26,) of these steps.
        bridges: (C,) bool, set where a bridge passes.
    """
    distance = np.where(labels > 0, 0.0, np.inf)
    before = np.full(labels.size, -1)
    parent = np.arange(count + 1)
    heap = [(0.0, np.int64(cell)) for cell in np.flatnonzero(labels > 0)]
    while len(heap) and count > 1:
        here, cell = heapq.heappop(heap)
        if here > distance[cell]:
            continue
        for k in range(len(steps)):
            other = cell + steps[k]
            if labels[other] >= 0 and here + lengths[k] < distance[other]:
                distance[other] = here + lengths[k]
                labels[other] = labels[cell]
                before[other] = cell
                heapq.heappush(heap, (distance[other], other))
            elif labels[other] > 0:
                one, two = find_root(parent, labels[cell]), find_root(parent, labels[other])
                if one != two:
                    parent[one] = two
                    count -= 1
                    mark_path(before, cell, bridges)
                    mark_path(before, other, bridges)
