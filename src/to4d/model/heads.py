"""From features to density and colour (the heads of the paper's code base)."""

import torch
from torch import Generator, Tensor, nn
from torch.nn.functional import softplus

from to4d.kernels.mlp import mlp


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


class Heads(nn.Module):
    """Density is scale * softplus(raw + bias), colour sigmoid(raw); no view dependence.

    The bias is `bias` + `blob` * (1 - |x| / 0.5); the paper's code base has bias 0 and blob 10, dense in the middle and
    empty at the border. Where the occupancy starts from a mesh a blob is not needed, and a larger `density_scale` makes
    surfaces sharp in fewer steps.
    """

    def __init__(
        self, inputs: int, hidden: int, bias: float, blob: float, density_scale: float, generator: Generator
    ) -> None:
        super().__init__()
        self.bias, self.blob, self.density_scale = bias, blob, density_scale
        self.density_net = Head(inputs, hidden, 1, generator)
        self.colour_net = Head(inputs, hidden, 3, generator)

    def density(self, points: Tensor, features: Tensor) -> Tensor:
        """(N, 3) world points and (N, inputs) -> (N,), 0 outside the box."""
        bias = self.bias + self.blob * (1 - 2 * points.norm(dim=-1))
        inside = (points.abs() <= 1).all(-1)
        return self.density_scale * softplus(self.density_net(features)[:, 0] + bias) * inside

    def forward(self, points: Tensor, features: Tensor) -> tuple[Tensor, Tensor]:
        """(N, 3), (N, inputs) -> density (N,), rgb (N, 3)."""
        return self.density(points, features), self.colour_net(features).sigmoid()
