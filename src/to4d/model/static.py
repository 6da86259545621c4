"""The static radiance field: hash grid, density head, colour head (the paper's static half; sizes as in 4D-fy)."""

from typing import Any

import torch
from torch import Generator, Tensor, nn
from torch.nn.functional import softplus

from to4d.kernels.hash_grid import FEATURES, HashLayout, encode
from to4d.kernels.mlp import mlp


class HashGrid(nn.Module):
    """A trainable hash grid; starts as noise of +-1e-4, so that it adds nothing at first."""

    def __init__(self, layout: HashLayout, generator: Generator) -> None:
        super().__init__()
        self.layout = layout
        self.table = nn.Parameter(torch.empty(layout.rows, FEATURES).uniform_(-1e-4, 1e-4, generator=generator))

    def forward(self, points: Tensor) -> Tensor:
        """(N, D) in [0, 1] -> (N, levels * 2)."""
        return encode(points, self.table, self.layout)


class Head(nn.Module):
    """Linear, ReLU, linear, no bias."""

    def __init__(self, inputs: int, hidden: int, outputs: int, generator: Generator) -> None:
        super().__init__()
        self.inner = nn.Parameter(_uniform((inputs, hidden), inputs, generator))
        self.outer = nn.Parameter(_uniform((outputs, hidden), hidden, generator))

    def forward(self, features: Tensor) -> Tensor:
        """(N, inputs) -> (N, outputs)."""
        return mlp(features, self.inner, self.outer)


def _uniform(shape: tuple[int, int], inputs: int, generator: Generator) -> Tensor:
    return (2 * torch.rand(shape, generator=generator) - 1) / inputs**0.5


def in_box(points: Tensor) -> Tensor:
    """(N, 3) -> (N,) bool: inside [-1, 1]^3."""
    return (points.abs() <= 1).all(-1)


class Heads(nn.Module):
    """From features to density and colour: softplus(raw + bias) with a blob as bias, and sigmoid (no view dependence).

    The bias is `blob` * (1 - |x| / 0.5), 10 in the paper's code base: dense in the middle, empty at the border.
    `density_scale` multiplies the density, so that a surface gets sharp in few steps.
    """

    def __init__(self, inputs: int, hidden: int, blob: float, density_scale: float, generator: Generator) -> None:
        super().__init__()
        self.blob, self.density_scale = blob, density_scale
        self.density_net = Head(inputs, hidden, 1, generator)
        self.colour_net = Head(inputs, hidden, 3, generator)

    def density(self, points: Tensor, features: Tensor) -> Tensor:
        """(N, 3) world points and (N, inputs) -> (N,), 0 outside the box."""
        bias = self.blob * (1 - 2 * points.norm(dim=-1))
        return self.density_scale * softplus(self.density_net(features)[:, 0] + bias) * in_box(points)

    def forward(self, points: Tensor, features: Tensor) -> tuple[Tensor, Tensor]:
        """(N, 3), (N, inputs) -> density (N,), rgb (N, 3)."""
        return self.density(points, features), self.colour_net(features).sigmoid()


class StaticField(nn.Module):
    """A field that ignores time: what the first phase fits, and what `Deform` moves.

    Args:
        levels: of the hash grid.
        log2_rows: most nodes a level has, as a power of two.
        base: coarsest resolution.
        finest: finest resolution.
        hidden: width of the heads.
        blob: see `Heads`.
        density_scale: see `Heads`.
        seed: of the initial values.
    """

    def __init__(
        self,
        levels: int = 8,
        log2_rows: int = 15,
        base: int = 16,
        finest: int = 256,
        hidden: int = 64,
        blob: float = 10.0,
        density_scale: float = 1.0,
        seed: int = 0,
    ) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        self.grid = HashGrid(HashLayout(levels, log2_rows, (base,) * 3, (finest,) * 3), generator)
        self.heads = Heads(self.grid.layout.width, hidden, blob, density_scale, generator)

    def forward(self, points: Tensor, times: Tensor) -> tuple[Tensor, Tensor]:
        """(N, 3), (N,) -> density (N,), rgb (N, 3)."""
        return self.heads(points, self.grid(0.5 + 0.5 * points))

    def density(self, points: Tensor, times: Tensor) -> Tensor:
        """(N, 3), (N,) -> (N,)."""
        return self.heads.density(points, self.grid(0.5 + 0.5 * points))

    def param_groups(self, static: float, dynamic: float, heads: float) -> list[dict[str, Any]]:
        """The optimizer's groups; a kind at rate 0 is left out."""
        return groups((self.grid, static), (self.heads, heads))


def groups(*pairs: tuple[nn.Module, float]) -> list[dict[str, Any]]:
    """Optimizer groups of modules and their learning rates, without those at rate 0."""
    return [{"params": list(module.parameters()), "lr": rate} for module, rate in pairs if rate > 0]
