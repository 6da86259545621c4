"""Lift the flow of a denoised clip into 3D: the part of distillation that gradients through a renderer do badly.

A prior that knows where every place of frame 0 has gone, in three dimensions, says more than the colours of its clip.
Where a ray meets the object in frame 0 is known from the mesh's depth, so each pixel tells where a point of the surface
must be at each time, and gives the backward motion d(x, t) of a moved-field model three linear equations:
x + d(x, t) must be that point. What is told of depth counts less, for other views see it better. Colours alone attract
only what is already within a pixel or two of its place.

Two things more: where the model shows the object and the prior the background, nothing should be. And what a smooth
flow says of a part is now and then wrong, so places of a frame vote: those that an affine motion of all does not
explain count less.
"""

from dataclasses import dataclass, fields
from typing import Protocol

import torch
from torch import Tensor
from torch.nn.functional import grid_sample, interpolate, normalize

from to4d.geometry import directions_at, image_grid, in_the_world, pixel_rays, reaching
from to4d.types import Cameras, Render

SEEN = 0.5  # opacity from which the mesh has a surface
ALIKE = 0.15  # mean difference of colour channels at which a place and the background hardly agree
ALONG = 0.5  # weight of distances along the view, beside those across it
AGREED = 0.1  # distance from what most of a frame's places say at which one counts half, world units
REACH = 0.01  # over which slopes of the motion are taken, world units


class Moved(Protocol):
    """A 4D model that is a static field seen through a motion."""

    def displacement(self, points: Tensor, times: Tensor) -> Tensor:
        """Backward motion d(x, t): (N, 3), (N,) -> (N, 3); what shows at x was at x + d when t was 0."""


@dataclass(frozen=True)
class Matches:
    """Pairs of a place in a frame and the point of the object that should show there."""

    places: Tensor  # (N, 3) in the world, as far along the ray as the prior tells
    directions: Tensor  # (N, 3) unit, of the ray
    times: Tensor  # (N,)
    sources: Tensor  # (N, 3) world points of the object at t = 0
    weights: Tensor  # (N,) in [0, 1]
    along: Tensor  # (N,) in [0, 1], how much the prior knows of the depth


def flow_loss(field: Moved, matches: Matches) -> Tensor:
    """Weighted mean distance between x + d(x, t) and the source, in world units; along the view it counts less.

    The view is meant at t = 0, where sources are: there it has turned with the object.
    """
    points, times = matches.places, matches.times
    with torch.no_grad():
        both = torch.cat([points, points + REACH * matches.directions])
        here, there = (both + field.displacement(both, times.repeat(2))).chunk(2)
        view = normalize(there - here, dim=-1)
    offset = points + field.displacement(points, times) - matches.sources
    along = (offset * view).sum(-1, keepdim=True)
    distance = ((offset - along * view).square().sum(-1) + (matches.along * along[:, 0]).square() + 1e-8).sqrt()
    return (matches.weights * distance).sum() / matches.weights.sum().clamp_min(1.0)


@torch.no_grad()
def surface_matches(
    forward: Tensor, mask: Tensor, still: Render, cameras: Cameras, times: Tensor, size: int = 32
) -> Matches:
    """The surface that frame 0 shows, and where it should be.

    Args:
        forward: (B, V, 3, h, w) see `Score.forward`.
        mask: (B, 1, V, h, w) where the score counts.
        still: the mesh from the same cameras, (B, H, W, c), with depth.
        cameras: B cameras.
        times: (V,).
        size: of a (size, size) grid of pixels.
    """
    rays, here = pixel_rays(Cameras(cameras.pose, cameras.fov, (size, size))), image_grid(size).to(forward)
    forward = resized(forward, size)
    opacity, depth = (averaged(x[:, None], size)[:, 0, 0] for x in (still.opacity, still.depth))
    surface = (depth / opacity.clamp_min(SEEN)).unsqueeze(-1) * rays.directions
    goal = here + forward[:, :, :2].movedim(2, -1)  # (B, V, size, size, 2)
    towards, eyes = directions_at(goal, cameras), rays.origins[:, :1, :1].unsqueeze(1)
    nearer = in_the_world(forward[:, :, 2], cameras)
    places = eyes + reaching(surface.unsqueeze(1).expand_as(towards), -nearer, towards, cameras)
    sources = (eyes[:, 0] + surface).unsqueeze(1).expand_as(places)
    weight = opacity.unsqueeze(1) * sampled(mask[:, 0], goal)
    weight = weight * agreed(sources.flatten(2, 3), places.flatten(2, 3), weight.flatten(2)).view_as(weight)
    near = forward[:, :, 2].abs()
    known = ALONG * near / (near + forward[:, :, :2].norm(dim=2) + 1e-2)  # who does not know a depth tells 0
    keep = (opacity > SEEN).unsqueeze(1) & later(len(times)).to(opacity.device)
    moments = times.to(forward)[None, :, None, None].expand_as(weight)
    return Matches(*(x[keep] for x in (places, towards, moments, sources, weight, known)))


