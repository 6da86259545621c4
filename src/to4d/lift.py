"""Lift the flow of a denoised clip into 3D: the part of distillation that gradients through a renderer do badly.

A prior that knows where every place of a frame came from, in three dimensions, says more than the colours of its clip.
Each pixel of each frame gives the backward motion d(x, t) of a moved-field model three linear equations: x + d(x, t)
must be the source. Of one of the two it is known how far away it is: of the place, where the model shows its surface;
else of the source, where the mesh shows its surface in frame 0. The first way is right also of a source that was hidden
then, as most are once an object has turned by a right angle. What is told of depth counts less, for other views see it
better. Colours alone attract only what is already within a pixel or two of its place.

What a smooth flow says of places beside the object is often wrong: of a turn, they would show its middle. So the places
of a frame vote: those that an affine motion of the whole does not explain count less.
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
ALONG = 0.5  # weight of distances along the view, beside those across it
HIDDEN = 0.5  # weight of places whose source was hidden in frame 0: their colours can't be compared
AGREED = 0.05  # distance from what most of a frame's places say at which one counts half, world units
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
def find_matches(
    clip: Tensor,
    flow: Tensor,
    mask: Tensor,
    own: Render,
    still: Render,
    cameras: Cameras,
    times: Tensor,
    size: int = 32,
) -> Matches:
    """Places of a clip where the object is or should be, by its source; those that look like their source count most.

    A prior that cannot decide between left and right tells flows from both to the object; its clip is pale at both.
    Where sources fold over, what shows was hidden in frame 0: of these only the places are of use that the model shows.
    Where the model shows the object and the prior the background, the source is beside the object: nothing else would
    shrink again what has grown too far.

    Args:
        clip: (B, V, H, W, 3) as the prior imagines it.
        flow: (B, V, 3, h, w) see `Score.flow`.
        mask: (B, 1, V, h, w) where the score counts.
        own: the clip as the model shows it, (B, V, H, W, c), with depth.
        still: the mesh from the same cameras, (B, H, W, c), with depth.
        cameras: B cameras.
        times: (V,).
        size: places are a (size, size) grid.
    """
    views, frames = flow.shape[:2]
    flow = interpolate(flow.flatten(0, 1), (size, size), mode="bilinear").view(views, frames, 3, size, size)
    weight, shown = interpolate(mask[:, 0], (size, size), mode="bilinear"), averaged(own.opacity, size)[:, :, 0]
    rays = pixel_rays(Cameras(cameras.pose, cameras.fov, (size, size)))
    here = image_grid(size).to(flow)
    source = here + flow[:, :, :2].movedim(2, -1)  # (B, V, size, size, 2)
    front = torch.cat([still.opacity, still.depth, still.rgb], -1).movedim(-1, 1)
    there = grid_sample(front, source.flatten(1, 2), mode="bilinear", padding_mode="zeros", align_corners=False)
    opacity, depth, *rgb = there.view(views, 5, frames, size, size).unbind(1)
    difference, fold = (averaged(clip, size) - torch.stack(rgb, 2)).abs().mean(2), folded(source)
    weight = weight * torch.where(fold, HIDDEN, torch.exp(-(difference / ALIKE).square()))
    towards = directions_at(source, cameras)
    start = rays.origins[:, :1, :1].unsqueeze(1)
    surface, middle = depth / opacity.clamp_min(SEEN), -(start * towards).sum(-1)
    unit = cameras.pose[:, :3, 3].norm(dim=-1) * (0.5 * cameras.fov).tan()  # of the image, in world units at the origin
    farther = unit[:, None, None, None] * flow[:, :, 2]
    solid = (shown > SEEN).unsqueeze(-1)
    met, here = torch.where(opacity > SEEN, surface, middle).unsqueeze(-1) * towards, rays.directions[:, None]
    own_surface = (averaged(own.depth, size)[:, :, 0] / shown.clamp_min(SEEN)).unsqueeze(-1) * here
    points = start + torch.where(solid, reaching(own_surface, -farther, towards, cameras), met)
    places = start + torch.where(solid, own_surface, reaching(met, farther, here, cameras))
    present = torch.maximum(opacity, shown)
    weight = weight * present
    weight = weight * agreed(points.flatten(2, 3), places.flatten(2, 3), weight.flatten(2)).view_as(weight)
    near = flow[:, :, 2].abs()
    known = ALONG * near / (near + flow[:, :, :2].norm(dim=2) + 1e-2)  # who does not know a depth tells 0
    keep = (present > SEEN) & (solid[..., 0] | ~fold) & (torch.arange(frames, device=flow.device) > 0)[:, None, None]
    shape = (views, frames, size, size)
    return Matches(
        places[keep],
        rays.directions[:, None].expand(*shape, 3)[keep],
        times.to(flow)[None, :, None, None].expand(shape)[keep],
        points[keep],
        weight[keep],
        known[keep],
    )


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
        damping = 1e-3 * (weight * factor).sum(-1)[..., None, None] + 1e-6
        affine = torch.linalg.solve(normal + damping * torch.eye(4).to(normal), weighted.mT @ ways)
        factor = 1.0 / (1.0 + ((ways - known @ affine) / AGREED).square().sum(-1))
    return factor


def averaged(frames: Tensor, size: int) -> Tensor:
    """(B, V, H, W, c) -> (B, V, c, size, size)."""
    small = interpolate(frames.flatten(0, 1).movedim(-1, 1), (size, size), mode="area")
    return small.unflatten(0, frames.shape[:2])


def reaching(offsets: Tensor, farther: Tensor, directions: Tensor, cameras: Cameras) -> Tensor:
    """From cameras in `directions`, as deep into the view as `offsets` (B, ..., 3) and `farther` (B, ...) beyond."""
    into = -cameras.pose[:, :3, 2].view(-1, *(1,) * (offsets.dim() - 2), 3)
    depth = (offsets * into).sum(-1) + farther
    return (depth / (directions * into).sum(-1)).unsqueeze(-1) * directions


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
