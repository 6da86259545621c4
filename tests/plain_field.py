import torch
from torch import Tensor, nn


class PlainField(nn.Module):
    """What every field has, for tests that give one a motion of their own: grey, dense everywhere, nothing to learn."""

    def forward(self, points: Tensor, times: Tensor) -> tuple[Tensor, Tensor]:
        return torch.ones(len(points)), torch.full((len(points), 3), 0.2)

    def density(self, points: Tensor, times: Tensor) -> Tensor:
        return torch.ones(len(points))

    def start_from(self, points: Tensor) -> None:
        """Nothing to start from."""

    def regularizer(self) -> Tensor:
        return torch.zeros(())

    def param_groups(self, static: float, dynamic: float, heads: float) -> list[dict]:
        return []

    def motion_levels(self) -> list[list[nn.Parameter]]:
        return []
