"""The static radiance field: hash grid, density head, colour head (the paper's static half; sizes as in 4D-fy)."""

from typing import Any

import torch
from torch import Generator, Tensor, nn

from to4d.kernels.hash_grid import encode
from to4d.kernels.hash_layout import FEATURES, HashLayout
from to4d.model.heads import Heads
from to4d.model.support import Support


class HashGrid(nn.Module):
    """A trainable hash grid; starts as uniform noise of +-`init_scale` (1e-4 in tiny-cuda-nn), nearly 0."""

    def __init__(self, layout: HashLayout, generator: Generator, init_scale: float = 1e-4) -> None:
        super().__init__()
        self.layout = layout
        self.table = nn.Parameter(
            torch.empty(layout.rows, FEATURES).uniform_(-init_scale, init_scale, generator=generator)
        )

    def forward(self, points: Tensor) -> Tensor:
        """(N, D) in [0, 1] -> (N, levels * 2)."""
        return encode(points, self.table, self.layout)


class StaticField(nn.Module):
    """A field that ignores time: what the static phase fits and `Deform` deforms. It is empty outside its support.

    Args:
        levels: of the hash grid.
        log2_rows: most nodes a level has, as a power of two.
        base: coarsest resolution.
        finest: finest resolution.
        hidden: width of the heads.
        bias: see `Heads`.
        blob: see `Heads`.
        density_scale: see `Heads`.
        support_resolution: cells of the support along an axis.
        seed: of the initial values.
    """

    def __init__(
        self,
        levels: int = 8,
        log2_rows: int = 15,
        base: int = 16,
        finest: int = 256,
        hidden: int = 64,
        bias: float = -8.0,
        blob: float = 0.0,
        density_scale: float = 25.0,
        support_resolution: int = 128,
        seed: int = 0,
    ) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        self.grid = HashGrid(HashLayout(levels, log2_rows, (base,) * 3, (finest,) * 3), generator)
        self.heads = Heads(self.grid.layout.width, hidden, bias, blob, density_scale, generator)
        self.support = Support(support_resolution)

    def forward(self, points: Tensor, times: Tensor) -> tuple[Tensor, Tensor]:
        """(N, 3), (N,) -> density (N,), rgb (N, 3)."""
        inside = self.support.inside(points)
        density, rgb = self.heads(points[inside], self.grid(0.5 + 0.5 * points[inside]))
        empty, black = points.new_zeros(len(points)), points.new_zeros(len(points), 3)
        return empty.index_copy(0, inside, density), black.index_copy(0, inside, rgb)

    def density(self, points: Tensor, times: Tensor) -> Tensor:
        """(N, 3), (N,) -> (N,)."""
        inside = self.support.inside(points)
        density = self.heads.density(points[inside], self.grid(0.5 + 0.5 * points[inside]))
        return points.new_zeros(len(points)).index_copy(0, inside, density)

    def start_from(self, points: Tensor) -> None:
        """Be empty away from these surface points (N, 3)."""
        self.support.start_from(points)

    def regularizer(self) -> Tensor:
        """Nothing to smooth: 0."""
        return self.grid.table.new_zeros(())

    def motion_levels(self) -> list[list[nn.Parameter]]:
        """[]: there are none."""
        return []

    def param_groups(self, static: float, dynamic: float, heads: float) -> list[dict[str, Any]]:
        """The optimizer's groups; a kind at rate 0 is left out."""
        return optimizer_groups((self.grid, static), (self.heads, heads))


def optimizer_groups(*pairs: tuple[nn.Module, float]) -> list[dict[str, Any]]:
    """Optimizer groups of modules and their learning rates, without those at rate 0."""
    return [{"params": list(module.parameters()), "lr": rate} for module, rate in pairs if rate > 0]
