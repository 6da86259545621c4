"""The way back through a skinned surface: what was at rest where a point is now.

A point belongs to the nearest point of the posed surface, so that legs which pass each other stay apart. That one has a
place on its triangle, and the way from it is undone by the blend of the corners' maps: exact on the posed mesh. The
gradient is that of the whole function (as in SNARF, Chen et al. 2021: the surface also slides below the point).
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import embedding_bag

from to4d.kernels.affine import solve, transform_points
from to4d.model.skinned_surface import SkinnedSurface

NEARER = 0.6  # share of a point's distance to its surface within which another one takes it, at rest
SLACK = 0.003  # world units


def pull_back(
    surface: SkinnedSurface, maps: Tensor, points: Tensor, which: Tensor, reach: float | None = None
) -> tuple[Tensor, Tensor]:
    """Which of the points have something near them, and where that was at rest.

    Args:
        surface: P points.
        maps: (T, P, 3, 4) of space at the surface's points, from rest to T poses.
        points: (N, 3) in the poses.
        which: (N,) int64, the pose of each.
        reach: how far from the surface at rest anything is; None: everywhere.

    Returns:
        Indices (K,) of points, and where these K were (K, 3).
    """
    rest = surface.points.to(maps)
    poses = transform_points(maps, rest)
    limit = None if reach is None else (reach * largest_scale(maps))[which]
    near, corners, place = surface.nearest(poses.detach(), points, which, limit)
    points, index = points[near], which[near, None] * len(rest) + corners
    if maps.requires_grad:
        place = slide(points, poses.flatten(0, 1)[index], place)
    table = torch.cat([maps[..., :3].flatten(2), poses, rest.expand_as(poses)], -1).flatten(0, 1)
    linear, pose, start = mix(table, index, place).split([9, 3, 3], -1)
    back = start + solve(linear.view(-1, 3, 3), points - pose)
    if reach is None:
        return near, back
    true = is_nearest_at_rest(surface, back.detach(), start.detach())
    return near[true], back[true]


def largest_scale(maps: Tensor) -> Tensor:
    """(T,) how much maps (T, P, 3, 4) enlarge at most, about: the largest root mean square of a linear part's axes."""
    return maps[..., :3].detach().square().sum((-1, -2)).div(3).sqrt().amax(1).clamp_min(1.0)


def is_nearest_at_rest(surface: SkinnedSurface, points: Tensor, start: Tensor) -> Tensor:
    """(K,) int64, which points (K, 3) at rest belong to the surface at `start` (K, 3), and not to one beside it.

    Beside a leg that has been swung forward is nothing, though the other leg was there when it hung down.
    """
    rest, reach = surface.points.to(points)[None], NEARER * (points - start).norm(dim=-1) - SLACK
    asked = (reach > 0).nonzero()[:, 0]
    foreign, _, _ = surface.nearest(rest, points[asked], torch.zeros_like(asked), reach[asked])
    keep = torch.ones(len(points), dtype=torch.bool, device=points.device)
    keep[asked[foreign]] = False
    return keep.nonzero()[:, 0]


def push_forward(surface: SkinnedSurface, maps_of: Callable[[Tensor], Tensor], points: Tensor) -> tuple[Tensor, Tensor]:
    """Where points (N, 3) at rest go: (T, N, 3), and there the linear parts (T, N, 3, 3) of their motion.

    The inverse of `pull_back`: triangles keep their places, and what is off the surface follows its nearest point.

    Args:
        surface: P points.
        maps_of: (U,) int64, some of the surface's points -> the maps (T, U, 3, 4) of space there.
        points: at rest.
    """
    all_rest = surface.points.to(points)
    _, corners, place = surface.nearest(all_rest[None], points, torch.zeros_like(points[:, 0], dtype=torch.long))
    used, corners = corners.unique(return_inverse=True)
    rest = all_rest[used]
    maps = maps_of(used)
    table = torch.cat([maps[..., :3].flatten(2), transform_points(maps, rest) - rest], -1).flatten(0, 1)
    index = torch.arange(len(maps), device=corners.device)[:, None, None] * len(rest) + corners
    linear, move = mix(table, index.flatten(0, 1), place.repeat(len(maps), 1)).split([9, 3], -1)
    linear, move = linear.view(len(maps), -1, 3, 3), move.view(len(maps), -1, 3)
    off = points - (rest[corners] * place[..., None]).sum(1)
    still = torch.eye(3).to(linear)
    return points + move + ((linear - still) @ off[..., None]).squeeze(-1), linear


def mix(table: Tensor, index: Tensor, weights: Tensor) -> Tensor:
    """The weighted sums (N, C) of rows `index` (N, K) of a table (R, C)."""
    return embedding_bag(index, table, mode="sum", per_sample_weights=weights)


def slide(points: Tensor, corners: Tensor, place: Tensor) -> Tensor:
    """`place` (N, 3) with its gradient: barycentric coordinates of the nearest points on moving triangles (N, 3, 3).

    Where a coordinate is 0, the nearest point is on an edge or a corner, and stays there.
    """
    order = (place > 0).long().argsort(dim=1, descending=True, stable=True)
    a, b, c = corners.gather(1, order[..., None].expand(-1, -1, 3)).unbind(1)
    free = place.gather(1, order)[:, 1:] > 0
    e, f, way = (b - a) * free[:, :1], (c - a) * free[:, 1:], points - a
    ee, ef, ff, we, wf = ((x * y).sum(-1) for x, y in ((e, e), (e, f), (f, f), (way, e), (way, f)))
    ee, ff = torch.where(free[:, 0], ee, 1.0), torch.where(free[:, 1], ff, 1.0)
    area = torch.maximum(ee * ff - ef * ef, 1e-6 * ee * ff).clamp_min(1e-30)
    v, w = (ff * we - ef * wf) / area, (ee * wf - ef * we) / area
    found = torch.stack([1 - v - w, v, w], -1).gather(1, order.argsort(1))
    return place + found - found.detach()
