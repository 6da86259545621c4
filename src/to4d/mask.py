"""Where a score counts (Sec. 3.3). Every mask is `mask(score) -> (B, 1, V, h, w)` in [0, 1], without gradient.

Nobody counts words: the prior itself finds those that name the object. `needs` are abilities that the prior must have.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import log

import torch
from torch import Tensor
from torch.nn.functional import interpolate, max_pool2d

from to4d.distributed import all_gather, shard
from to4d.errors import InputError
from to4d.geometry import azimuths_deg
from to4d.types import LOOKS, Look, Score


def certainty(look: Look) -> Tensor:
    """1 where all attention goes to one image token, 0 where it goes to all alike: (B, V, h', w')."""
    entropy = torch.special.entr(look.image).sum(2)
    return 1.0 - entropy / log(look.image.shape[2])


TARGETS: dict[str, Callable[[Look], Tensor]] = {
    "noun": lambda look: look.noun,
    "image": lambda look: look.image.amax(2),
    "image_certainty": certainty,
}
AXES = {"clip": (-3, -2, -1), "frame": (-2, -1)}


@dataclass(frozen=True)
class CrossAttention:
    """The prior's attention to the object's word or to its picture, graded as in the paper: M (.) L_I2V.

    Args of the constructor:
        keep_opacity: never mask what the 4D model already shows, so that the mask cannot freeze the object itself.
        unit_mean: divide by the mean of the mask, so that masking does not weaken the prior against the static loss.
        to: "noun"; or the first frame (the paper's second version, which does not say how its tokens make one map):
            "image" is the largest share that an image token has, "image_certainty" 1 - the entropy of the shares.
        layers: of the prior's network, in its order, whose mean counts; None is the prior's own choice of them.
        per: whether the maximum is 1 in each "clip" or each "frame"; the latter raises the noise of frames in which the
            object is not.
        stretch: subtract the minimum before, so that 0 is reached too.
    """

    keep_opacity: bool = True
    unit_mean: bool = False
    to: str = "noun"
    layers: Sequence[int] | None = None
    per: str = "clip"
    stretch: bool = False

    def __post_init__(self) -> None:
        for name, value, known in (("to", self.to, TARGETS), ("per", self.per, AXES)):
            if value not in known:
                raise InputError(f"mask.{name} is {value!r}; choose one of {', '.join(known)}")
        if self.layers is not None and not self.layers:
            raise InputError("mask.layers is empty; name layers, as in [0], or say null for the prior's own choice")
        if self.to != "noun" and self.layers is None:
            raise InputError(
                f"mask.to={self.to} needs mask.layers, as in [0]: the prior has no choice of its own there"
            )

    @property
    def needs(self) -> frozenset[str]:
        """What the prior must be able to do."""
        return frozenset() if self.layers is None else frozenset({LOOKS})

    def __call__(self, score: Score) -> Tensor:
        """(B, 1, V, h, w)."""
        mask = self.attention(score).detach()
        if self.stretch:
            mask = mask - mask.amin(AXES[self.per], keepdim=True)
        mask = mask / mask.amax(AXES[self.per], keepdim=True).clamp_min(1e-12)
        if self.keep_opacity:
            mask = torch.maximum(mask, score.opacity)
        if self.unit_mean:
            mask = mask / mask.mean((-3, -2, -1), keepdim=True).clamp_min(1e-3)
        return mask[:, None]

    def attention(self, score: Score) -> Tensor:
        """(B, V, h, w), on any scale."""
        if self.layers is None:
            return score.attention
        unknown = [layer for layer in self.layers if not 0 <= layer < len(score.looks)]
        if unknown:
            raise InputError(f"mask.layers names {unknown}; this prior has layers 0 to {len(score.looks) - 1}")
        maps = [TARGETS[self.to](score.looks[layer]) for layer in self.layers]
        size = tuple(score.opacity.shape[-2:])
        return torch.stack([interpolate(m, size, mode="bilinear") for m in maps]).mean(0)


class Smoothed:
    """Another mask, averaged over the steps that looked from about the same side: M <- decay M + (1 - decay) new.

    Maps at high noise levels are vague, and each is of another draw. What is remembered is the `memory` that a phase
    puts into its checkpoint, so that a resumed run goes on with it.
    """

    def __init__(self, mask: Callable[[Score], Tensor], decay: float = 0.9, sectors: int = 18) -> None:
        """Average what `mask` says.

        Args:
            mask: any other.
            decay: share of what was before.
            sectors: how many sides an object has, evenly around it; 18 are 20 degrees wide each.
        """
        if not 0.0 <= decay < 1.0 or sectors < 1:
            raise InputError(f"mask.decay={decay} must be in [0, 1), and mask.sectors={sectors} at least 1")
        self.mask, self.decay, self.sectors = mask, decay, sectors
        self.needs = getattr(mask, "needs", frozenset())
        self.memory: dict[int, Tensor] = {}  # sector -> (1, V, h, w)

    def __call__(self, score: Score) -> Tensor:
        """(B, 1, V, h, w)."""
        sectors = (azimuths_deg(score.cameras) * (self.sectors / 360.0)).round().long() % self.sectors
        masks, sectors = all_gather(self.mask(score)), all_gather(sectors)  # every device remembers all views
        return shard(torch.stack([self.remember(*pair) for pair in zip(sectors.tolist(), masks, strict=True)]))

    def remember(self, sector: int, mask: Tensor) -> Tensor:
        """The average with a new mask (1, V, h, w) of a sector."""
        before = self.memory.get(sector, mask).to(mask)
        self.memory[sector] = mask.lerp(before, self.decay)
        return self.memory[sector]


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
