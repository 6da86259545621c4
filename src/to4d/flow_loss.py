"""Scene flow as a distillation signal: the prior's flow, lifted to 3D, supervises the deformation directly.

A prior that predicts 3D flow knows more than the colours of its clip. The mesh's depth says where a ray meets the
object in frame 0, so each pixel gives a correspondence: a point of the surface, and where it must be at each time. That
is three linear equations for the backward motion d(x, t) of a deformable field: x + d(x, t) must be that point. The
depth component counts less, for other views see it better. Colours alone attract only what is already within a pixel
or two.

Two additions: where the model shows the object and the prior the background, the density must go. And a smooth flow is
sometimes wrong for a part, so the correspondences of a frame are weighted robustly: outliers of an affine motion of all
count less.
"""

from dataclasses import dataclass, fields

import torch
from torch import Tensor
from torch.nn.functional import grid_sample, interpolate, normalize

from to4d.geometry import at_view_depth, image_grid, pixel_rays, ray_directions, world_lengths
from to4d.protocols import DeformableField, MeshBoundField, RiggedField
from to4d.types import Cameras, Render

MIN_OPACITY = 0.5  # from which a pixel shows a surface
COLOR_TOLERANCE = 0.15  # mean difference of colour channels at which a pixel hardly counts as background
DEPTH_WEIGHT = 0.5  # of distances along the view, relative to those across it
OUTLIER_DISTANCE = 0.1  # from the affine fit at which a correspondence counts half, world units
DIFFERENCE_STEP = 0.01  # of finite differences of the motion, world units


@dataclass(frozen=True)
class Correspondences:
    """Pairs of a position at a time and the surface point at t = 0 that should be there."""

    positions: Tensor  # (N, 3) world, at the depth that the prior predicts
    directions: Tensor  # (N, 3) unit, of the ray
    times: Tensor  # (N,)
    sources: Tensor  # (N, 3) world, points of the object at t = 0
    weights: Tensor  # (N,) in [0, 1]
    depth_weights: Tensor  # (N,) in [0, 1], of the component along the view


def flow_loss(
    field: DeformableField, pairs: Correspondences, beside: Correspondences | None = None, forwards: bool = False
) -> Tensor:
    """Weighted mean distance of pairs in world units, with less weight on depth.

    Args:
        field: the 4D model.
        pairs: whose sources are on the surface: a field that moves by a rig is asked where they go.
        beside: more pairs, whose sources are beside the object.
        forwards: ask a field that lives on the mesh where all sources go, as what is shown is the mesh itself.
    """
    every = pairs if beside is None else concatenate(pairs, beside)
    if forwards and isinstance(field, MeshBoundField):
        distances = distances_from_positions(field, every)
    elif isinstance(field, RiggedField):
        parts = [distances_from_positions(field, pairs)]
        distances = torch.cat(parts if beside is None else [*parts, distances_from_sources(field, beside)])
    else:
        distances = distances_from_sources(field, every)
    return (every.weights * distances).sum() / every.weights.sum().clamp_min(1.0)


def distances_from_sources(field: DeformableField, pairs: Correspondences) -> Tensor:
    """(N,) between x + d(x, t) and the source.

    Depth is along the view at t = 0, where sources are: the view has turned with the object.
    """
    points, times = pairs.positions, pairs.times
    with torch.no_grad():
        both = torch.cat([points, points + DIFFERENCE_STEP * pairs.directions])
        here, there = (both + field.displacement(both, times.repeat(2))).chunk(2)
        view = normalize(there - here, dim=-1)
    return _weighted_length(points + field.displacement(points, times) - pairs.sources, view, pairs)


def distances_from_positions(field: MeshBoundField, pairs: Correspondences) -> Tensor:
    """(N,) between where the source goes and x: a leg is pulled to where it should be, whatever is there now.

    Sources beside the object go with the surface next to them. Depth is along the ray.
    """
    points, which = pairs.sources.unique(dim=0, return_inverse=True)
    moments, when = pairs.times.unique(return_inverse=True)
    return _weighted_length(field.move(points, moments)[when, which] - pairs.positions, pairs.directions, pairs)


