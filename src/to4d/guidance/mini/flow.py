"""Backward flow in the object's own coordinates: where the object is, which smooth flows exist, what they show.

A flow says for every place of a frame where in the first frame its colour comes from, minus the place; image
coordinates are [-1, 1]^2, (right, down). Smooth flows are polynomials in u (sideways from the object's middle, in half
heights) and v (0 at its base, 1 at its top).
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import grid_sample, interpolate

GRID = 16  # flows live on the latents' grid
TERMS = 12  # of the polynomial


@dataclass(frozen=True)
class ObjectBox:
    """Where the object stands in the first frame, image coordinates."""

    centre: Tensor  # (B,) its middle, right
    base: Tensor  # (B,) its lower edge, down
    height: Tensor  # (B,)

    def stack(self) -> Tensor:
        """(B, 3)."""
        return torch.stack([self.centre, self.base, self.height], -1)


def pixel_centres(size: int, device: torch.device | None = None) -> Tensor:
    """(size,) coordinates of pixel centres in [-1, 1]."""
    return (torch.arange(size, device=device) + 0.5) * (2.0 / size) - 1.0


def find_object(images: Tensor, threshold: float = 0.06) -> ObjectBox:
    """The box of what differs from the corners' colour, on images (B, S, S, 3); the middle half if nothing does."""
    corners = images[:, [0, 0, -1, -1], [0, -1, 0, -1]].median(1).values
    mask = ((images - corners[:, None, None]).abs().amax(-1) > threshold).float()
    line = pixel_centres(images.shape[1], images.device)
    rows = mask.amax(2) > 0
    top = torch.where(rows, line, torch.inf).amin(1)
    base = torch.where(rows, line, -torch.inf).amax(1)
    empty = ~rows.any(1)
    top, base = torch.where(empty, -0.5, top), torch.where(empty, 0.5, base)
    centre = (mask.sum(1) * line).sum(1) / mask.sum((1, 2)).clamp_min(1.0)
    return ObjectBox(centre, base, (base - top + 2.0 / len(line)).clamp_min(0.15))


def coordinates(box: ObjectBox) -> tuple[Tensor, Tensor]:
    """Coordinates u and v of the grid's cells, each (B, 16, 16), limited to the object's neighbourhood."""
    line = pixel_centres(GRID, box.base.device)
    u = (2.0 * (line - box.centre[:, None]) / box.height[:, None]).clamp(-2.5, 2.5)
    v = ((box.base[:, None] - line) / box.height[:, None]).clamp(-0.6, 2.0)
    shape = (len(box.base), GRID, GRID)
    return u[:, None, :].expand(shape), v[:, :, None].expand(shape)


def monomials(u: Tensor, v: Tensor) -> Tensor:
    """The terms of smooth flows at object coordinates (..., h, w): (..., 12, h, w)."""
    terms = [torch.ones_like(u), u, v, u * u, u * v, v * v, v**3, u * v * v, u * u * v, u**3, u.abs(), (v - 0.5).abs()]
    return torch.stack(terms, -3)


def polynomial(box: ObjectBox) -> Tensor:
    """The terms of smooth flows, (B, 12, 16, 16), in image units for an object of this height."""
    return monomials(*coordinates(box)) * (0.5 * box.height)[:, None, None, None]


def smooth_flow(coefficients: Tensor, terms: Tensor) -> Tensor:
    """(B, K, 2, 12) and (B, 12, 16, 16) -> flows (B, K, 2, 16, 16)."""
    return torch.einsum("bkcq,bqhw->bkchw", coefficients, terms)


def warp(images: Tensor, flow: Tensor) -> Tensor:
    """Images (B, S, S, 3) seen through flows (B, K, 2, 16, 16): (B, K, S, S, 3); beyond the border is the border."""
    batch, size = images.shape[:2]
    count = flow.shape[1]
    coarse = flow.flatten(0, 1).contiguous(memory_format=torch.channels_last)  # so that places need no copy below
    fine = interpolate(coarse, size=(size, size), mode="bilinear", align_corners=False)
    line = pixel_centres(size, images.device)
    here = torch.stack(torch.meshgrid(line, line, indexing="xy"), -1)
    places = (here + fine.movedim(1, -1)).reshape(batch, count * size, size, 2)
    source = images.movedim(-1, 1)
    seen = grid_sample(source, places, mode="bilinear", padding_mode="border", align_corners=False)
    return seen.movedim(1, -1).reshape(batch, count, size, size, 3)