@torch.no_grad()
def empty_matches(
    clip: Tensor,
    flow: Tensor,
    mask: Tensor,
    own: Render,
    still: Render,
    cameras: Cameras,
    times: Tensor,
    size: int = 32,
) -> Matches:
    """Places where the model shows the object and the prior the background: their source is beside the object.

    Args:
        clip: (B, V, H, W, 3) as the prior imagines it; what looks like the object is left alone.
        flow: (B, V, 3, h, w) see `Score.flow`.
        mask: (B, 1, V, h, w) where the score counts.
        own: the clip as the model shows it, (B, V, H, W, c), with depth.
        still: the mesh from the same cameras, (B, H, W, c).
        cameras: B cameras.
        times: (V,).
        size: places are a (size, size) grid.
    """
    rays, flow = pixel_rays(Cameras(cameras.pose, cameras.fov, (size, size))), resized(flow, size)
    source = image_grid(size).to(flow) + flow[:, :, :2].movedim(2, -1)
    front = torch.cat([still.opacity, still.rgb], -1).movedim(-1, 1)
    met = grid_sample(front, source.flatten(1, 2), mode="bilinear", padding_mode="border", align_corners=False)
    opacity, *rgb = met.unflatten(2, source.shape[1:3]).unbind(1)
    shown, depth = (averaged(x, size)[:, :, 0] for x in (own.opacity, own.depth))
    surface = (depth / shown.clamp_min(SEEN)).unsqueeze(-1) * rays.directions[:, None]
    towards, eyes = directions_at(source, cameras), rays.origins[:, :1, :1].unsqueeze(1)
    nearer = in_the_world(flow[:, :, 2], cameras)
    sources = eyes + reaching(surface, -nearer, towards, cameras)
    difference = (averaged(clip, size) - torch.stack(rgb, 2)).abs().mean(2)
    weight = resized(mask.movedim(1, 2), size)[:, :, 0] * shown * torch.exp(-(difference / ALIKE).square())
    keep = (shown > SEEN) & (opacity < SEEN) & later(len(times)).to(opacity.device)
    moments = times.to(flow)[None, :, None, None].expand_as(weight)
    here = rays.directions[:, None].expand_as(surface)
    return Matches(*(x[keep] for x in (eyes + surface, here, moments, sources, weight, 0.0 * weight)))


def together(one: Matches, other: Matches) -> Matches:
    """All pairs of both."""
    return Matches(*(torch.cat([getattr(x, f.name) for x in (one, other)]) for f in fields(Matches)))


def agreed(sources: Tensor, places: Tensor, weight: Tensor, rounds: int = 3) -> Tensor:
    """How well an affine motion of all explains each way from source to place, in [0, 1]: (B, V, N).

    It is fitted again and again, to those that agree (iteratively reweighted least squares, Cauchy's weights).

    Args:
        sources: (B, V, N, 3).
        places: (B, V, N, 3).
        weight: (B, V, N).
        rounds: how often.
    """
    ways, known = places - sources, torch.cat([sources, torch.ones_like(sources[..., :1])], -1)
    factor = torch.ones_like(weight)
    for _ in range(rounds):
        weighted = known * (weight * factor).unsqueeze(-1)
        normal = weighted.mT @ known
        damping = 1e-5 * (weight * factor).sum(-1)[..., None, None] + 1e-6
        affine = torch.linalg.solve(normal + damping * torch.eye(4).to(normal), weighted.mT @ ways)
        factor = 1.0 / (1.0 + ((ways - known @ affine) / AGREED).square().sum(-1))
    return factor


def later(frames: int) -> Tensor:
    """(V, 1, 1) every frame but the first, where nothing has moved yet."""
    return (torch.arange(frames) > 0)[:, None, None]


def averaged(frames: Tensor, size: int) -> Tensor:
    """(B, V, H, W, c) -> (B, V, c, size, size), means."""
    small = interpolate(frames.flatten(0, 1).movedim(-1, 1), (size, size), mode="area")
    return small.unflatten(0, frames.shape[:2])


def resized(maps: Tensor, size: int) -> Tensor:
    """(B, V, c, h, w) -> (B, V, c, size, size), bilinear."""
    return interpolate(maps.flatten(0, 1), (size, size), mode="bilinear").unflatten(0, maps.shape[:2])


def sampled(maps: Tensor, places: Tensor) -> Tensor:
    """Maps (B, V, h, w) at places (B, V, s, s, 2) in image units, beyond the border as at it: (B, V, s, s)."""
    flat = maps.flatten(0, 1).unsqueeze(1)
    found = grid_sample(flat, places.flatten(0, 1), mode="bilinear", padding_mode="border", align_corners=False)
    return found[:, 0].unflatten(0, maps.shape[:2])
