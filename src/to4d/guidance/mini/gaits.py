"""Gaits: how limbs move on average when something walks, runs or waves, seen from any side.

The net hardly predicts steps: legs are a small part of a picture, and what moves them alone is a difference of large
terms of its smooth flows. A flow with terms for limbs that depends on the motion, the azimuth and the object's shape
alone predicts more. It is a least-squares fit over training objects (`python -m to4d_lab.mini.fit_gaits`), one for two
legs and one for four; a logistic regression on the shape decides between them. A mean of flows is shorter than the
flows, so the limbs' terms are scaled up until they go as far as they should.
"""

from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d

from to4d.guidance.mini.flow import GRID, Outline, coordinates
from to4d.guidance.mini.gait_words import GAITS, Gait
from to4d.guidance.mini.head import FRAMES, bearing

STANCES = ("on two legs", "on four")
SHIPPED = Path(__file__).with_name("gaits.safetensors")
WHOLE = 3 * 3 * 5  # of the basis are the whole object's: three terms, before those of limbs
PERIODS = {"walk": FRAMES / 1.375, "run": FRAMES / 2.125, "wave": FRAMES / 2.75}  # frames, as fitted


def leg_terms(u: Tensor, v: Tensor, r: Tensor, half_width: Tensor) -> list[Tensor]:
    """Eight terms of legs, each (B, h, w), that are zero above the hip; `half_width` (B, 1, 1) as `u` in half heights.

    A short and a long leg move the more the lower: all alike, left against right, near against far, or both.
    """
    side, near = (3.0 * u / half_width).tanh(), (8.0 * r).tanh()
    legs = [(1.0 - v / hip).clamp(0.0, 2.0) for hip in (0.3, 0.55)]
    return [leg * pair for leg in legs for pair in (torch.ones_like(u), side, near, side * near)]


def arm_terms(u: Tensor, v: Tensor, r: Tensor, half_width: Tensor) -> list[Tensor]:
    """Eighteen terms of arms, each (B, h, w): of what is outermost to the right, to the left, and towards the camera.

    Above the hip it is shifted, bent and turned; and three heights at which it may hang move by themselves.
    """
    nearest = r.amax((1, 2), keepdim=True).clamp_min(0.05)
    out, near = 2.0 * (u.abs() / half_width - 0.5).clamp(0.0, 0.5), 2.0 * (r / nearest - 0.5).clamp(0.0, 0.5)
    raised = (20.0 * (v - 0.35)).sigmoid()
    terms = []
    for arm in (out * (u > 0), out * (u < 0), near):
        terms += [arm * raised, arm * raised * (v - 0.5), arm * raised * u]
        terms += [arm * (-(((v - hand) / 0.15) ** 2)).exp() for hand in (0.35, 0.55, 0.75)]
    return terms


def covered(outline: Outline) -> Tensor:
    """Which latent pixels show the object, (B, 16, 16)."""
    return adaptive_avg_pool2d(outline.inside, GRID) > 0.3


def extent(x: Tensor, there: Tensor) -> Tensor:
    """From the least to the greatest of x (B, h, w) over places (B, h, w): (B,), 0 over none."""
    most, least = (x.masked_fill(~there, sign * torch.inf).flatten(1) for sign in (-1.0, 1.0))
    return (most.amax(1) - least.amin(1)).nan_to_num(0.0, 0.0, 0.0).clamp_min(0.0)


def shape(outline: Outline, azimuth_deg: Tensor) -> Tensor:
    """How far the whole object and its feet go across and along, in half heights, as a camera sees it: (B, 10)."""
    (u, v, _, r), there = coordinates(outline), covered(outline)
    angle = azimuth_deg.deg2rad()[:, None, None]
    across, along = u * angle.cos() + r * angle.sin(), r * angle.cos() - u * angle.sin()
    known = [extent(x, there & (v < top)) for top in (torch.inf, 0.25) for x in (across, along)]
    known = torch.stack([torch.ones_like(known[0]), *known], -1)
    return torch.cat([known, known * (2.0 * azimuth_deg.deg2rad()).cos()[:, None]], -1)


def basis(outline: Outline, azimuth_deg: Tensor) -> Tensor:
    """What gaits are sums of: terms x shape x side, (B, 29 * 3 * 5, 16, 16); all zero where the side is unknown."""
    u, v, _, r = coordinates(outline)
    inside = covered(outline)
    r = r * inside
    wide = (u.abs() * inside).amax((1, 2), keepdim=True).clamp_min(0.1)
    whole = [torch.ones_like(u), u, v]
    terms = torch.stack([*whole, *leg_terms(u, v, r, wide), *arm_terms(u, v, r, wide)], 1)
    sizes = torch.stack([torch.ones_like(r[:, 0, 0]), wide[:, 0, 0], extent(r, inside)], -1)
    weights = torch.einsum("bs,ba->bsa", sizes, bearing(azimuth_deg)).flatten(1)
    scaled = terms * (0.5 * outline.height)[:, None, None, None]
    return torch.einsum("bqhw,bk->bqkhw", scaled, weights).flatten(1, 2)


class Gaits(nn.Module):
    """The mean flows of `GAITS`, backward and forward, for each of `STANCES`."""

    coefficients: Tensor  # (gait, stance, V, 2, 3, 435)
    four: Tensor  # (10,) weights of the logistic regression

    def __init__(self, path: Path = SHIPPED) -> None:
        super().__init__()
        known = load_file(path)
        for name in ("coefficients", "four"):
            self.register_buffer(name, known[name].float())

    def forward(self, gait: Gait, outline: Outline, azimuth_deg: Tensor, frame_stride: float) -> Tensor:
        """Flows (B, V, 2, 3, 16, 16) of objects seen from azimuths (B,)."""
        known = self.coefficients[GAITS.index(gait.kind)]
        at = wrap_to_period(torch.arange(FRAMES, device=known.device) * frame_stride * gait.speed, PERIODS[gait.kind])
        low, share = at.floor().long(), (at % 1.0)[:, None, None, None]
        paced = known[:, low].lerp(known[:, (low + 1).clamp_max(FRAMES - 1)], share)
        two, four = gait.amplitude * torch.einsum("svwcp,bphx->sbvwchx", paced, basis(outline, azimuth_deg))
        return two.lerp(four, (shape(outline, azimuth_deg) @ self.four).sigmoid()[:, None, None, None, None, None])


def wrap_to_period(at: Tensor, period: float) -> Tensor:
    """Frames (V,) of a longer clip, those past the last put back by whole periods.

    >>> wrap_to_period(torch.tensor([3.0, 15.0, 16.0, 26.0]), 10.0).tolist()
    [3.0, 15.0, 6.0, 6.0]
    """
    return at - period * ((at - (FRAMES - 1)) / period).ceil().clamp_min(0.0)
