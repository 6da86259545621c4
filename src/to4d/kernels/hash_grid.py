"""Multi-resolution hash grid in 3 or 4 dimensions (Mueller et al. 2022, the encoding of the paper's 4D field).

`encode` picks by its input: compiled code for float32 on a CPU, tiny-cuda-nn on CUDA where it is installed,
else `encode_twin`, the plain torch version that is also the oracle of the tests.
"""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from to4d.kernels import hash_grid_cpu, hash_grid_cuda

PRIMES = (1, 2654435761, 805459861, 3674653429)  # as in tiny-cuda-nn
FEATURES = 2  # values a node


@dataclass(frozen=True)
class HashLayout:
    """Where the nodes of every level lie in one table of (`rows`, 2) values.

    A level with resolution r has its nodes at (x * (r - 1) + 0.5), as in tiny-cuda-nn, and is dense where it fits into
    2^log2_rows nodes, else hashed. The last node of an axis is repeated beyond the border (tiny-cuda-nn wraps there).
    """

    levels: int
    log2_rows: int
    base: tuple[int, ...]  # (D,) coarsest resolution of every axis
    finest: tuple[int, ...]  # (D,) finest resolution of every axis

    def __post_init__(self) -> None:
        if len(self.base) != len(self.finest) or len(self.base) not in (3, 4):
            raise ValueError(f"a hash grid has 3 or 4 axes, got base {self.base} and finest {self.finest}")
        if self.levels < 1 or min(self.base) < 2 or any(f < b for b, f in zip(self.base, self.finest, strict=True)):
            raise ValueError(f"a hash grid needs levels >= 1 and 2 <= base <= finest, got {self}")

    @cached_property
    def scale(self) -> np.ndarray:
        """(levels, D) float32: grid cells along every axis, not rounded."""
        step = np.arange(self.levels) / max(1, self.levels - 1)
        base, finest = np.array(self.base, float), np.array(self.finest, float)
        return (base * (finest / base) ** step[:, None] - 1.0).astype(np.float32)

    @cached_property
    def nodes(self) -> np.ndarray:
        """(levels, D) int64: nodes along every axis."""
        return np.ceil(self.scale - 1e-4).astype(np.int64) + 1

    @cached_property
    def offsets(self) -> np.ndarray:
        """(levels + 1,) int64: the first row of every level; a level's rows are a multiple of 8."""
        fit = [min(-(-math.prod(map(int, n)) // 8) * 8, 2**self.log2_rows) for n in self.nodes]
        return np.concatenate([[0], np.cumsum(fit)]).astype(np.int64)

    @cached_property
    def hashed(self) -> np.ndarray:
        """(levels,) bool: whether a level has fewer rows than nodes."""
        return np.array([math.prod(map(int, n)) > 2**self.log2_rows for n in self.nodes])

    @cached_property
    def multipliers(self) -> np.ndarray:
        """(levels, D) int64: strides of a dense level, primes of a hashed one."""
        strides = np.concatenate([np.ones((self.levels, 1)), np.cumprod(self.nodes, 1)[:, :-1]], 1).astype(np.int64)
        return np.where(self.hashed[:, None], np.array(PRIMES[: len(self.base)]), strides)

    @property
    def rows(self) -> int:
        """Nodes of all levels together."""
        return int(self.offsets[-1])

    @property
    def width(self) -> int:
        """Features of a point."""
        return self.levels * FEATURES


def encode(points: Tensor, table: Tensor, layout: HashLayout) -> Tensor:
    """Points (N, D) in [0, 1] and table (rows, 2) -> features (N, levels * 2); clamps points to the box."""
    if points.device.type == "cpu" and table.dtype == points.dtype == torch.float32:
        return _Encode.apply(points.contiguous(), table, layout)
    if points.is_cuda and hash_grid_cuda.supports(layout):
        return hash_grid_cuda.encode(points, table, layout)
    return encode_twin(points, table, layout)


def encode_twin(points: Tensor, table: Tensor, layout: HashLayout) -> Tensor:
    """The same in plain torch, on any device and in any precision."""
    features = [_encode_level(points.clamp(0, 1), table, layout, level) for level in range(layout.levels)]
    return torch.cat(features, -1)


def _encode_level(points: Tensor, table: Tensor, layout: HashLayout, level: int) -> Tensor:
    first, last = int(layout.offsets[level]), int(layout.offsets[level + 1])
    place = points * torch.from_numpy(layout.scale[level]).to(points) + 0.5
    low = place.detach().floor()
    share = place - low
    value = 0.0
    for corner in range(2 ** points.shape[1]):
        index, weight = 0, 1.0
        for axis in range(points.shape[1]):
            up = corner >> axis & 1
            node = (low[:, axis].long() + up).clamp(max=int(layout.nodes[level, axis]) - 1)
            part = node * int(layout.multipliers[level, axis])
            index = index ^ part if layout.hashed[level] else index + part
            weight = weight * (share[:, axis] if up else 1 - share[:, axis])
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
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        points, table = (x.detach().numpy() for x in ctx.saved_tensors)
        to_points, to_table, _ = ctx.needs_input_grad
        grad, layout = grad.contiguous().numpy(), ctx.layout
        grad_table = torch.from_numpy(hash_grid_cpu.table_grad(points, grad, layout)) if to_table else None
        grad_points = torch.from_numpy(hash_grid_cpu.points_grad(points, table, grad, layout)) if to_points else None
        return grad_points, grad_table, None
