"""Alpha compositing of samples along rays: w_i = T_i (1 - exp(-density_i * step)), T_i = prod_{j<i} (1 - alpha_j).

Samples are packed: those of ray r lie at [offsets[r], offsets[r + 1]), front to back, all of one length `step`.
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from to4d.kernels.threads import compiled, run_chunks

BLOCK = 1024  # rays


def composite(density: Tensor, rgb: Tensor, depth: Tensor, offsets: Tensor, step: float) -> Tensor:
    """Densities (N,), colours (N, 3), distances (N,), offsets (R + 1,) -> (R, 5): colour, opacity, distance, weighted.

    Gradients reach density and colour. Compiled for float32 on a CPU, else `composite_twin`.
    """
    if density.device.type == "cpu" and density.dtype == torch.float32:
        return _Composite.apply(density.contiguous(), rgb.contiguous(), depth, offsets, step)
    return composite_twin(density, rgb, depth, offsets, step)


def composite_twin(density: Tensor, rgb: Tensor, depth: Tensor, offsets: Tensor, step: float) -> Tensor:
    """The same in plain torch."""
    rays = torch.repeat_interleave(torch.arange(len(offsets) - 1, device=offsets.device), offsets.diff())
    optical = density.double() * step  # double: the running sum spans all rays
    before = optical.cumsum(0) - optical
    first = offsets[:-1].clamp(max=max(0, len(density) - 1))
    start = before[first][rays] if len(density) else before
    weights = ((-(before - start)).exp() * -torch.expm1(-optical)).to(density.dtype)
    values = torch.cat([rgb, torch.ones_like(depth)[:, None], depth[:, None]], -1)
    return values.new_zeros(len(offsets) - 1, 5).index_add(0, rays, weights[:, None] * values)


class _Composite(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, density: Tensor, rgb: Tensor, depth: Tensor, offsets: Tensor, step: float) -> Tensor:
        ctx.save_for_backward(density, rgb, depth, offsets)
        ctx.step = np.float32(step)
        out = torch.empty(len(offsets) - 1, 5)
        inputs = [x.detach().numpy() for x in (density, rgb, depth, offsets)]
        run_chunks(_forward, len(out), BLOCK, *inputs, ctx.step, out.numpy())
        return out

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        (grad,) = grads
        density, rgb, depth, offsets = (x.detach().numpy() for x in ctx.saved_tensors)
        to_density, to_rgb = np.empty_like(density), np.empty_like(rgb)
        grad = grad.contiguous().numpy()
        run_chunks(_backward, len(grad), BLOCK, density, rgb, depth, offsets, ctx.step, grad, to_density, to_rgb)
        return torch.from_numpy(to_density), torch.from_numpy(to_rgb), None, None, None


@compiled()
def _forward(chunk, start, stop, density, rgb, depth, offsets, step, out):
    for r in range(start, stop):
        clear = np.float32(1)
        red, green, blue, opacity, distance = clear * 0, clear * 0, clear * 0, clear * 0, clear * 0
        for n in range(offsets[r], offsets[r + 1]):
            passes = np.exp(-density[n] * step)
            weight = clear * (np.float32(1) - passes)
            red += weight * rgb[n, 0]
            green += weight * rgb[n, 1]
            blue += weight * rgb[n, 2]
            opacity += weight
            distance += weight * depth[n]
            clear *= passes
        out[r, 0], out[r, 1], out[r, 2], out[r, 3], out[r, 4] = red, green, blue, opacity, distance


@compiled()
def _backward(chunk, start, stop, density, rgb, depth, offsets, step, grad, to_density, to_rgb):
    """d/d density_i = step * (T_{i+1} g_i - sum_{j>i} w_j g_j), where g_i is the gradient of the loss in w_i."""
    for r in range(start, stop):
        red, green, blue, opacity, distance = grad[r, 0], grad[r, 1], grad[r, 2], grad[r, 3], grad[r, 4]
        clear, behind = np.float32(1), np.float32(0)
        for n in range(offsets[r], offsets[r + 1]):  # the sum over j>i is the whole sum less the sum up to i
            passes = np.exp(-density[n] * step)
            weight = clear * (np.float32(1) - passes)
            worth = red * rgb[n, 0] + green * rgb[n, 1] + blue * rgb[n, 2] + opacity + distance * depth[n]
            to_rgb[n, 0], to_rgb[n, 1], to_rgb[n, 2] = weight * red, weight * green, weight * blue
            clear *= passes
            behind += weight * worth
            to_density[n] = clear * worth + behind
        for n in range(offsets[r], offsets[r + 1]):
            to_density[n] = step * (to_density[n] - behind)
