"""A scene as the viewer shows it: a surface for each frame, and panels rendered from any camera."""

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
from to4d.protocols import DeformableField, Scene
from to4d.types import Cameras, Render
from to4d.viewpoints import frame_times, render_views

MODES = {
    "Colour": lambda render: render.rgb,
    "Depth": lambda render: depth_colours(render.depth, render.opacity),
    "Normals": lambda render: normal_colours(render.normal, render.opacity),
    "Mask": lambda render: mask(render.opacity),
}


class SceneFrames:
    """A scene at evenly spaced times.

    Attributes:
        times: (V,) of the frames.
        shapes: V surfaces in world coordinates.
        moves_mesh: whether the surfaces are the input mesh, moved; else they are isosurfaces.
        names: of the panels.
    """

    def __init__(self, scene: Scene, frames: int, size: int, surface: Isosurface) -> None:
        """Find the surfaces; `size` is that of a panel in pixels, `surface` serves models that move no mesh."""
        self.scene, self.size, self.times = scene, size, frame_times(frames)
        world = world_from_asset(scene.reference.mesh)
        self.shapes = [
            replace(shape, points=(shape.points @ world[:3, :3].T + world[:3, 3]).astype(np.float32))
            for shape in frame_meshes(scene, self.times, surface)
        ]
        self.moves_mesh = isinstance(scene.renderer.field, DeformableField)
        shown = {"input": True, "moved mesh": self.moves_mesh, "field": scene.renderer.needs_static_fit}
        self.names = [name for name, is_shown in shown.items() if is_shown]

    def panels(self, pose: Tensor, fov: float, frame: int, mode: str) -> np.ndarray:
        """(H, 2 W or 3 W, 3) uint8: what `names` says, from a camera pose (4, 4)."""
        cameras = Cameras(pose[None], torch.tensor([fov]), (self.size, self.size))
        points = torch.from_numpy(self.shapes[frame].points)[None]
        draw = {
            "input": lambda: self.scene.reference(cameras, torch.zeros(1)),
            "moved mesh": lambda: self.scene.reference.draw(cameras, points),
            "field": lambda: render_views(self.scene.renderer, cameras, self.times[frame : frame + 1], normals=True),
        }
        return to_uint8(MODES[mode](side_by_side([draw[name]().at(0) for name in self.names]))[0]).numpy()


def side_by_side(renders: list[Render]) -> Render:
    """Renders (B,) with normals, joined along the width."""
    normals = [render.normal for render in renders if render.normal is not None]
    columns = zip(*((render.rgb, render.opacity, render.depth) for render in renders), strict=True)
    return Render(*(torch.cat(column, 2) for column in columns), normal=torch.cat(normals, 2))


def look_at_pose(position: np.ndarray, target: np.ndarray) -> Tensor:
    """(4, 4) camera-to-world pose at `position` (3,), looking at `target` (3,), y up."""
    eye, aim = (torch.tensor(np.asarray(x), dtype=torch.float32) for x in (position, target))
    back = normalize(eye - aim, dim=0)
    right = normalize(torch.linalg.cross(torch.tensor([0.0, 1.0, 0.0]), back), dim=0)
    pose = torch.eye(4)
    pose[:3] = torch.stack([right, torch.linalg.cross(back, right), back, eye], 1)
    return pose


def surface_glb(shape: FrameMesh) -> bytes:
    """A surface as a GLB file."""
    document = Document({"asset": {"version": "2.0"}, "scene": 0, "scenes": [{"nodes": []}], "extensionsUsed": [UNLIT]})
    document.add("materials", {"doubleSided": True, "extensions": {UNLIT: {}}})
    add_frame(document, 0, shape)
    return document.binary()
