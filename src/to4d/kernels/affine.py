"""Small affine maps (..., 3, 4), x -> map (x, 1): similarities, their blends, and how they are undone."""

import torch
from torch import Tensor

FLAT = 0.05  # a map that squeezes volumes below this share is undone as if it did not


def rotation_matrices(spins: Tensor) -> Tensor:
    """Turns (..., 3, 3) about axes (..., 3) by their length in radians (Rodrigues), smooth at 0."""
    x, y, z = spins.unbind(-1)
    o = torch.zeros_like(x)
    cross = torch.stack([o, -z, y, z, o, -x, -y, x, o], -1).view(*spins.shape, 3)
    angle = (spins.square().sum(-1) + 1e-20).sqrt()[..., None, None]
    first, second = torch.sinc(angle / torch.pi), 0.5 * torch.sinc(0.5 * angle / torch.pi).square()
    return torch.eye(3).to(spins) + first * cross + second * (cross @ cross)


def similarity_maps(centres: Tensor, shifts: Tensor, spins: Tensor, growths: Tensor) -> Tensor:
    """Turn by `spins` and grow by e^`growths` (..., 1) about `centres`, then move by `shifts`: (..., 3, 4)."""
    linear = growths.exp()[..., None] * rotation_matrices(spins)
    offset = centres + shifts - (linear @ centres[..., None]).squeeze(-1)
    return torch.cat([linear, offset[..., None]], -1)


def compose_maps(outer: Tensor, inner: Tensor) -> Tensor:
    """`inner`, then `outer`."""
    linear = outer[..., :3] @ inner
    return torch.cat([linear[..., :3], linear[..., 3:] + outer[..., 3:]], -1)


def transform_points(maps: Tensor, points: Tensor) -> Tensor:
    """Maps of points (..., 3)."""
    return (maps[..., :3] @ points[..., None]).squeeze(-1) + maps[..., 3]


def identity_map(like: Tensor) -> Tensor:
    """(3, 4)."""
    return torch.eye(3, 4).to(like)


def inverse(maps: Tensor) -> Tensor:
    """The maps' inverses; of a map that is nearly flat, or mirrors, a bounded stand-in."""
    a, b, c = maps[..., :3].unbind(-1)
    rows = torch.stack([torch.linalg.cross(b, c), torch.linalg.cross(c, a), torch.linalg.cross(a, b)], -2)
    volume = (a * rows[..., 0, :]).sum(-1).clamp_min(FLAT)
    linear = rows / volume[..., None, None]
    return torch.cat([linear, -linear @ maps[..., 3:]], -1)