def _weighted_length(offset: Tensor, view: Tensor, pairs: Correspondences) -> Tensor:
    """(N,) lengths of offsets (N, 3), whose component along the view counts by the pairs' `depth_weights`."""
    along = (offset * view).sum(-1, keepdim=True)
    return ((offset - along * view).square().sum(-1) + (pairs.depth_weights * along[:, 0]).square() + 1e-8).sqrt()


@torch.no_grad()
def surface_correspondences(
    forward_flow: Tensor, mask: Tensor, still: Render, cameras: Cameras, times: Tensor, size: int = 32
) -> Correspondences:
    """The surface that frame 0 shows, and where it should be.

    Args:
        forward_flow: (B, V, 3, h, w) see `Score.forward_flow`.
        mask: (B, 1, V, h, w) where the score counts.
        still: the mesh from the same cameras, (B, H, W, c), with depth.
        cameras: B cameras.
        times: (V,).
        size: of a (size, size) grid of pixels.
    """
    rays, here = pixel_rays(Cameras(cameras.pose, cameras.fov, (size, size))), image_grid(size).to(forward_flow)
    flow = bilinear_resize(forward_flow, size)
    opacity, depth = (area_resize(x[:, None], size)[:, 0, 0] for x in (still.opacity, still.depth))
    surface = (depth / opacity.clamp_min(MIN_OPACITY)).unsqueeze(-1) * rays.directions
    goal = here + flow[:, :, :2].movedim(2, -1)  # (B, V, size, size, 2)
    towards, eyes = ray_directions(goal, cameras), rays.origins[:, :1, :1].unsqueeze(1)
    nearer = world_lengths(flow[:, :, 2], cameras)
    positions = eyes + at_view_depth(surface.unsqueeze(1).expand_as(towards), -nearer, towards, cameras)
    sources = (eyes[:, 0] + surface).unsqueeze(1).expand_as(positions)
    weight = opacity.unsqueeze(1) * sample_maps(mask[:, 0], goal)
    weight = weight * robust_weights(sources.flatten(2, 3), positions.flatten(2, 3), weight.flatten(2)).view_as(weight)
    near = flow[:, :, 2].abs()
    depth_weights = DEPTH_WEIGHT * near / (near + flow[:, :, :2].norm(dim=2) + 1e-2)  # 0: depth was not predicted
    keep = (opacity > MIN_OPACITY).unsqueeze(1) & after_first_frame(len(times)).to(opacity.device)
    moments = times.to(flow)[None, :, None, None].expand_as(weight)
    return Correspondences(*(x[keep] for x in (positions, towards, moments, sources, weight, depth_weights)))


