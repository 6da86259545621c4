"""Compiled kernels on the voxels of a solid as a graph: shortest paths, components, the merge tree, diffusion.

A solid is n voxels with a table `neighbours` (n, 26) of the voxels around each, -1 where there is none.
"""

import heapq

import numpy as np

from to4d.kernels.threads import compiled
from to4d.kernels.voxels import find_root


@compiled(fast=False)
def neighbour_table(rows, cells, offsets):
    """(n, 26) int32: the rows of the voxels around `cells` (n, 3), from a padded grid of rows with -1 where none is."""
    table = np.empty((len(cells), len(offsets)), np.int32)
    for i in range(len(cells)):
        for k in range(len(offsets)):
            table[i, k] = rows[cells[i, 0] + offsets[k, 0], cells[i, 1] + offsets[k, 1], cells[i, 2] + offsets[k, 2]]
    return table


@compiled(fast=False)
def shortest_paths(neighbours, lengths, cost, allowed, sources, start):
    """Dijkstra's algorithm over the allowed voxels: distances (n,) and the voxel before each (n,), -1 at sources.

    A step costs its length times the mean cost of its two ends.

    Args:
        neighbours: (n, 26).
        lengths: (26,) of the steps.
        cost: (n,) of a unit of length.
        allowed: (n,) bool; what cannot be reached keeps an infinite distance.
        sources: (S,) voxels.
        start: (S,) distances at the sources.
    """
    distance = np.full(len(neighbours), np.inf)
    before = np.full(len(neighbours), -1, np.int64)
    heap = [(0.0, np.int64(0))]
    heap.pop()
    for i in range(len(sources)):
        if start[i] < distance[sources[i]]:
            distance[sources[i]] = start[i]
            heapq.heappush(heap, (start[i], sources[i]))
    while len(heap):
        here, voxel = heapq.heappop(heap)
        if here > distance[voxel]:
            continue
        for k in range(len(lengths)):
            other = neighbours[voxel, k]
            if other >= 0 and allowed[other]:
                there = here + lengths[k] * 0.5 * (cost[voxel] + cost[other])
                if there < distance[other]:
                    distance[other] = there
                    before[other] = voxel
                    heapq.heappush(heap, (there, np.int64(other)))
    return distance, before


@compiled(fast=False)
def component_of(neighbours, allowed, voxel):
    """(n,) bool: what is connected to a voxel through allowed ones; empty if it is not allowed itself."""
    found = np.zeros(len(neighbours), np.bool_)
    if not allowed[voxel]:
        return found
    found[voxel] = True
    stack = [voxel]
    while len(stack):
        here = stack.pop()
        for other in neighbours[here]:
            if other >= 0 and allowed[other] and not found[other]:
                found[other] = True
                stack.append(np.int64(other))
    return found


@compiled(fast=False)
def merge_tree(neighbours, values, order):
    """How the superlevel sets of a function on the solid appear and merge as its level falls (union-find).

    Args:
        neighbours: (n, 26).
        values: (n,) the function.
        order: (n,) voxels by falling value.

    Returns:
        For each of the L maxima: its voxel, the voxel of the saddle where its set merges into that of a higher
        maximum, the number of that one (-1: none, and the saddle is the maximum itself) and the voxels of its set then.
    """
    component = np.full(len(neighbours), -1, np.int64)
    parent = np.arange(len(neighbours))
    size = np.zeros(len(neighbours), np.int64)
    top, saddle, into, died = [order[0]], [order[0]], [-1], [0]
    top.pop(), saddle.pop(), into.pop(), died.pop()
    for voxel in order:
        mine = -1
        for other in neighbours[voxel]:
            if other < 0 or component[other] < 0:
                continue
            theirs = find_root(parent, component[other])
            if mine < 0:
                mine = theirs
            elif theirs != mine:
                low, high = (theirs, mine) if values[top[theirs]] < values[top[mine]] else (mine, theirs)
                saddle[low], into[low], died[low] = voxel, high, size[low]
                parent[low] = high
                size[high] += size[low]
                mine = high
        if mine < 0:
            mine = len(top)
            top.append(voxel), saddle.append(voxel), into.append(-1), died.append(0)
        component[voxel] = mine
        size[mine] += 1
    return np.array(top), np.array(saddle), np.array(into), np.array(died)


@compiled(fast=False)
def follow_paths(order, before, labels):
    """Copy each voxel's label (n,) from the voxel before it on its path, in `order`; sources keep theirs."""
    for voxel in order:
        if before[voxel] >= 0:
            labels[voxel] = labels[before[voxel]]
