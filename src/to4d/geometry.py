"""Cameras on an orbit, and the rays through their pixels. The one place where degrees become radians."""

import torch
from torch import Tensor
from torch.nn.functional import normalize

from to4d.types import Cameras, Rays, Render


def orbit(
    azimuth_deg: Tensor,
    elevation_deg: Tensor | float,
    distance: float,
    fov_deg: float,
    size: tuple[int, int],
    offset: Tensor | None = None,
) -> Cameras:
    """Cameras that look at the origin; azimuth 0 sees the front (+z), azimuth 90 stands on +x.

    Args:
        azimuth_deg: (B,) angles around +y.
        elevation_deg: (B,) or one angle above the horizon, in (-90, 90).
        distance: from the origin, in world units.
        fov_deg: vertical field of view.
        size: (H, W) in pixels.
        offset: (B, 2) shift of every ray within its pixel, (right, down) in pixels.
    """
    azimuth = azimuth_deg.deg2rad()
    elevation = torch.as_tensor(elevation_deg, dtype=azimuth.dtype).deg2rad().expand_as(azimuth)
    back = torch.stack([azimuth.sin() * elevation.cos(), elevation.sin(), azimuth.cos() * elevation.cos()], -1)
    right = normalize(torch.linalg.cross(torch.tensor([0.0, 1.0, 0.0]).expand_as(back), back), dim=-1)
    up = torch.linalg.cross(back, right)
    pose = torch.eye(4).repeat(len(azimuth), 1, 1)
    pose[:, :3] = torch.stack([right, up, back, distance * back], -1)
    return Cameras(pose, torch.full_like(azimuth, fov_deg).deg2rad(), size, offset)


def azimuths_deg(cameras: Cameras) -> Tensor:
    """(B,) azimuths in [0, 360) of cameras on an orbit.

    >>> azimuths_deg(orbit(torch.tensor([-90.0]), 10.0, 3.0, 40.0, (8, 8))).round()
    tensor([270.])
    """
    right, _, back = cameras.pose[:, :3, 3].unbind(-1)
    return torch.atan2(right, back).rad2deg() % 360.0


def pixel_rays(cameras: Cameras) -> Rays:
    """Rays through all pixels: (B, H, W, 3)."""
    (height, width), device = cameras.size, cameras.pose.device
    shift = torch.zeros(len(cameras.pose), 2, device=device) if cameras.offset is None else cameras.offset
    y = 0.5 - (torch.arange(height, device=device) + 0.5 + shift[:, 1:]) / height  # (B, H)
    x = (torch.arange(width, device=device) + 0.5 + shift[:, :1]) / width - 0.5  # (B, W)
    focal = 0.5 / (0.5 * cameras.fov).tan()
    shape = (len(focal), height, width)
    local = torch.stack(
        [
            (x * (width / height))[:, None, :].expand(shape),
            y[:, :, None].expand(shape),
            -focal[:, None, None].expand(shape),
        ],
        -1,
    )
    directions = normalize(torch.einsum("bij,bhwj->bhwi", cameras.pose[:, :3, :3], local), dim=-1)
    return Rays(cameras.pose[:, None, None, :3, 3].expand_as(directions), directions)


def relief(render: Render, cameras: Cameras) -> Tensor:
    """A height map towards each camera on an orbit, from the plane through the origin across the view.

    Args:
        render: (B, H, W, c) from these cameras.
        cameras: B cameras that look at the origin.

    Returns:
        (B, H, W, 1) in image units: half the height of what the view shows at the origin; 0 where less than half is.
    """
    distance = cameras.pose[:, :3, 3].norm(dim=-1)[:, None, None, None]
    along = -(pixel_rays(cameras).directions * cameras.pose[:, None, None, :3, 2]).sum(-1, keepdim=True)
    there = render.opacity > 0.5
    depth = render.depth / render.opacity.clamp_min(0.5) * along
    return torch.where(there, (distance - depth) / (distance * (0.5 * cameras.fov).tan()[:, None, None, None]), 0.0)


def project(points: Tensor, cameras: Cameras) -> Tensor:
    """World points (..., 3) to pixel coordinates (B, ..., 2), (right, down); the centre of pixel (0, 0) is 0.5, 0.5."""
    (height, width), pose = cameras.size, cameras.pose
    view = (-1,) + (1,) * (points.dim() - 1)
    local = torch.einsum("bji,b...j->b...i", pose[:, :3, :3], points - pose[:, :3, 3].view(*view, 3))
    focal = (0.5 * height / (0.5 * cameras.fov).tan()).view(view)
    x, y = focal * local[..., 0] / -local[..., 2], focal * local[..., 1] / -local[..., 2]
    return torch.stack([0.5 * width + x, 0.5 * height - y], -1)


def at_view_depth(offsets: Tensor, farther: Tensor, directions: Tensor, cameras: Cameras) -> Tensor:
    """Vectors along `directions` (B, ..., 3) with the view depth of `offsets` (B, ..., 3) plus `farther` (B, ...)."""
    into = -cameras.pose[:, :3, 2].view(-1, *(1,) * (offsets.dim() - 2), 3)
    depth = (offsets * into).sum(-1) + farther
    return (depth / (directions * into).sum(-1)).unsqueeze(-1) * directions


def world_lengths(lengths: Tensor, cameras: Cameras) -> Tensor:
    """Lengths (B, ...) in image units, at the depth of the origin, to world units."""
    unit = cameras.pose[:, :3, 3].norm(dim=-1) * (0.5 * cameras.fov).tan()
    return unit.view(-1, *(1,) * (lengths.dim() - 1)) * lengths


def image_grid(size: int) -> Tensor:
    """(size, size, 2) pixel centres in image units: [-1, 1], (right, down)."""
    line = (torch.arange(size) + 0.5) * (2.0 / size) - 1.0
    return torch.stack(torch.meshgrid(line, line, indexing="xy"), -1)


def ray_directions(points: Tensor, cameras: Cameras) -> Tensor:
    """Unit ray directions through points (B, ..., 2) of square images, in image units."""
    tangent = (0.5 * cameras.fov).tan().view(-1, *(1,) * (points.dim() - 2))
    local = torch.stack([points[..., 0] * tangent, -points[..., 1] * tangent, -torch.ones_like(points[..., 0])], -1)
    return normalize(torch.einsum("bij,b...j->b...i", cameras.pose[:, :3, :3], local), dim=-1)
