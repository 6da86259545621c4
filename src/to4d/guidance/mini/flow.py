"""Backward flow in the object's own coordinates: where the object is, which smooth flows exist, what they show.

A flow says for every place of a frame where in the first frame its colour comes from, minus the place; image
coordinates are [-1, 1]^2, (right, down). Smooth flows are sums of few terms in u (sideways from the object's middle, in
half heights), v (0 at its base, 1 at its top), and how far the surface stands out towards the camera: d if every row of
the silhouette were round, r as the depth of the first frame says. Turning about the vertical moves a place sideways by
what lies in front of the axis. A third number says how much nearer to the camera than the place its source was.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d, grid_sample, interpolate

from to4d.geometry import image_grid
from to4d.guidance.mini.tensors import exact

GRID = 16  # flows live on the latents' grid
TERMS = 20  # of a smooth flow
AXES = 3  # right, down, towards the camera


@dataclass(frozen=True)
class Outline:
    """What of the first frame is the object, and where it stands; image coordinates."""

    centre: Tensor  # (B,) its middle, right
    base: Tensor  # (B,) its lower edge, down
    height: Tensor  # (B,)
    bulge: Tensor  # (B, S, S) half depth of the object if its rows were round
    inside: Tensor  # (B, S, S) 1 on the object
    relief: Tensor  # (B, 16, 16) how far the surface stands out of the plane through the object's middle

    def stack(self) -> Tensor:
        """(B, 3): middle, base and height."""
        return torch.stack([self.centre, self.base, self.height], -1)


def pixel_centres(size: int, device: torch.device | None = None) -> Tensor:
    """(size,) coordinates of pixel centres in [-1, 1]."""
    return (torch.arange(size, device=device) + 0.5) * (2.0 / size) - 1.0


def find_object(
    images: Tensor, relief: Tensor | None = None, has_image: Tensor | None = None, threshold: float = 0.06
) -> Outline:
    """What differs from the corners' colour, on images (B, S, S, 3); where there is nothing, the middle half.

    Images without `has_image` (B,) count as empty. Without a `relief` (B, 16, 16) every row is taken for round.
    """
    corners = images[:, [0, 0, -1, -1], [0, -1, 0, -1]].median(1).values
    mask = ((images - corners[:, None, None]).abs().amax(-1) > threshold).float()
    has_image = mask.new_ones(len(mask)) if has_image is None else has_image
    mask = mask * has_image[:, None, None]
    line = pixel_centres(images.shape[1], images.device)
    rows = mask.amax(2) > 0
    top = torch.where(rows, line, torch.inf).amin(1)
    base = torch.where(rows, line, -torch.inf).amax(1)
    empty = ~rows.any(1)
    top, base = torch.where(empty, -0.5, top), torch.where(empty, 0.5, base)
    centre = (mask.sum(1) * line).sum(1) / mask.sum((1, 2)).clamp_min(1.0)
    height = (base - top + 2.0 / len(line)).clamp_min(0.15)
    depth = bulge(mask)
    relief = adaptive_avg_pool2d(depth, GRID) if relief is None else relief * has_image[:, None, None]
    return Outline(centre, base, height, depth, mask, relief)


def bulge(mask: Tensor) -> Tensor:
    """Half depth of the round solid whose rows are as wide as those of a mask (B, S, S), zero outside it."""
    line = pixel_centres(mask.shape[2], mask.device)
    left = torch.where(mask > 0, line, torch.inf).amin(2, keepdim=True)
    right = torch.where(mask > 0, line, -torch.inf).amax(2, keepdim=True)
    inner = ((line - left) * (right - line)).clamp_min(0.0)  # r^2 - (x - middle)^2
    return torch.where(mask > 0, inner, 0.0).sqrt()


def coordinates(outline: Outline) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """u, v, d and r at the grid's cells, each (B, 16, 16), limited to the object's neighbourhood."""
    line = pixel_centres(GRID, outline.base.device)
    height = outline.height[:, None]
    u = (2.0 * (line - outline.centre[:, None]) / height).clamp(-2.5, 2.5)
    v = ((outline.base[:, None] - line) / height).clamp(-0.6, 2.0)
    shape = (len(outline.base), GRID, GRID)
    d, r = (x * (2.0 / height[..., None]) for x in (adaptive_avg_pool2d(outline.bulge, GRID), outline.relief))
    return u[:, None, :].expand(shape), v[:, :, None].expand(shape), d, r


def smooth_terms(u: Tensor, v: Tensor, d: Tensor, r: Tensor) -> Tensor:
    """The terms of smooth flows at object coordinates (..., h, w): (..., 20, h, w)."""
    wave = 2.0 * math.pi * v
    return torch.stack(
        [
            *(torch.ones_like(u), u, v, u * u, u * v, v * v, v**3, u * v * v, u * u * v, u**3),
            *(u.abs(), (v - 0.5).abs(), 0.3 * wave.sin(), 0.3 * wave.cos()),
            *(d, d * v, d * v * v, r, r * v, r * v * v),
        ],
        -3,
    )


def outline_terms(outline: Outline) -> Tensor:
    """The terms of smooth flows, (B, 20, 16, 16), in image units for an object of this height."""
    return smooth_terms(*coordinates(outline)) * (0.5 * outline.height)[:, None, None, None]


def smooth_flow(coefficients: Tensor, terms: Tensor) -> Tensor:
    """(B, K, c, 20) and (B, 20, 16, 16) -> flows (B, K, c, 16, 16)."""
    with exact(coefficients):
        return torch.einsum("bkcq,bqhw->bkchw", coefficients, terms)


def warp(images: Tensor, flow: Tensor) -> Tensor:
    """Images (B, S, S, c) seen through flows (B, K, 2, 16, 16): (B, K, S, S, c); beyond the border is the border."""
    batch, size = images.shape[:2]
    count = flow.shape[1]
    coarse = flow.flatten(0, 1).contiguous(memory_format=torch.channels_last)  # so that places need no copy below
    fine = interpolate(coarse, size=(size, size), mode="bilinear", align_corners=False)
    places = (image_grid(size).to(images.device) + fine.movedim(1, -1)).reshape(batch, count * size, size, 2)
    source = images.movedim(-1, 1)
    sampled = grid_sample(source, places, mode="bilinear", padding_mode="border", align_corners=False)
    return sampled.movedim(1, -1).reshape(batch, count, size, size, images.shape[-1])
