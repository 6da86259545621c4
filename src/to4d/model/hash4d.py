"""The paper's 4D field: a static hash grid over (x, y, z), a dynamic one over (x, y, z, t), summed; two heads."""

from typing import Any

import torch
from torch import Tensor, nn

from to4d.kernels.hash_layout import HashLayout
from to4d.model.static import HashGrid, StaticField, optimizer_groups


class Hash4D(nn.Module):
    """features(x, t) = static(x) + dynamic(x, t). The dynamic grid starts near 0: no motion at first.

    Args:
        static: the static half and the heads; its features are 0 outside its support.
        levels: of the dynamic grid, as many as the static one has.
        log2_rows: most nodes a level of the dynamic grid has, as a power of two.
        base: coarsest resolution of the dynamic grid in space.
        finest: finest resolution in space.
        base_time: coarsest resolution in time.
        finest_time: finest resolution in time.
        init_scale: the dynamic grid starts as uniform noise of this size.
        seed: of the dynamic grid's initial values.
    """

    def __init__(
        self,
        static: StaticField,
        levels: int,
        log2_rows: int,
        base: int,
        finest: int,
        base_time: int,
        finest_time: int,
        init_scale: float = 1e-4,
        seed: int = 1,
    ) -> None:
        super().__init__()
        self.static = static
        layout = HashLayout(levels, log2_rows, (base,) * 3 + (base_time,), (finest,) * 3 + (finest_time,))
        if layout.width != static.grid.layout.width:
            raise ValueError(f"{levels} dynamic levels cannot be added to {static.grid.layout.levels} static ones")
        self.dynamic = HashGrid(layout, torch.Generator().manual_seed(seed), init_scale)

    def forward(self, points: Tensor, times: Tensor) -> tuple[Tensor, Tensor]:
        """(N, 3), (N,) -> density (N,), rgb (N, 3)."""
        return self.static.heads(points, self.features(points, times))

    def density(self, points: Tensor, times: Tensor) -> Tensor:
        """(N, 3), (N,) -> (N,)."""
        return self.static.heads.density(points, self.features(points, times))

    def features(self, points: Tensor, times: Tensor) -> Tensor:
        """(N, 3), (N,) -> (N, levels * 2)."""
        moving = self.dynamic(torch.cat([0.5 + 0.5 * points, times[:, None]], 1))
        inside = self.static.support.inside(points)
        return moving.index_add(0, inside, self.static.grid(0.5 + 0.5 * points[inside]))

    def start_from(self, points: Tensor) -> None:
        """Restrict static features to the cells around these surface points (N, 3)."""
        self.static.start_from(points)

    def regularizer(self) -> Tensor:
        """The paper has none: 0."""
        return self.dynamic.table.new_zeros(())

    def motion_levels(self) -> list[list[nn.Parameter]]:
        """[]: there are none."""
        return []

    def param_groups(self, static: float, dynamic: float, heads: float) -> list[dict[str, Any]]:
        """The optimizer's groups; a kind at rate 0 is left out."""
        return optimizer_groups((self.static.grid, static), (self.dynamic, dynamic), (self.static.heads, heads))
