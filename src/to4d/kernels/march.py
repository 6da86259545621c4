"""Marches rays through an occupancy grid and keeps the samples that lie in occupied cells.

A ray is sampled at distances (k + shift) * step, k = 0, 1, ..., inside the box [-1, 1]^3. It starts at the box around
all occupied cells, and cells of a coarse copy of the grid let it jump over empty space. Every turn of the loop advances
k, so it ends; hits are noted once and copied then, so that no second pass can disagree with the first.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numba import float32
from torch import Tensor
from torch.nn.functional import max_pool3d

from to4d.kernels.threads import compiled, run_chunks

BLOCK = 512  # rays
COARSE = 4  # cells of a coarse cell, along an axis
DIAGONAL = 2 * 3**0.5  # of the box


@dataclass(frozen=True)
class OccupiedCells:
    """Occupied cells of [-1, 1]^3, with a coarse copy and bounds to skip empty space. Axes are x, y, z."""

    fine: Tensor  # (T, G, G, G) uint8
    coarse: Tensor  # (T, G/4, G/4, G/4) uint8: any of the 64 cells
    bounds: Tensor  # (2, 3) corners of the box around all that is occupied

    @staticmethod
    def of(fine: Tensor) -> "OccupiedCells":
        """From masks (T, G, G, G), G a multiple of 4."""
        coarse = max_pool3d(fine.float(), COARSE).to(torch.uint8)
        size, full = coarse.shape[-1], coarse.amax(0)
        bounds = torch.tensor([[1.0] * 3, [-1.0] * 3])
        for axis in range(3):
            used = full.amax([other for other in range(3) if other != axis]).nonzero()[:, 0]
            if len(used):
                bounds[0, axis], bounds[1, axis] = used[0] * 2 / size - 1, (used[-1] + 1) * 2 / size - 1
        return OccupiedCells(fine, coarse, bounds)


@dataclass(frozen=True)
class Samples:
    """Points on rays, packed ray by ray, front to back."""

    points: Tensor  # (N, 3)
    depth: Tensor  # (N,) distance from the ray's origin
    rays: Tensor  # (N,) int64
    offsets: Tensor  # (R + 1,) int64: ray r owns [offsets[r], offsets[r + 1])


def march(
    origins: Tensor, directions: Tensor, bins: Tensor, cells: OccupiedCells, shift: Tensor, step: float
) -> Samples:
    """Samples in occupied cells: by compiled code on a CPU, elsewhere by `march_twin`.

    Args:
        origins: (R, 3).
        directions: (R, 3), unit length.
        bins: (R,) int64, which of the T grids a ray is marched through.
        cells: the grids.
        shift: (R,) in [0, 1), where in its steps a ray is sampled.
        step: distance of samples.
    """
    if origins.device.type != "cpu":
        return march_twin(origins, directions, bins, cells, shift, step)
    fields = origins, directions, bins, cells.fine, cells.coarse, cells.bounds, shift
    inputs = [x.detach().cpu().contiguous().numpy() for x in fields]
    width = np.float32(step)
    hits = np.empty((len(origins), int(DIAGONAL / width) + 2), np.int32)  # memory is only touched where there are hits
    offsets = np.zeros(len(origins) + 1, np.int64)
    run_chunks(_find, len(origins), BLOCK, *inputs, width, hits, offsets[1:])
    np.cumsum(offsets, out=offsets)
    total = int(offsets[-1])
    points, depth, rays = np.empty((total, 3), np.float32), np.empty(total, np.float32), np.empty(total, np.int64)
    run_chunks(_fill, len(origins), BLOCK, inputs[0], inputs[1], inputs[6], width, hits, offsets, points, depth, rays)
    return Samples(*(torch.from_numpy(x) for x in (points, depth, rays, offsets)))


def march_twin(
    origins: Tensor, directions: Tensor, bins: Tensor, cells: OccupiedCells, shift: Tensor, step: float
) -> Samples:
    """The same in plain torch, on any device: tests every step in the box around all occupied cells."""
    fine, bounds = cells.fine.to(origins.device), cells.bounds.to(origins)
    slopes = directions.where(directions != 0, 1e-20)
    low, high = (bounds[0] - origins) / slopes, (bounds[1] - origins) / slopes
    near, far = torch.minimum(low, high).amax(-1), torch.maximum(low, high).amin(-1)
    first = ((near / step - shift).floor() - 1).clamp(min=0)  # one too early and one too late, for rounding
    counts = ((far / step - shift).floor() + 2 - first).where(far > near, 0).clamp(min=0).long()
    rays = torch.repeat_interleave(counts)
    k = (
        torch.arange(len(rays), device=rays.device)
        + (first.where(counts > 0, 0).long() - counts.cumsum(0) + counts)[rays]
    )
    depth = (k + shift[rays]) * step
    points = origins[rays] + depth[:, None] * directions[rays]
    place, size = points + 1.0, fine.shape[1]
    index = (place * (size / 2)).long()
    inside = (place >= 0).all(-1) & (index < size).all(-1)
    i, j, m = index.clamp(0, size - 1).unbind(-1)
    kept = (inside & (fine[bins[rays], i, j, m] > 0)).nonzero()[:, 0]
    rays = rays[kept]
    ends = torch.bincount(rays, minlength=len(origins)).cumsum(0)
    return Samples(points[kept], depth[kept], rays, torch.cat([ends.new_zeros(1), ends]))


@compiled(fast=False)
def _span(origin, direction, low, high):
    """Where a ray enters and leaves the box with opposite corners `low`, `high`."""
    near, far = float32(-1e30), float32(1e30)
    for axis in range(3):
        if direction[axis] == 0:
            if origin[axis] < low[axis] or origin[axis] > high[axis]:
                return float32(1), float32(0)
        else:
            a = (low[axis] - origin[axis]) / direction[axis]
            b = (high[axis] - origin[axis]) / direction[axis]
            near, far = max(near, min(a, b)), min(far, max(a, b))
    return near, far


@compiled(fast=False)
def _find(chunk, start, stop, origins, directions, bins, fine, coarse, bounds, shift, step, hits, counts):
    size = fine.shape[1]
    half, width, one = float32(size / 2), float32(2 * COARSE / size), float32(1)
    for r in range(start, stop):
        o, d, grid, count = origins[r], directions[r], bins[r], 0
        near, far = _span(o, d, bounds[0], bounds[1])
        k = max(0, int(near / step - shift[r]))
        last = int(far / step - shift[r]) + 2 if far > near else 0  # one more than needed, for rounding
        while k < last and count < hits.shape[1]:
            t = (float32(k) + shift[r]) * step
            k += 1
            x, y, z = o[0] + t * d[0] + one, o[1] + t * d[1] + one, o[2] + t * d[2] + one
            i, j, m = int(x * half), int(y * half), int(z * half)
            if min(x, y, z) < 0 or max(i, j, m) >= size:
                continue
            ci, cj, cm = i // COARSE, j // COARSE, m // COARSE
            if coarse[grid, ci, cj, cm] == 0:
                low = (ci * width - one, cj * width - one, cm * width - one)
                leaves = _span(o, d, low, (low[0] + width, low[1] + width, low[2] + width))[1]
                k = max(k, int(leaves / step - shift[r]))
            elif fine[grid, i, j, m]:
                hits[r, count] = k - 1
                count += 1
        counts[r] = count


@compiled(fast=False)
def _fill(chunk, start, stop, origins, directions, shift, step, hits, offsets, points, depth, rays):
    for r in range(start, stop):
        for slot in range(offsets[r], offsets[r + 1]):
            t = (float32(hits[r, slot - offsets[r]]) + shift[r]) * step
            for axis in range(3):
                points[slot, axis] = origins[r, axis] + t * directions[r, axis]
            depth[slot], rays[slot] = t, r
