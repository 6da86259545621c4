"""The static field seen through a smooth motion: field(x, t) = static(x + d(x, t)), and d(x, 0) = 0."""

from typing import Any

from torch import Tensor, nn

from to4d.model.deformation import Motion
from to4d.model.static import StaticField, groups


class Deform(nn.Module):
    """Keeps the object's look by construction: whatever moves, it shows the static field's colours and densities.

    Args:
        static: what moves.
        motion: how it moves. It is a backward motion: what shows at x was at x + d(x, t) when t was 0.
    """

    def __init__(self, static: StaticField, motion: Motion) -> None:
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
        """Bending of the motion."""
        return self.motion.regularizer()

    def param_groups(self, static: float, dynamic: float, heads: float) -> list[dict[str, Any]]:
        """The optimizer's groups; a kind at rate 0 is left out."""
        return groups((self.static.grid, static), (self.motion, dynamic), (self.static.heads, heads))
