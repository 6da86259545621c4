"""Where a posed rig takes joints and vertices: forward kinematics and linear blend skinning."""

import torch
from torch import Tensor

from to4d.kernels.affine import compose_maps, transform_points
from to4d.types import Rig


def joint_maps(rig: Rig, rotations: Tensor, root_map: Tensor | None = None) -> Tensor:
    """The maps of space from rest to a pose that each joint carries along: (T, J, 3, 4).

    Args:
        rig: J joints.
        rotations: (T, J, 3, 3) of each joint about its place, relative to its parent, in the axes of the world at rest:
            the identity is the rest pose.
        root_map: (T, 3, 4) similarity transforms of the whole object, applied last.
    """
    centres = rig.joints.to(rotations)
    local = torch.cat([rotations, (centres - (rotations @ centres[..., None]).squeeze(-1))[..., None]], -1)
    maps: list[Tensor] = []
    for joint, parent in enumerate(rig.parents):
        own = local[:, joint]
        above = root_map if parent < 0 else maps[parent]
        maps.append(own if above is None else compose_maps(above, own))
    return torch.stack(maps, 1)


def skin_points(
    points: Tensor, influences: Tensor, weights: Tensor, maps: Tensor, rest_offsets: Tensor | None = None
) -> Tensor:
    """Linear blend skinning: (T, N, 3), where points go that follow K joints each.

    Args:
        points: (N, 3) at rest.
        influences: (N, K) joints.
        weights: (N, K) that add up to 1.
        maps: (T, J, 3, 4) of the joints, see `joint_maps`.
        rest_offsets: (N, K, 3) as in `types.Rig`.
    """
    blended = (weights[..., None, None].to(maps) * maps[:, influences]).sum(2)
    moved = transform_points(blended, points.to(maps))
    if rest_offsets is None:
        return moved
    change = maps[:, influences, :, :3] - torch.eye(3).to(maps)
    return moved + torch.einsum("nk,tnkxy,nky->tnx", weights.to(maps), change, rest_offsets.to(maps))
