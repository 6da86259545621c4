"""Vectors on a regular grid over [-1, 1]^3 x [0, 1], linear in between in all four axes, constant beyond.

The gradient reaches the vectors; points and times get none.
"""

from itertools import product
from typing import Any

import torch
from numba import float32
from torch import Tensor

from to4d.kernels.threads import compiled, run_chunks

PARTS = 16  # partial sums of the gradient; fixed, so that sums keep their order


def interpolate_grid(points: Tensor, times: Tensor, vectors: Tensor) -> Tensor:
    """Points (N, 3), times (N,), vectors (T, X, Y, Z, 3) -> (N, 3); compiled for float32 on a CPU, else the twin."""
    if points.device.type == "cpu" and vectors.dtype == points.dtype == torch.float32:
        return _Interpolate.apply(points.detach().contiguous(), times.detach().contiguous(), vectors.contiguous())
    return interpolate_grid_twin(points, times, vectors)


def interpolate_grid_twin(points: Tensor, times: Tensor, vectors: Tensor) -> Tensor:
    """The same in plain torch."""
    last = torch.tensor(vectors.shape[:4], device=points.device) - 1
    place = torch.cat([times[:, None], 0.5 + 0.5 * points], 1).detach().clamp(0, 1) * last
    low = place.floor().long().clamp(max=(last - 1).clamp(min=0))
    fraction = place - low
    out = vectors.new_zeros(len(points), 3)
    for corner in product((0, 1), repeat=4):
        up = torch.tensor(corner, device=points.device)
        weight = torch.where(up > 0, fraction, 1 - fraction).prod(-1)
        out = out + weight[:, None] * vectors[tuple(torch.minimum(low + up, last).unbind(-1))]
    return out


class _Interpolate(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, points: Tensor, times: Tensor, vectors: Tensor) -> Tensor:
        ctx.save_for_backward(points, times)
        ctx.shape = vectors.shape
        out = torch.empty(len(points), 3)
        run_chunks(_forward, len(points), 4096, points.numpy(), times.numpy(), vectors.detach().numpy(), out.numpy())
        return out

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[None, None, Tensor]:
        (grad,) = grads
        points, times = (x.numpy() for x in ctx.saved_tensors)
        parts = torch.zeros(PARTS, *ctx.shape)
        size = max(1, -(-len(points) // PARTS))
        run_chunks(_backward, len(points), size, points, times, grad.contiguous().numpy(), parts.numpy())
        return None, None, parts.sum(0)


@compiled()
def _axis(x, last):
    """Both nodes, and their weights."""
    place = min(max(x, float32(0)), float32(1)) * float32(last)
    low = min(int(place), max(last - 1, 0))
    fraction = place - float32(low)
    return (low, min(low + 1, last)), (float32(1) - fraction, fraction)


@compiled()
def _forward(chunk, start, stop, points, times, vectors, out):
    half = float32(0.5)
    for n in range(start, stop):
        t, at = _axis(times[n], vectors.shape[0] - 1)
        x, ax = _axis(half + half * points[n, 0], vectors.shape[1] - 1)
        y, ay = _axis(half + half * points[n, 1], vectors.shape[2] - 1)
        z, az = _axis(half + half * points[n, 2], vectors.shape[3] - 1)
        a, b, c = float32(0), float32(0), float32(0)
        for corner in range(16):
            h, i, j, k = corner >> 3, corner >> 2 & 1, corner >> 1 & 1, corner & 1
            weight, vector = at[h] * ax[i] * ay[j] * az[k], vectors[t[h], x[i], y[j], z[k]]
            a += weight * vector[0]
            b += weight * vector[1]
            c += weight * vector[2]
        out[n, 0], out[n, 1], out[n, 2] = a, b, c


@compiled()
def _backward(chunk, start, stop, points, times, grad, parts):
    half, sums = float32(0.5), parts[chunk]
    for n in range(start, stop):
        if grad[n, 0] == 0 and grad[n, 1] == 0 and grad[n, 2] == 0:
            continue
        t, at = _axis(times[n], sums.shape[0] - 1)
        x, ax = _axis(half + half * points[n, 0], sums.shape[1] - 1)
        y, ay = _axis(half + half * points[n, 1], sums.shape[2] - 1)
        z, az = _axis(half + half * points[n, 2], sums.shape[3] - 1)
        for corner in range(16):
            h, i, j, k = corner >> 3, corner >> 2 & 1, corner >> 1 & 1, corner & 1
            weight, vector = at[h] * ax[i] * ay[j] * az[k], sums[t[h], x[i], y[j], z[k]]
            vector[0] += weight * grad[n, 0]
            vector[1] += weight * grad[n, 1]
            vector[2] += weight * grad[n, 2]
