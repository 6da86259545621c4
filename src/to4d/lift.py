"""Lift the flow of a denoised clip into 3D: the part of distillation that gradients through a renderer do badly.

A prior that knows where every place of a frame came from says more than the colours of its clip. Where a ray meets the
object in frame 0 is known from the mesh's depth, so each pixel of each frame gives the backward motion d(x, t) of a
moved-field model two linear equations: across the view, x + d(x, t) must be the source; along the view it is free, and
left to other views. Colours alone attract only what is already within a pixel or two of its place.
"""

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from torch.nn.functional import grid_sample, interpolate, normalize

from to4d.geometry import pixel_rays
from to4d.types import Cameras, Render

SEEN = 0.5  # opacity from which the mesh has a surface
ALIKE = 0.15  # mean difference of colour channels at which a place and its source hardly agree


class Moved(Protocol):
    """A 4D model that is a static field seen through a motion."""

    def displacement(self, points: Tensor, times: Tensor) -> Tensor:
        """Backward motion d(x, t): (N, 3), (N,) -> (N, 3); what shows at x was at x + d when t was 0."""


@dataclass(frozen=True)
class Matches:
    """Pairs of a ray in a frame and the point of the object that should show there."""

    origins: Tensor  # (N, 3)
    directions: Tensor  # (N, 3) unit
    times: Tensor  # (N,)
    sources: Tensor  # (N, 3) world points of the object at t = 0
    weights: Tensor  # (N,) in [0, 1]


def flow_loss(field: Moved, matches: Matches) -> Tensor:
    """Weighted mean distance across the view between x + d(x, t) and the source, in world units.

    x stands on the ray, where the moved source is nearest to it.
    """
    with torch.no_grad():
        moved = matches.sources
        for _ in range(3):  # the inverse of x -> x + d(x, t), by fixed-point iteration
            moved = matches.sources - field.displacement(moved, matches.times)
        along = ((moved - matches.origins) * matches.directions).sum(-1, keepdim=True)
        points = matches.origins + along * matches.directions
    offset = points + field.displacement(points, matches.times) - matches.sources
    across = offset - (offset * matches.directions).sum(-1, keepdim=True) * matches.directions
    distance = (across.square().sum(-1) + 1e-8).sqrt()
    return (matches.weights * distance).sum() / matches.weights.sum().clamp_min(1.0)


@torch.no_grad()
def find_matches(
    clip: Tensor, flow: Tensor, mask: Tensor, still: Render, cameras: Cameras, times: Tensor, size: int = 32
) -> Matches:
    """All places of a clip whose source in frame 0 shows the object; those that look like their source count most.

    A prior that cannot decide between left and right tells flows from both to the object; its clip is pale at both.

    Args:
        clip: (B, V, H, W, 3) as the prior imagines it.
        flow: (B, V, 2, h, w) see `Score.flow`.
        mask: (B, 1, V, h, w) where the score counts.
        still: the mesh from the same cameras, (B, H, W, c), with depth.
        cameras: B cameras.
        times: (V,).
        size: places are a (size, size) grid.
    """
    views, frames = flow.shape[:2]
    flow = interpolate(flow.flatten(0, 1), (size, size), mode="bilinear").view(views, frames, 2, size, size)
    weight = interpolate(mask[:, 0], (size, size), mode="bilinear")
    rays = pixel_rays(Cameras(cameras.pose, cameras.fov, (size, size)))
    here = image_grid(size).to(flow)
    source = here + flow.movedim(2, -1)  # (B, V, size, size, 2)
    surface = torch.cat([still.opacity, still.depth, still.rgb], -1).movedim(-1, 1)
    met = grid_sample(surface, source.flatten(1, 2), mode="bilinear", padding_mode="zeros", align_corners=False)
    opacity, depth, *rgb = met.view(views, 5, frames, size, size).unbind(1)
    shown = interpolate(clip.flatten(0, 1).movedim(-1, 1), (size, size), mode="area").view(views, frames, 3, size, size)
    difference = (shown - torch.stack(rgb, 2)).abs().mean(2)
    weight = weight * torch.exp(-(difference / ALIKE).square())
    towards = directions_at(source, cameras)
    start = rays.origins[:, :1, :1].unsqueeze(1)
    points = start + (depth / opacity.clamp_min(SEEN)).unsqueeze(-1) * towards
    keep = (opacity > SEEN) & (torch.arange(frames, device=flow.device) > 0)[:, None, None]
    shape = (views, frames, size, size)
    return Matches(
        rays.origins[:, None].expand(*shape, 3)[keep],
        rays.directions[:, None].expand(*shape, 3)[keep],
        times.to(flow)[None, :, None, None].expand(shape)[keep],
        points[keep],
        (weight * opacity)[keep],
    )


def image_grid(size: int) -> Tensor:
    """(size, size, 2) pixel centres in image units: [-1, 1], (right, down)."""
    line = (torch.arange(size) + 0.5) * (2.0 / size) - 1.0
    return torch.stack(torch.meshgrid(line, line, indexing="xy"), -1)


def directions_at(places: Tensor, cameras: Cameras) -> Tensor:
    """Unit ray directions through places (B, ..., 2) of square images, in image units."""
    tangent = (0.5 * cameras.fov).tan().view(-1, *(1,) * (places.dim() - 2))
    local = torch.stack([places[..., 0] * tangent, -places[..., 1] * tangent, -torch.ones_like(places[..., 0])], -1)
    return normalize(torch.einsum("bij,b...j->b...i", cameras.pose[:, :3, :3], local), dim=-1)
