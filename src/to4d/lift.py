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
REACH = 0.01  # over which slopes of the motion are taken, world units
STRIDE = 0.5  # longest step of `forward`, world units: about the object's radius
FLAT = 0.1  # a motion that squeezes volumes below this share is damped in `forward`


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

    x stands on the ray, where the moved source is nearest to it. Across is meant at t = 0, where sources are: there the
    view has turned with the object.
    """
    with torch.no_grad():
        moved = forward(field, matches.sources, matches.times)
        along = ((moved - matches.origins) * matches.directions).sum(-1, keepdim=True)
        points = matches.origins + along * matches.directions
        ahead = points + REACH * matches.directions
        both = torch.cat([points, ahead])
        here, there = (both + field.displacement(both, matches.times.repeat(2))).chunk(2)
        view = normalize(there - here, dim=-1)
    offset = points + field.displacement(points, matches.times) - matches.sources
    across = offset - (offset * view).sum(-1, keepdim=True) * view
    distance = (across.square().sum(-1) + 1e-8).sqrt()
    return (matches.weights * distance).sum() / matches.weights.sum().clamp_min(1.0)


@torch.no_grad()
def forward(field: Moved, sources: Tensor, times: Tensor, rounds: int = 5) -> Tensor:
    """Where sources (N, 3) are at times (N,): the inverse of x -> x + d(x, t), the best of some Newton steps.

    Slopes are differences over `REACH`. A step is at most `STRIDE` long; one that gains nothing is halved. A turn is
    linear in x, so that one step is enough for it, while fixed-point iteration diverges from 60 degrees on.
    """
    axes = REACH * torch.eye(3).to(sources)
    best, least, step = sources, torch.full_like(sources[:, :1], torch.inf), torch.zeros_like(sources)
    for _ in range(rounds):
        points = best + step
        probes = torch.cat([points, *(points + axis for axis in axes)])
        origin, *ahead = (probes + field.displacement(probes, times.repeat(4))).chunk(4)
        error = (origin - sources).square().sum(-1, keepdim=True)
        gained = error < least
        best, least = torch.where(gained, points, best), torch.minimum(error, least)
        newton = solve([(x - origin) / REACH for x in ahead], sources - origin)
        newton = newton * (STRIDE / newton.norm(dim=-1, keepdim=True).clamp_min(STRIDE))
        step = torch.where(gained, newton, 0.5 * step)
    return best


def solve(columns: list[Tensor], right: Tensor) -> Tensor:
    """Solutions (N, 3) of 3 x 3 systems with three columns (N, 3) each, damped where they are nearly singular."""
    a, b, c = columns
    rows = torch.linalg.cross(b, c), torch.linalg.cross(c, a), torch.linalg.cross(a, b)
    volume = (a * rows[0]).sum(-1)
    volume = torch.where(volume.abs() < FLAT, FLAT * torch.where(volume < 0, -1.0, 1.0), volume)
    return torch.stack([(row * right).sum(-1) / volume for row in rows], -1)


@torch.no_grad()
def find_matches(
    clip: Tensor,
    flow: Tensor,
    mask: Tensor,
    shown: Tensor,
    still: Render,
    cameras: Cameras,
    times: Tensor,
    size: int = 32,
) -> Matches:
    """Places of a clip where the object is or should be, by its source; those that look like their source count most.

    A prior that cannot decide between left and right tells flows from both to the object; its clip is pale at both.
    Where sources fold over, what shows was hidden in frame 0, behind the surface that the mesh's depth tells of. Where
    the model shows the object and the prior the background, the source is beside the object, as far away as its middle:
    nothing else would shrink again what has grown too far.

    Args:
        clip: (B, V, H, W, 3) as the prior imagines it.
        flow: (B, V, 2, h, w) see `Score.flow`.
        mask: (B, 1, V, h, w) where the score counts.
        shown: (B, V, h, w) the model's own opacity.
        still: the mesh from the same cameras, (B, H, W, c), with depth.
        cameras: B cameras.
        times: (V,).
        size: places are a (size, size) grid.
    """
    views, frames = flow.shape[:2]
    flow = interpolate(flow.flatten(0, 1), (size, size), mode="bilinear").view(views, frames, 2, size, size)
    weight, shown = (interpolate(x, (size, size), mode="bilinear") for x in (mask[:, 0], shown))
    rays = pixel_rays(Cameras(cameras.pose, cameras.fov, (size, size)))
    here = image_grid(size).to(flow)
    source = here + flow.movedim(2, -1)  # (B, V, size, size, 2)
    front = torch.cat([still.opacity, still.depth, still.rgb], -1).movedim(-1, 1)
    met = grid_sample(front, source.flatten(1, 2), mode="bilinear", padding_mode="zeros", align_corners=False)
    opacity, depth, *rgb = met.view(views, 5, frames, size, size).unbind(1)
    seen = interpolate(clip.flatten(0, 1).movedim(-1, 1), (size, size), mode="area").view(views, frames, 3, size, size)
    difference = (seen - torch.stack(rgb, 2)).abs().mean(2)
    weight = weight * torch.exp(-(difference / ALIKE).square())
    towards = directions_at(source, cameras)
    start = rays.origins[:, :1, :1].unsqueeze(1)
    surface, middle = depth / opacity.clamp_min(SEEN), -(start * towards).sum(-1)
    points = start + torch.where(opacity > SEEN, surface, middle).unsqueeze(-1) * towards
    present = torch.maximum(opacity, shown)
    keep = (present > SEEN) & ~folded(source) & (torch.arange(frames, device=flow.device) > 0)[:, None, None]
    shape = (views, frames, size, size)
    return Matches(
        rays.origins[:, None].expand(*shape, 3)[keep],
        rays.directions[:, None].expand(*shape, 3)[keep],
        times.to(flow)[None, :, None, None].expand(shape)[keep],
        points[keep],
        (weight * present)[keep],
    )


def folded(source: Tensor) -> Tensor:
    """Where a map of places to sources (..., h, w, 2) turns the picture over, as no surface that was seen does."""
    down, right = torch.gradient(source, dim=(-3, -2))
    return right[..., 0] * down[..., 1] <= right[..., 1] * down[..., 0]


def image_grid(size: int) -> Tensor:
    """(size, size, 2) pixel centres in image units: [-1, 1], (right, down)."""
    line = (torch.arange(size) + 0.5) * (2.0 / size) - 1.0
    return torch.stack(torch.meshgrid(line, line, indexing="xy"), -1)


def directions_at(places: Tensor, cameras: Cameras) -> Tensor:
    """Unit ray directions through places (B, ..., 2) of square images, in image units."""
    tangent = (0.5 * cameras.fov).tan().view(-1, *(1,) * (places.dim() - 2))
    local = torch.stack([places[..., 0] * tangent, -places[..., 1] * tangent, -torch.ones_like(places[..., 0])], -1)
    return normalize(torch.einsum("bij,b...j->b...i", cameras.pose[:, :3, :3], local), dim=-1)
