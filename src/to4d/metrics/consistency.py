"""Agreement of views: points that one camera sees are reprojected into the others."""

from dataclasses import dataclass
from itertools import permutations, product

import torch
from torch import Tensor
from torch.nn.functional import max_pool2d

from to4d.geometry import pixel_rays, project
from to4d.types import Cameras, Rays, Render

MARGIN = 0.03  # world units: nearer than this, two views mean the same point
STEEP = 6.0  # pixels of depth across three pixels: beyond it there is an edge, not a surface


@dataclass(frozen=True)
class ViewAgreement:
    """Of points that one view sees; means over all pairs of views and all frames, NaN if no two see the same."""

    color: float  # mean absolute difference in the other view, where it sees the point too
    gap: float  # world units between the surfaces there, along the other camera's ray; below `MARGIN`
    holes: float  # share of points through which the other view looks, of those that it does not hide


def view_agreement(clips: Render, cameras: Cameras) -> ViewAgreement:
    """Look for every point that a view of the clips (B, V, H, W, c) shows in all other views of the same frame.

    It is hidden there if something stands in front of it. Points near edges are left out, for their place is vague.

    >>> from to4d.geometry import orbit
    >>> wall = Render(torch.ones(1, 1, 8, 8, 3), torch.ones(1, 1, 8, 8, 1), torch.full((1, 1, 8, 8, 1), 3.0))
    >>> twice = Render(*(x.repeat(2, 1, 1, 1, 1) for x in (wall.rgb, wall.opacity, wall.depth)))
    >>> agreement = view_agreement(twice, orbit(torch.zeros(2), 0.0, 3.0, 40.0, (8, 8)))
    >>> agreement.color, agreement.holes, agreement.gap < 1e-6
    (0.0, 0.0, True)
    """
    rays, views = pixel_rays(cameras), [view_surface(clips, cameras, b) for b in range(len(cameras.pose))]
    sums = torch.zeros(4, dtype=torch.float64)
    for here, there in permutations(range(len(views)), 2):
        other = Cameras(cameras.pose[there : there + 1], cameras.fov[there : there + 1], cameras.size)
        sums += compare_views(views[here], Rays(rays.origins[here], rays.directions[here]), views[there], other)
    color, gap, visible, holes = sums.tolist()
    nothing = float("nan")
    return ViewAgreement(
        color / visible if visible else nothing,
        gap / visible if visible else nothing,
        holes / (visible + holes) if visible + holes else nothing,
    )


@dataclass(frozen=True)
class ViewSurface:
    """What one camera sees of V frames."""

    rgbd: Tensor  # (V, H, W, 4) colour and distance
    solid: Tensor  # (V, H, W) bool: a surface here and in all pixels around
    empty: Tensor  # (V, H, W) bool: nothing here nor in the pixels around


def view_surface(clips: Render, cameras: Cameras, b: int) -> ViewSurface:
    """Of view `b`."""
    opacity, depth = clips.opacity[b, ..., 0], clips.depth[b, ..., 0]
    distance = depth / opacity.clamp(min=1e-6)
    pixel = distance * 2.0 * (0.5 * cameras.fov[b]).tan() / cameras.size[0]  # width of one there
    flat = _largest_near(distance) + _largest_near(-distance) <= STEEP * pixel
    solid = (-_largest_near(-opacity) > 0.5) & flat
    return ViewSurface(torch.cat([clips.rgb[b], distance[..., None]], -1), solid, _largest_near(opacity) < 0.5)


def compare_views(here: ViewSurface, rays: Rays, there: ViewSurface, camera: Cameras) -> Tensor:
    """(4,) sums: colour difference, gap, points seen in both, points that `there` looks through.

    `rays` (H, W, 3) are those of `here`, `camera` the one of `there`.
    """
    frame, row, column = here.solid.nonzero(as_tuple=True)
    rgbd = here.rgbd[frame, row, column]
    points = rays.origins[row, column] + rgbd[:, 3:] * rays.directions[row, column]
    place, (height, width) = project(points, camera)[0], camera.size
    inside = ((place >= 0) & (place < place.new_tensor([width, height]))).all(-1)
    frame, rgbd, points, place = frame[inside], rgbd[inside], points[inside], place[inside]
    column, row = place.long().unbind(-1)
    other, solid = sample_bilinear(there.rgbd, frame, place), there.solid[frame, row, column]
    behind = other[:, 3] - (points - camera.pose[0, :3, 3]).norm(dim=-1)  # how far behind the point `there` looks
    visible = solid & (behind.abs() <= MARGIN)
    holes = (solid & (behind > MARGIN)) | there.empty[frame, row, column]
    color = (other[visible, :3] - rgbd[visible, :3]).abs().mean(-1).double().sum()
    return torch.stack([color, behind[visible].abs().double().sum(), visible.sum().double(), holes.sum().double()])


def sample_bilinear(pictures: Tensor, frame: Tensor, place: Tensor) -> Tensor:
    """Pictures (V, H, W, c) at frames (n,) and places (n, 2), (right, down) in pixels -> (n, c), bilinear.

    >>> edge = torch.tensor([0.0, 1.0]).view(1, 1, 2, 1)
    >>> sample_bilinear(edge, torch.tensor([0]), torch.tensor([[1.25, 0.5]])).item()
    0.75
    """
    low = (place - 0.5).floor()
    share = place - 0.5 - low
    value = pictures.new_zeros(len(frame), pictures.shape[-1])
    for right, down in product((0, 1), (0, 1)):
        column = (low[:, 0].long() + right).clamp(0, pictures.shape[2] - 1)
        row = (low[:, 1].long() + down).clamp(0, pictures.shape[1] - 1)
        weight = (share - (1.0 - share.new_tensor([right, down]))).abs().prod(-1)
        value += weight[:, None] * pictures[frame, row, column]
    return value


def _largest_near(x: Tensor) -> Tensor:
    """(V, H, W): the largest of each pixel and those around it."""
    return max_pool2d(x, 3, stride=1, padding=1)
