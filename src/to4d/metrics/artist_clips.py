"""The clips that an artist made for this very object, as meshes in the run's own world."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from to4d.gltf.animation import Animation, load_animation
from to4d.gltf.primitives import Primitive
from to4d.protocols import ReferenceRenderer
from to4d.types import Cameras, Mesh, Render


class NoClips(Exception):
    """An object has no clips of its own that could be shown; says why."""


def animation_of(mesh: Mesh) -> Animation:
    """The animated file that a mesh came from.

    Raises:
        NoClips: if there is none, or it holds no clip.
    """
    if mesh.source is None or mesh.source.suffix.lower() not in (".glb", ".gltf"):
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
    order = vertex_order(mesh, animation)
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


def vertex_order(mesh: Mesh, animation: Animation) -> NDArray:
    """(N,) where each vertex of the mesh is among those of the file.

    Both hold the file's primitives one after the other, each with its own vertex order, but maybe in another order of
    primitives. A primitive is recognised by its triangles; of several equal ones the nearest is taken.
    """
    starts = np.cumsum([0, *(len(primitive.points) for primitive in animation.primitives)])
    rest, left, found = animation.vertices(), set(range(len(animation.primitives))), []
    first = face = 0
    while left:
        fits = [i for i in left if is_here(animation.primitives[i], mesh.faces.numpy(), first, face)]
        if not fits:
            raise NoClips(f"the vertices of {mesh.name} are not those of its file")
        here = {i: to_world(mesh, rest[starts[i] : starts[i + 1]]) - points_of(mesh, animation, i, first) for i in fits}
        best = min(fits, key=lambda i: float(np.abs(here[i]).mean()))
        found.append(np.arange(starts[best], starts[best + 1]))
        first, face = first + len(animation.primitives[best].points), face + len(animation.primitives[best].faces)
        left.remove(best)
    return np.concatenate(found)


def points_of(mesh: Mesh, animation: Animation, primitive: int, first: int) -> NDArray:
    """As many vertices of the mesh, from `first` on, as the primitive has."""
    return mesh.vertices[first : first + len(animation.primitives[primitive].points)].numpy()


def is_here(primitive: Primitive, faces: NDArray, first: int, face: int) -> bool:
    """Whether the mesh's triangles from `face` on are the primitive's, its vertices counted from `first`."""
    there = faces[face : face + len(primitive.faces)] - first
    return there.shape == primitive.faces.shape and bool((np.sort(there, 1) == np.sort(primitive.faces, 1)).all())


def to_world(mesh: Mesh, points: NDArray) -> NDArray:
    """The file's coordinates as the run places them."""
    transform = mesh.transform.numpy()
    return points @ transform[:3, :3].T + transform[:3, 3]
