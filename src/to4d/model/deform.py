"""A static field seen through a deformation field: field(x, t) = static(x + d(x, t)), and d(x, 0) = 0."""

from typing import Any

from torch import Tensor, nn

from to4d.model.control_nodes import ControlNodes
from to4d.model.deformation import DeformationField
from to4d.model.static import StaticField, optimizer_groups


class Deform(nn.Module):
    """Preserves the object's appearance by construction: colours and densities are always those of the static field.

    Args:
        static: the canonical field.
        motion: the deformation field, a backward motion: what is at x was at x + d(x, t) when t was 0.
    """

    def __init__(self, static: StaticField, motion: DeformationField | ControlNodes) -> None:
        super().__init__()
        self.static, self.motion = static, motion

    def forward(self, points: Tensor, times: Tensor) -> tuple[Tensor, Tensor]:
        """(N, 3), (N,) -> density (N,), rgb (N, 3)."""
        return self.static(points + self.displacement(points, times), times)

    def density(self, points: Tensor, times: Tensor) -> Tensor:
        """(N, 3), (N,) -> (N,)."""
        return self.static.density(points + self.displacement(points, times), times)

    def displacement(self, points: Tensor, times: Tensor) -> Tensor:
        """d(x, t): (N, 3), (N,) -> (N, 3)."""
        return self.motion(points, times)

    def start_from(self, points: Tensor) -> None:
        """Be empty away from these surface points (N, 3), wherever they move."""
        self.static.start_from(points)

    def regularizer(self) -> Tensor:
        """That of the deformation field."""
        return self.motion.regularizer()

    def motion_levels(self) -> list[list[nn.Parameter]]:
        """Those of the deformation field."""
        return self.motion.levels()

    def param_groups(self, static: float, dynamic: float, heads: float) -> list[dict[str, Any]]:
        """The optimizer's groups; a kind at rate 0 is left out."""
        return optimizer_groups((self.static.grid, static), (self.motion, dynamic), (self.static.heads, heads))
