"""Gaits: how objects with legs walk on average, seen from any side.

The net hardly tells steps: legs are a small part of a picture, and what moves them alone is a difference of large terms
of its smooth flows. A flow with terms of limbs that depends on nothing but the motion, the side, and how wide and deep
the object looks, tells more. Least squares over training objects find it at once (`fit_gaits.py`). A mean of flows is
smaller than what it is the mean of, so what goes against the body as a whole is scaled until those objects
step as far as they should.
"""

from functools import cache
from pathlib import Path
from re import findall

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d

from to4d.guidance.mini.data.verbs import VERBS
from to4d.guidance.mini.flow import GRID, Outline, coordinates, smooth_terms
from to4d.guidance.mini.head import FRAMES, bearing
from to4d.guidance.mini.motion_words import kind_of

GAITS = ("walk",)  # what a run does as a whole the net tells as well, and twice is too much (docs/mini_prior.md)
SHIPPED = Path(__file__).with_name("gaits.safetensors")
NOT_VERBS_AFTER = {"a", "an", "the", "of", "on", "in", "his", "her", "its", "their"}  # "on a step"


@cache
def gait_of(text: str, noun: str) -> str | None:
    """The gait that a prompt asks for, if its first verb of motion is one.

    >>> gait_of("a fox walking", "fox"), gait_of("the horse gallops", "horse"), gait_of("a walk-in fridge", "fridge")
    ('walk', None, None)
    """
    verbs = {phrase: kind for kind, phrases in VERBS.items() for phrase in phrases if " " not in phrase}
    words = findall(r"[a-z]+", text.lower())
    told = (
        verbs.get(word) or kind_of(word)
        for before, word in zip(["", *words], words, strict=False)
        if before not in NOT_VERBS_AFTER and word not in noun.lower().split()
    )
    kind = next((kind for kind in told if kind), None)
    return kind if kind in GAITS else None


def limb_terms(u: Tensor, v: Tensor, r: Tensor, half_width: Tensor) -> list[Tensor]:
    """Twelve terms of limbs, each (B, h, w), that are zero on the rest of the body: eight of legs, four of arms.

    A short and a long leg move the more the lower: all alike, left against right, near against far, or both; an arm
    moves the more the farther out. `half_width` (B, 1, 1) is that of the object, as `u` in half heights.
    """
    side, near = (3.0 * u / half_width).tanh(), (8.0 * r).tanh()
    legs = [(1.0 - v / hip).clamp(0.0, 2.0) for hip in (0.3, 0.55)]
    out = 2.0 * (u.abs() / half_width - 0.5).clamp(0.0, 1.0)
    arms = [out * (u > 0), out * (u < 0)]
    pairs = (torch.ones_like(u), side, near, side * near)
    return [*(leg * pair for leg in legs for pair in pairs), *arms, *(arm * (v - 0.5) for arm in arms)]


def covered(outline: Outline) -> Tensor:
    """Which latent pixels show the object, (B, 16, 16)."""
    return adaptive_avg_pool2d(outline.inside, GRID) > 0.3


def basis(outline: Outline, azimuth_deg: Tensor) -> Tensor:
    """What gaits are sums of: terms x shape x side, (B, 32 * 3 * 5, 16, 16); all zero where the side is unknown."""
    u, v, d, r = coordinates(outline)
    inside = covered(outline)
    wide = (u.abs() * inside).amax((1, 2), keepdim=True).clamp_min(0.1)
    deep = (r * inside).amax((1, 2)) - (r * inside).amin((1, 2))
    terms = torch.cat([smooth_terms(u, v, d, r), torch.stack(limb_terms(u, v, r, wide), 1)], 1)
    shape = torch.stack([torch.ones_like(deep), wide[:, 0, 0], deep], -1)
    weights = torch.einsum("bs,ba->bsa", shape, bearing(azimuth_deg)).flatten(1)
    scaled = terms * (0.5 * outline.height)[:, None, None, None]
    return torch.einsum("bqhw,bk->bqkhw", scaled, weights).flatten(1, 2)


def enlarged(flows: Tensor, there: Tensor, gain: Tensor | float) -> Tensor:
    """Flows (..., 3, h, w) whose difference to their mean over the object, where `there` (..., h, w), is enlarged."""
    weight = there[..., None, :, :]
    whole = (flows * weight).sum((-2, -1), keepdim=True) / weight.sum((-2, -1), keepdim=True).clamp_min(1.0)
    return whole + gain * (flows - whole)


class Gaits(nn.Module):
    """The mean flows of `GAITS`, backward and forward: coefficients (gait, V, 2, 3, 480), and gains (gait,)."""

    def __init__(self, path: Path = SHIPPED) -> None:
        super().__init__()
        known = load_file(path)
        self.register_buffer("coefficients", known["coefficients"].float())
        self.register_buffer("gain", known["gain"].float())

    def forward(self, gait: str, outline: Outline, azimuth_deg: Tensor, frame_stride: float) -> Tensor:
        """Flows (B, V, 2, 3, 16, 16) of objects seen from azimuths (B,); a longer clip stands still at its end."""
        number = GAITS.index(gait)
        known, gain = self.coefficients[number], self.gain[number]
        at = (torch.arange(FRAMES, device=known.device) * frame_stride).clamp_max(FRAMES - 1)
        low, share = at.floor().long(), (at % 1.0)[:, None, None, None]
        paced = known[low].lerp(known[(low + 1).clamp_max(FRAMES - 1)], share)
        flows = torch.einsum("vwcp,bphx->bvwchx", paced, basis(outline, azimuth_deg))
        return enlarged(flows, covered(outline).to(flows)[:, None, None], gain)
