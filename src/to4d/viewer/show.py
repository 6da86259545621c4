"""A run as frames, for a page: surfaces for the browser, and pictures from where somebody stands."""

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import normalize

from to4d.export.flipbook import add_frame
from to4d.export.frame_meshes import FrameMesh, frame_meshes
from to4d.export.gltf.appearance import UNLIT
from to4d.export.gltf.build_document import world_from_asset
from to4d.export.isosurface import Isosurface
from to4d.export.panels import depth_colours, mask, normal_colours, to_uint8
from to4d.gltf.document import Document
from to4d.render.mesh_cpu import MeshRenderer
from to4d.types import Cameras, Render, Scene
from to4d.viewpoints import frame_times, render_views

MODES = {
    "Colour": lambda seen: seen.rgb,
    "Depth": lambda seen: depth_colours(seen.depth, seen.opacity),
    "Normals": lambda seen: normal_colours(seen.normal, seen.opacity),
    "Mask": lambda seen: mask(seen.opacity),
}


class Show:
    """A run as frames: surfaces for the browser, and pictures of the input, the moved mesh and the field."""

    def __init__(self, scene: Scene, frames: int, size: int, surface: Isosurface) -> None:
        """Follow the motion; `size` is that of the pictures, `surface` for models that move no mesh."""
        self.scene, self.size, self.times = scene, size, frame_times(frames)
        world = world_from_asset(scene.reference.mesh)
        self.shapes = [
            replace(shape, points=(shape.points @ world[:3, :3].T + world[:3, 3]).astype(np.float32))
            for shape in frame_meshes(scene, self.times, surface)
        ]
        self.moves_mesh = hasattr(scene.renderer.field, "displacement")

    def pictures(self, pose: Tensor, fov: float, frame: int, mode: str) -> np.ndarray:
        """(H, 2 W or 3 W, 3) bytes: the input, the moved mesh where there is one, the field; from a pose (4, 4)."""
        cameras = Cameras(pose[None], torch.tensor([fov]), (self.size, self.size))
        renderers = [(self.scene.reference, 0.0)]
        if self.moves_mesh:
            moved = torch.from_numpy(self.shapes[frame].points)
            renderers.append((MeshRenderer(replace(self.scene.reference.mesh, vertices=moved)), 0.0))
        renderers.append((self.scene.renderer, float(self.times[frame])))
        seen = [render_views(renderer, cameras, torch.tensor([t]), normals=True).at(0) for renderer, t in renderers]
        side_by_side = Render(*(torch.cat(x, 2) for x in zip(*map(_parts, seen), strict=True)))
        return to_uint8(MODES[mode](side_by_side)[0]).numpy()


def _parts(seen: Render) -> tuple[Tensor, ...]:
    return seen.rgb, seen.opacity, seen.depth, seen.normal


def looking(position: np.ndarray, target: np.ndarray) -> Tensor:
    """(4, 4) the pose of a camera that stands at `position` and looks at `target`, y up."""
    place, aim = (torch.tensor(np.asarray(x), dtype=torch.float32) for x in (position, target))
    back = normalize(place - aim, dim=0)
    right = normalize(torch.linalg.cross(torch.tensor([0.0, 1.0, 0.0]), back), dim=0)
    pose = torch.eye(4)
    pose[:3] = torch.stack([right, torch.linalg.cross(back, right), back, place], 1)
    return pose


def glb(shape: FrameMesh) -> bytes:
    """A surface as a GLB file of its own."""
    document = Document({"asset": {"version": "2.0"}, "scene": 0, "scenes": [{"nodes": []}], "extensionsUsed": [UNLIT]})
    document.add("materials", {"doubleSided": True, "extensions": {UNLIT: {}}})
    add_frame(document, 0, shape)
    return document.binary()
