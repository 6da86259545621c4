"""The clips of a user's file as motions of its own rig."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from to4d.gltf.animation import Animation
from to4d.rig.own.nodes import NOWHERE
from to4d.types import Mesh, Rig


def clip_maps(rig: Rig, mesh: Mesh, animation: Animation, clip: str | None, seconds: NDArray) -> Tensor:
    """Where a clip takes the space around each joint from rest: affine maps (T, J, 3, 4) of the world, float64.

    With the rig's `rest_offsets`, `skin_points` by them is exact for any clip that moves, turns or scales nodes. A
    joint that is flat at rest (scale 0) stays flat, and morph targets are left out.

    Args:
        rig: of the file, see `to4d.rig.own.read.read_own_rig`.
        mesh: of the same file.
        animation: the same file, see `to4d.gltf.animation.load_animation`.
        clip: the name of a clip; None: the rest pose.
        seconds: (T,) times in it.
    """
    nodes = list(rig.nodes)
    tree, channels = animation.nodes, animation.clips[clip] if clip is not None else ()
    rest = tree.world((), np.zeros(1))[:, nodes]
    moves = tree.world(channels, np.asarray(seconds, float))[:, nodes] @ np.linalg.pinv(rest)
    moves[:, [node == NOWHERE for node in nodes]] = np.eye(4)
    world = mesh.transform.double().numpy()
    return torch.from_numpy((world @ moves @ np.linalg.inv(world))[..., :3, :])
