"""The clips that an artist made for this very object, as meshes in the run's own world."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor, nn

from to4d.errors import InputError
from to4d.gltf.animation import Animation, load_animation
from to4d.gltf.header import is_gltf
from to4d.gltf.vertex_order import to_world, vertex_order
from to4d.protocols import ReferenceRenderer
from to4d.types import Cameras, Mesh, Render


class NoClips(Exception):
    """An object has no clips of its own that could be shown; says why."""


def animation_of(mesh: Mesh) -> Animation:
    """The animated file that a mesh came from.

    Raises:
        NoClips: if there is none, or it holds no clip.
    """
    if not is_gltf(mesh.source):
        raise NoClips(f"{mesh.name} is no animated file (glTF)")
    animation = load_animation(mesh.source)
    if not animation.clips:
        raise NoClips(f"{mesh.source.name} holds no clips")
    return animation


def posed_meshes(mesh: Mesh, animation: Animation, clip: str, frames: int) -> Iterator[Mesh]:
    """The mesh in each frame of a clip, which is shown once from start to end; frame i stands at i/frames of it.

    Raises:
        NoClips: if its vertices are not those of the file.
    """
    try:
        order = vertex_order(mesh, animation)
    except InputError as error:
        raise NoClips(str(error)) from error
    seconds = animation.duration(clip) * np.arange(frames) / frames
    for pose in animation.poses(clip, seconds):
        yield replace(mesh, vertices=torch.from_numpy(to_world(mesh, pose[order]).astype(np.float32)))


class AnimatedMesh(nn.Module):
    """A renderer of V poses of one mesh, one for each frame; it ignores the times."""

    def __init__(self, poses: list[Mesh], reference: Callable[[Mesh], ReferenceRenderer]) -> None:
        """V meshes that differ in the places of their vertices alone."""
        super().__init__()
        self.reference, self.vertices = reference(poses[0]), torch.stack([pose.vertices for pose in poses])

    def forward(self, cameras: Cameras, times: Tensor, normals: bool = True) -> Render:
        """(B cameras), (V,) -> (B, V)."""
        return self.reference.draw(cameras, self.vertices, normals)
