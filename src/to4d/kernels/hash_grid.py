"""Multi-resolution hash grid in 3 or 4 dimensions (Mueller et al. 2022, the encoding of the paper's 4D field).

`encode_cuda` picks by its input: compiled code for float32 on a CPU, tiny-cuda-nn on CUDA where it is installed,
else `encode_twin`, the plain torch version that is also the oracle of the tests.
"""

from typing import Any

import torch
from torch import Tensor

from to4d.kernels import hash_grid_cpu, hash_grid_cuda
from to4d.kernels.hash_layout import FEATURES, HashLayout


def encode(points: Tensor, table: Tensor, layout: HashLayout) -> Tensor:
    """Points (N, D) in [0, 1] and table (rows, 2) -> features (N, levels * 2); clamps points to the box."""
    if points.device.type == "cpu" and table.dtype == points.dtype == torch.float32:
        return _Encode.apply(points.contiguous(), table, layout)
    if points.is_cuda and hash_grid_cuda.supports(layout):
        return hash_grid_cuda.encode_cuda(points, table, layout)
    return encode_twin(points, table, layout)


def encode_twin(points: Tensor, table: Tensor, layout: HashLayout) -> Tensor:
    """The same in plain torch, on any device and in any precision."""
    features = [_encode_level(points.clamp(0, 1), table, layout, level) for level in range(layout.levels)]
    return torch.cat(features, -1)


def _encode_level(points: Tensor, table: Tensor, layout: HashLayout, level: int) -> Tensor:
    first, last = int(layout.offsets[level]), int(layout.offsets[level + 1])
    place = points * torch.from_numpy(layout.scale[level]).to(points) + 0.5
    low = place.detach().floor()
    fraction = place - low
    value = table.new_zeros(len(points), FEATURES)
    for corner in range(2 ** points.shape[1]):
        index, weight = torch.zeros_like(low[:, 0], dtype=torch.long), torch.ones_like(fraction[:, 0])
        for axis in range(points.shape[1]):
            up = corner >> axis & 1
            node = (low[:, axis].long() + up).clamp(max=int(layout.nodes[level, axis]) - 1)
            part = node * int(layout.multipliers[level, axis])
            index = index ^ part if layout.hashed[level] else index + part
            weight = weight * (fraction[:, axis] if up else 1 - fraction[:, axis])
        value = value + weight[:, None] * table[first:last][index % (last - first)]
    return value


class _Encode(torch.autograd.Function):
    """The compiled encoding, with gradients to the table and to the first three axes of the points."""

    @staticmethod
    def forward(ctx: Any, points: Tensor, table: Tensor, layout: HashLayout) -> Tensor:
        ctx.save_for_backward(points, table)
        ctx.layout = layout
        return torch.from_numpy(hash_grid_cpu.forward(points.detach().numpy(), table.detach().numpy(), layout))

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        (grad,) = grads
        points, table = (x.detach().numpy() for x in ctx.saved_tensors)
        to_points, to_table, _ = ctx.needs_input_grad
        grad, layout = grad.contiguous().numpy(), ctx.layout
        grad_table = torch.from_numpy(hash_grid_cpu.table_grad(points, grad, layout)) if to_table else None
        grad_points = torch.from_numpy(hash_grid_cpu.points_grad(points, table, grad, layout)) if to_points else None
        return grad_points, grad_table, None