@torch.no_grad()
def background_correspondences(
    clip: Tensor,
    backward_flow: Tensor,
    mask: Tensor,
    rendered: Render,
    still: Render,
    cameras: Cameras,
    times: Tensor,
    size: int = 32,
) -> Correspondences:
    """Positions where the model shows the object and the prior the background: their source is beside the object.

    Args:
        clip: (B, V, H, W, 3) as the prior predicts it; pixels of the object's colours are left out.
        backward_flow: (B, V, 3, h, w) see `Score.backward_flow`.
        mask: (B, 1, V, h, w) where the score counts.
        rendered: the clip as the model shows it, (B, V, H, W, c), with depth.
        still: the mesh from the same cameras, (B, H, W, c).
        cameras: B cameras.
        times: (V,).
        size: of a (size, size) grid of pixels.
    """
    rays, flow = pixel_rays(Cameras(cameras.pose, cameras.fov, (size, size))), bilinear_resize(backward_flow, size)
    source = image_grid(size).to(flow) + flow[:, :, :2].movedim(2, -1)
    front = torch.cat([still.opacity, still.rgb], -1).movedim(-1, 1)
    met = grid_sample(front, source.flatten(1, 2), mode="bilinear", padding_mode="border", align_corners=False)
    opacity, *rgb = met.unflatten(2, source.shape[1:3]).unbind(1)
    shown, depth = (area_resize(x, size)[:, :, 0] for x in (rendered.opacity, rendered.depth))
    surface = (depth / shown.clamp_min(MIN_OPACITY)).unsqueeze(-1) * rays.directions[:, None]
    towards, eyes = ray_directions(source, cameras), rays.origins[:, :1, :1].unsqueeze(1)
    nearer = world_lengths(flow[:, :, 2], cameras)
    sources = eyes + at_view_depth(surface, -nearer, towards, cameras)
    difference = (area_resize(clip, size) - torch.stack(rgb, 2)).abs().mean(2)
    weight = bilinear_resize(mask.movedim(1, 2), size)[:, :, 0] * shown
    weight = weight * torch.exp(-(difference / COLOR_TOLERANCE).square())
    keep = (shown > MIN_OPACITY) & (opacity < MIN_OPACITY) & after_first_frame(len(times)).to(opacity.device)
    moments = times.to(flow)[None, :, None, None].expand_as(weight)
    here = rays.directions[:, None].expand_as(surface)
    return Correspondences(*(x[keep] for x in (eyes + surface, here, moments, sources, weight, 0.0 * weight)))


def concatenate(first: Correspondences, second: Correspondences) -> Correspondences:
    """All pairs of both."""
    names = [field.name for field in fields(Correspondences)]
    return Correspondences(*(torch.cat([getattr(pairs, name) for pairs in (first, second)]) for name in names))


def robust_weights(sources: Tensor, positions: Tensor, weight: Tensor, rounds: int = 3) -> Tensor:
    """How well one affine motion of a frame explains each correspondence, in [0, 1]: (B, V, N).

    Iteratively reweighted least squares with Cauchy's weights.

    Args:
        sources: (B, V, N, 3).
        positions: (B, V, N, 3).
        weight: (B, V, N).
        rounds: of reweighting.
    """
    offsets, known = positions - sources, torch.cat([sources, torch.ones_like(sources[..., :1])], -1)
    factor = torch.ones_like(weight)
    for _ in range(rounds):
        weighted = known * (weight * factor).unsqueeze(-1)
        normal = weighted.mT @ known
        damping = 1e-5 * (weight * factor).sum(-1)[..., None, None] + 1e-6
        affine = torch.linalg.solve(normal + damping * torch.eye(4).to(normal), weighted.mT @ offsets)
        factor = 1.0 / (1.0 + ((offsets - known @ affine) / OUTLIER_DISTANCE).square().sum(-1))
    return factor


def after_first_frame(frames: int) -> Tensor:
    """(V, 1, 1) true for every frame but the first, where nothing has moved yet."""
    return (torch.arange(frames) > 0)[:, None, None]


def area_resize(frames: Tensor, size: int) -> Tensor:
    """(B, V, H, W, c) -> (B, V, c, size, size), means over areas."""
    small = interpolate(frames.flatten(0, 1).movedim(-1, 1), (size, size), mode="area")
    return small.unflatten(0, frames.shape[:2])


def bilinear_resize(maps: Tensor, size: int) -> Tensor:
    """(B, V, c, h, w) -> (B, V, c, size, size), bilinear."""
    return interpolate(maps.flatten(0, 1), (size, size), mode="bilinear").unflatten(0, maps.shape[:2])


def sample_maps(maps: Tensor, points: Tensor) -> Tensor:
    """Maps (B, V, h, w) at points (B, V, s, s, 2) in image units, clamped at the border: (B, V, s, s)."""
    flat = maps.flatten(0, 1).unsqueeze(1)
    found = grid_sample(flat, points.flatten(0, 1), mode="bilinear", padding_mode="border", align_corners=False)
    return found[:, 0].unflatten(0, maps.shape[:2])
