"""How points follow several joints, as maps of space: linear blends, or dual quaternions (Kavan et al. 2008)."""

import torch
from torch import Tensor

from to4d.kernels.affine import identity_map


def linear_blend(weights: Tensor, maps: Tensor) -> Tensor:
    """The maps (T, P, 3, 4) of points with weights (P, J) in joints that carry space along by maps (T, J, 3, 4).

    Exactly the identity where all joints' maps are.
    """
    still = identity_map(maps)
    return still + torch.einsum("pj,tjkl->tpkl", weights, maps - still)


def rest_moves(moments: Tensor, maps: Tensor) -> Tensor:
    """(T, P, 3) by how much blends miss points whose joints alone would put them elsewhere at rest.

    Args:
        moments: (P, J, 3) weights times offsets at rest, see `types.Rig.rest_offsets`.
        maps: (T, J, 3, 4) of the joints.
    """
    return torch.einsum("tjxy,pjy->tpx", maps[..., :3] - torch.eye(3).to(maps), moments)


def dual_quaternion_blend(weights: Tensor, maps: Tensor) -> Tensor:
    """The same by dual quaternions, which keep the volume of what twists; `maps` are similarity transforms.

    Scales are blended apart: a point is scaled, then moved as a rigid body.
    """
    scales = maps[..., :3].square().sum(-2).mean(-1).sqrt()
    real = quaternions(maps[..., :3] / scales[..., None, None])
    pure = torch.cat([torch.zeros_like(real[..., :1]), maps[..., 3]], -1)
    dual = torch.cat([real, 0.5 * multiply(pure, real)], -1)
    leader = weights.argmax(1)
    signs = torch.where(real @ real.mT < 0, -1.0, 1.0).to(maps)[:, leader]  # one rotation is two quaternions
    blended = torch.einsum("tpj,tjk->tpk", signs * weights, dual)
    size = blended[..., :4].norm(dim=-1, keepdim=True)
    real, dual = (blended / size).split([4, 4], -1)
    shift = 2.0 * multiply(dual, conjugate(real))[..., 1:]
    scale = 1.0 + torch.einsum("pj,tj->tp", weights, scales - 1.0)
    return torch.cat([scale[..., None, None] * matrices(real), shift[..., None]], -1)


def quaternions(rotations: Tensor) -> Tensor:
    """(..., 3, 3) -> (..., 4) unit quaternions, the real part first; the largest of the parts is positive."""
    m = rotations
    x, y, z = m[..., 0, 0], m[..., 1, 1], m[..., 2, 2]
    yz, zx, xy = (m[..., j, i] - m[..., i, j] for i, j in ((1, 2), (2, 0), (0, 1)))
    sxy, szx, syz = (m[..., j, i] + m[..., i, j] for i, j in ((0, 1), (0, 2), (1, 2)))
    rows = (
        torch.stack([1 + x + y + z, yz, zx, xy], -1),
        torch.stack([yz, 1 + x - y - z, sxy, szx], -1),
        torch.stack([zx, sxy, 1 - x + y - z, syz], -1),
        torch.stack([xy, szx, syz, 1 - x - y + z], -1),
    )
    table = torch.stack(rows, -2)
    largest = table.diagonal(dim1=-2, dim2=-1).argmax(-1)[..., None, None]
    chosen = table.gather(-2, largest.expand(*table.shape[:-2], 1, 4))[..., 0, :]
    return chosen / chosen.norm(dim=-1, keepdim=True)


def multiply(a: Tensor, b: Tensor) -> Tensor:
    """Hamilton's product of quaternions (..., 4)."""
    scalar = a[..., :1] * b[..., :1] - (a[..., 1:] * b[..., 1:]).sum(-1, keepdim=True)
    vector = a[..., :1] * b[..., 1:] + b[..., :1] * a[..., 1:] + torch.linalg.cross(a[..., 1:], b[..., 1:])
    return torch.cat([scalar, vector], -1)


def conjugate(a: Tensor) -> Tensor:
    """Of quaternions (..., 4)."""
    return torch.cat([a[..., :1], -a[..., 1:]], -1)


def matrices(a: Tensor) -> Tensor:
    """The rotation matrices (..., 3, 3) of unit quaternions (..., 4)."""
    w, x, y, z = a.unbind(-1)
    rows = (
        torch.stack([1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)], -1),
        torch.stack([2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)], -1),
        torch.stack([2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)], -1),
    )
    return torch.stack(rows, -2)
