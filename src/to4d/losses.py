"""The losses of the paper (Eq. 1-4). Reductions are part of the method: lambda = 1e4 balances a sum against a mean."""

from dataclasses import dataclass

from torch import Tensor

from to4d.types import Render, Score


@dataclass(frozen=True)
class StaticLoss:
    """L_static (Eq. 1): mean absolute error of colour, depth and normals, equal weights in the paper.

    `opacity` is ours (0 in the paper's recipe): it removes haze that white objects hide on a white background.
    """

    rgb: float = 1.0
    depth: float = 1.0
    normal: float = 1.0
    opacity: float = 0.0

    def __call__(self, rendered: Render, target: Render) -> Tensor:
        """A scalar from two renders of the same rays, of equal shapes."""
        loss = self.rgb * mean_absolute_error(rendered.rgb, target.rgb)
        loss = loss + self.depth * mean_absolute_error(rendered.depth, target.depth)
        if rendered.normal is not None and target.normal is not None:
            loss = loss + self.normal * mean_absolute_error(rendered.normal, target.normal)
        return loss + self.opacity * mean_absolute_error(rendered.opacity, target.opacity)


def mean_absolute_error(a: Tensor, b: Tensor) -> Tensor:
    """MAE over everything; raises on shapes that would broadcast."""
    if a.shape != b.shape:
        raise ValueError(f"renders of different shapes: {tuple(a.shape)} and {tuple(b.shape)}")
    return (a - b).abs().mean()


def sds_loss(score: Score, mask: Tensor) -> Tensor:
    """A scalar whose gradient in the latents is M (.) w(t) (eps_hat - eps), summed per view (Eq. 2 and 4).

    The value is 0.5 ||M grad||^2 per view, a measure of how far the clip is from the prior's prediction.
    """
    gradient = mask * score.gradient
    target = (score.latents - gradient).detach()
    return 0.5 * (score.latents - target).square().sum() / len(score.latents)
