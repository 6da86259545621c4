"""Marches rays through an occupancy grid and keeps the samples that lie in occupied cells.

Ray r samples distances first + (k + shift_r) * step, k = 0, 1, ..., inside the box [-1, 1]^3. Cells of a coarse copy of
the grid let it jump over empty space. Counting and filling run the same arithmetic (no fast-math), and every turn of
the loop advances k, so it ends.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import max_pool3d

from to4d.kernels.threads import compiled, run_chunks

BLOCK = 512  # rays
COARSE = 4  # cells of a coarse cell, along an axis


@dataclass(frozen=True)
class Samples:
    """Points on rays, packed ray by ray, front to back."""

    points: Tensor  # (N, 3)
    depth: Tensor  # (N,) distance from the ray's origin
    rays: Tensor  # (N,) int64
    offsets: Tensor  # (R + 1,) int64: ray r owns [offsets[r], offsets[r + 1])


def march(origins: Tensor, directions: Tensor, bins: Tensor, cells: Tensor, shift: Tensor, step: float) -> Samples:
    """Samples in occupied cells.

    Args:
        origins: (R, 3).
        directions: (R, 3), unit length.
        bins: (R,) int64, which of the grids a ray sees.
        cells: (T, G, G, G) uint8 grids over [-1, 1]^3, axes x, y, z; G a multiple of 4.
        shift: (R,) in [0, 1), where in its step a ray is sampled.
        step: distance of samples.
    """
    coarse = max_pool3d(cells.half() if cells.is_cuda else cells.float(), COARSE).to(torch.uint8)
    inputs = [x.detach().cpu().contiguous().numpy() for x in (origins, directions, bins, cells, coarse, shift)]
    counts = np.zeros(len(origins) + 1, np.int64)
    nothing = np.empty((0, 3), np.float32), np.empty(0, np.float32), np.empty(0, np.int64)
    run_chunks(_march, len(origins), BLOCK, *inputs, np.float32(step), counts, False, *nothing)
    offsets = np.cumsum(counts)
    total = int(offsets[-1])
    filled = np.empty((total, 3), np.float32), np.empty(total, np.float32), np.empty(total, np.int64)
    run_chunks(_march, len(origins), BLOCK, *inputs, np.float32(step), offsets, True, *filled)
    points, depth, rays, ends = (torch.from_numpy(x).to(origins.device) for x in (*filled, offsets))
    return Samples(points, depth, rays, ends)


@compiled(fast=False)
def _span(origin, direction, low, high):
    """Where a ray enters and leaves the box with opposite corners `low`, `high`."""
    near, far = np.float32(-1e30), np.float32(1e30)
    for axis in range(3):
        if direction[axis] == 0:
            if origin[axis] < low[axis] or origin[axis] > high[axis]:
                return np.float32(1), np.float32(0)
        else:
            a = (low[axis] - origin[axis]) / direction[axis]
            b = (high[axis] - origin[axis]) / direction[axis]
            near, far = max(near, min(a, b)), min(far, max(a, b))
    return near, far


@compiled(fast=False)
def _march(
    chunk, start, stop, origins, directions, bins, cells, coarse, shift, step, offsets, fill, points, depth, rays
):
    size = cells.shape[1]
    half = np.float32(size / 2)
    width = np.float32(2 * COARSE / size)
    one = np.float32(1)
    for r in range(start, stop):
        o, d = origins[r], directions[r]
        near, far = _span(o, d, (-one, -one, -one), (one, one, one))
        near = max(near, np.float32(0))
        if not far > near:
            continue
        slot, k, last = offsets[r], 0, int((far - near) / step) + 1
        while k < last:
            t = near + (np.float32(k) + shift[r]) * step
            x, y, z = o[0] + t * d[0], o[1] + t * d[1], o[2] + t * d[2]
            i, j, m = int((x + one) * half), int((y + one) * half), int((z + one) * half)
            k += 1
            if t >= far or min(i, j, m) < 0 or max(i, j, m) >= size:
                continue
            ci, cj, cm = i // COARSE, j // COARSE, m // COARSE
            if coarse[bins[r], ci, cj, cm] == 0:
                low = (ci * width - one, cj * width - one, cm * width - one)
                leaves = _span(o, d, low, (low[0] + width, low[1] + width, low[2] + width))[1]
                k = max(k, int((leaves - near) / step - shift[r]))
            elif cells[bins[r], i, j, m]:
                if fill:
                    points[slot, 0], points[slot, 1], points[slot, 2] = x, y, z
                    depth[slot], rays[slot] = t, r
                    slot += 1
                else:
                    offsets[r + 1] += 1
