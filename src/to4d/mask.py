"""Where a score counts (Sec. 3.3): the masks of Eq. 4, see `protocols.Mask`."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import log

import torch
from torch import Tensor
from torch.nn.functional import interpolate, max_pool2d

from to4d.distributed import all_gather, shard
from to4d.errors import InputError
from to4d.geometry import azimuths_deg
from to4d.protocols import ATTENTION_MAPS, Mask, attention_layer
from to4d.types import AttentionMaps, Score


def attention_certainty(maps: AttentionMaps) -> Tensor:
    """1 - normalised entropy over image tokens, (B, V, h', w'): 1 for all attention to one token, 0 for uniform."""
    entropy = torch.special.entr(maps.image).sum(2)
    return 1.0 - entropy / log(maps.image.shape[2])


def noun_attention(score: Score) -> Tensor:
    """(B, V, h, w); opacity replaces it for priors without (`latent_frames.in_latent_frames`)."""
    if score.attention is None:
        raise ValueError("this score has no attention to the noun; in_latent_frames fills it in")
    return score.attention


TARGETS: dict[str, Callable[[AttentionMaps], Tensor]] = {
    "noun": lambda maps: maps.noun,
    "image": lambda maps: maps.image.amax(2),
    "image_certainty": attention_certainty,
}
AXES = {"clip": (-3, -2, -1), "frame": (-2, -1)}


@dataclass(frozen=True)
class CrossAttentionMask(Mask):
    """The prior's cross-attention to the object's noun or to the first frame, continuous as in the paper: M (.) L_I2V.

    Args of the constructor:
        keep_opacity: at least the opacity of the 4D model, so that the mask cannot freeze the object itself.
        unit_mean: divide by the mean of the mask, so that masking does not weaken the prior against the static loss.
        target: "noun"; or the first frame (the paper's second version, which does not say how its tokens make one
            map): "image" is the maximum over image tokens, "image_certainty" 1 - the entropy over image tokens.
        layers: of the prior's network, in its order, that are averaged; None is the prior's own choice of them.
        normalize_over: "clip" or "frame", whose maximum becomes 1; the latter amplifies noise in frames that do not
            show the object.
        min_max: subtract the minimum first (min-max normalisation), so that the minimum becomes 0.
    """

    keep_opacity: bool = True
    unit_mean: bool = False
    target: str = "noun"
    layers: Sequence[int] | None = None
    normalize_over: str = "clip"
    min_max: bool = False

    def __post_init__(self) -> None:
        for name, value, known in (("target", self.target, TARGETS), ("normalize_over", self.normalize_over, AXES)):
            if value not in known:
                raise InputError(f"mask.{name} is {value!r}; choose one of {', '.join(known)}")
        if self.layers is not None and not self.layers:
            raise InputError("mask.layers is empty; name layers, as in [0], or say null for the prior's own choice")
        if self.target != "noun" and self.layers is None:
            raise InputError(
                f"mask.target={self.target} needs mask.layers, as in [0]: the prior has no choice of its own there"
            )

    @property
    def needs(self) -> frozenset[str]:
        """Attention maps, and these `layers`, if any are chosen."""
        return frozenset() if self.layers is None else frozenset({ATTENTION_MAPS, *map(attention_layer, self.layers)})

    def __call__(self, score: Score) -> Tensor:
        """(B, 1, V, h, w)."""
        mask = self.attention(score).detach()
        if self.min_max:
            mask = mask - mask.amin(AXES[self.normalize_over], keepdim=True)
        mask = mask / mask.amax(AXES[self.normalize_over], keepdim=True).clamp_min(1e-12)
        if self.keep_opacity:
            mask = torch.maximum(mask, score.opacity)
        if self.unit_mean:
            mask = mask / mask.mean((-3, -2, -1), keepdim=True).clamp_min(1e-3)
        return mask[:, None]

    def attention(self, score: Score) -> Tensor:
        """(B, V, h, w), not normalised."""
        if self.layers is None:
            return noun_attention(score)
        unknown = [layer for layer in self.layers if not 0 <= layer < len(score.attention_maps)]
        if unknown:
            raise InputError(f"mask.layers names {unknown}; this prior has layers 0 to {len(score.attention_maps) - 1}")
        maps = [TARGETS[self.target](score.attention_maps[layer]) for layer in self.layers]
        size = list(score.opacity.shape[-2:])
        return torch.stack([interpolate(m, size, mode="bilinear") for m in maps]).mean(0)


class SmoothedMask(Mask):
    """An exponential moving average of another mask for each sector of azimuths: M <- decay M + (1 - decay) new.

    Attention maps at high noise levels are vague, and each is of other noise. The averages are the state of the mask.
    """

    def __init__(self, mask: Mask, decay: float = 0.9, sectors: int = 18) -> None:
        """Average another mask.

        Args:
            mask: any other.
            decay: weight of the average so far.
            sectors: of equal width, around the object; 18 are 20 degrees wide each.
        """
        if not 0.0 <= decay < 1.0 or sectors < 1:
            raise InputError(f"mask.decay={decay} must be in [0, 1), and mask.sectors={sectors} at least 1")
        self.mask, self.decay, self.sectors = mask, decay, sectors
        self.averages: dict[int, Tensor] = {}  # sector -> (1, V, h, w)

    @property
    def needs(self) -> frozenset[str]:
        """Those of the other mask."""
        return self.mask.needs

    def __call__(self, score: Score) -> Tensor:
        """(B, 1, V, h, w)."""
        if score.cameras is None:
            raise ValueError("an average over sectors of azimuths needs a score with cameras")
        sectors = (azimuths_deg(score.cameras) * (self.sectors / 360.0)).round().long() % self.sectors
        masks, sectors = all_gather(self.mask(score)), all_gather(sectors)  # every rank averages all views
        return shard(torch.stack([self.update(*pair) for pair in zip(sectors.tolist(), masks, strict=True)]))

    def update(self, sector: int, mask: Tensor) -> Tensor:
        """The average with a new mask (1, V, h, w) of a sector."""
        before = self.averages.get(sector, mask).to(mask)
        self.averages[sector] = mask.lerp(before, self.decay)
        return self.averages[sector]

    def state_dict(self) -> dict[int, Tensor]:
        """Sector -> (1, V, h, w)."""
        return self.averages

    def load_state_dict(self, state: Mapping[int, Tensor]) -> None:
        """Put the averages back."""
        self.averages = dict(state)


@dataclass(frozen=True)
class OpacityMask(Mask):
    """The opacity of each frame, dilated by `grow_px` latent pixels: for priors without text attention."""

    grow_px: int = 1

    def __call__(self, score: Score) -> Tensor:
        """(B, 1, V, h, w)."""
        return max_pool2d(score.opacity, 2 * self.grow_px + 1, stride=1, padding=self.grow_px)[:, None]


@dataclass(frozen=True)
class NoMask(Mask):
    """No mask: plain SDS over the whole latent clip (Table 2, last row)."""

    def __call__(self, score: Score) -> Tensor:
        """(B, 1, V, h, w) of ones."""
        return torch.ones_like(noun_attention(score))[:, None]
