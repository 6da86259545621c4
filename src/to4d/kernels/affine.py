"""Affine maps (..., 3, 4), x -> map (x, 1): similarity transforms, composition, inverses."""

import torch
from torch import Tensor

MIN_DETERMINANT = 0.05  # of linear parts, in inverses


def rotation_matrices(axis_angles: Tensor) -> Tensor:
    """Rotation matrices (..., 3, 3) of axis-angle vectors (..., 3) in radians (Rodrigues), smooth at 0."""
    x, y, z = axis_angles.unbind(-1)
    o = torch.zeros_like(x)
    cross = torch.stack([o, -z, y, z, o, -x, -y, x, o], -1).view(*axis_angles.shape, 3)
    angle = (axis_angles.square().sum(-1) + 1e-20).sqrt()[..., None, None]
    first, second = torch.sinc(angle / torch.pi), 0.5 * torch.sinc(0.5 * angle / torch.pi).square()
    return torch.eye(3).to(axis_angles) + first * cross + second * (cross @ cross)


def similarity_maps(centres: Tensor, shifts: Tensor, rotations: Tensor, growths: Tensor) -> Tensor:
    """Rotate by axis-angle vectors and scale by e^`growths` (..., 1) about `centres`, then shift: (..., 3, 4)."""
    linear = growths.exp()[..., None] * rotation_matrices(rotations)
    offset = centres + shifts - (linear @ centres[..., None]).squeeze(-1)
    return torch.cat([linear, offset[..., None]], -1)


def compose_maps(outer: Tensor, inner: Tensor) -> Tensor:
    """`outer` after `inner`."""
    linear = outer[..., :3] @ inner
    return torch.cat([linear[..., :3], linear[..., 3:] + outer[..., 3:]], -1)


def transform_points(maps: Tensor, points: Tensor) -> Tensor:
    """The images of points (..., 3)."""
    return (maps[..., :3] @ points[..., None]).squeeze(-1) + maps[..., 3]


def identity_map(like: Tensor) -> Tensor:
    """(3, 4), of the type and on the device of `like`."""
    return torch.eye(3, 4).to(like)


def inverse(maps: Tensor) -> Tensor:
    """The maps' inverses; bounded for maps that are nearly singular, or that mirror."""
    rows, volume = cofactors(maps[..., :3])
    linear = rows / volume.clamp_min(MIN_DETERMINANT)[..., None, None]
    return torch.cat([linear, -linear @ maps[..., 3:]], -1)


def solve(linear: Tensor, vectors: Tensor) -> Tensor:
    """Solutions (..., 3) of linear (..., 3, 3) x = vectors (..., 3); bounded where maps are nearly singular."""
    rows, volume = cofactors(linear)
    size = linear.square().sum((-1, -2)).div(3).sqrt() ** 3
    volume = torch.maximum(volume, MIN_DETERMINANT * size)
    return (rows @ vectors[..., None]).squeeze(-1) / volume[..., None]


def cofactors(linear: Tensor) -> tuple[Tensor, Tensor]:
    """The adjugates (..., 3, 3) of linear maps (..., 3, 3) and their determinants (...): the inverse is their ratio."""
    a, b, c = linear.unbind(-1)
    rows = torch.stack([torch.linalg.cross(b, c), torch.linalg.cross(c, a), torch.linalg.cross(a, b)], -2)
    return rows, (a * rows[..., 0, :]).sum(-1)
