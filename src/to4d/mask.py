"""Where a score counts (Sec. 3.3). Every mask is `mask(score) -> (B, 1, V, h, w)` in [0, 1], without gradient."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import max_pool2d

from to4d.types import Score


@dataclass(frozen=True)
class CrossAttention:
    """The prior's attention to the object's word, graded as in the paper: M (.) L_I2V.

    Args of the constructor:
        keep_opacity: never mask what the 4D model already shows, so that the mask cannot freeze the object itself.
        unit_mean: divide by the mean of the mask, so that masking does not weaken the prior against the static loss.
    """

    keep_opacity: bool = True
    unit_mean: bool = False

    def __call__(self, score: Score) -> Tensor:
        """(B, 1, V, h, w)."""
        mask = score.attention.detach()
        if self.keep_opacity:
            mask = torch.maximum(mask, score.opacity)
        if self.unit_mean:
            mask = mask / mask.mean((-3, -2, -1), keepdim=True).clamp_min(1e-3)
        return mask[:, None]


@dataclass(frozen=True)
class Opacity:
    """The object in each frame, grown by `grow_px` latent pixels: for priors without text attention."""

    grow_px: int = 1

    def __call__(self, score: Score) -> Tensor:
        """(B, 1, V, h, w)."""
        return max_pool2d(score.opacity, 2 * self.grow_px + 1, stride=1, padding=self.grow_px)[:, None]


@dataclass(frozen=True)
class Everywhere:
    """No mask: plain SDS over the whole latent clip (Table 2, last row)."""

    def __call__(self, score: Score) -> Tensor:
        """(B, 1, V, h, w) of ones."""
        return torch.ones_like(score.attention)[:, None]
