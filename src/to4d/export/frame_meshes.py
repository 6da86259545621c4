"""A moving object as one coloured mesh a frame, for formats without morph targets."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from to4d.export.gltf.bake_motion import bake_motion
from to4d.export.gltf.build_document import world_from_asset
from to4d.export.gltf.distortion import triangle_normals
from to4d.export.gltf.document_vertices import weld_vertices
from to4d.export.isosurface import Isosurface
from to4d.protocols import DeformableField, Field, Scene
from to4d.render.shading import Shading, triangle_geometry
from to4d.types import Mesh

CHUNK = 2**17  # points of one query of the field
WAY = (0.01, -0.04)  # along the normal, world units
SAMPLES = 11


@dataclass(frozen=True)
class FrameMesh:
    """The mesh of one frame, in the coordinates of the user's file."""

    points: np.ndarray  # (n, 3) float32
    faces: np.ndarray  # (m, 3)
    colors: np.ndarray  # (n, 3) uint8 sRGB, baked from the 4D model or the mesh's own


def moving_mesh(scene: Scene, field: DeformableField, times: Tensor) -> Iterator[FrameMesh]:
    """The user's own mesh, whose triangles and corners stay the same; for a deformable field (model=deform, nodes)."""
    mesh = scene.reference.mesh
    rest = mesh.vertices.double().numpy()
    surface, numbers = weld_vertices(rest, mesh.faces.numpy())
    movement = bake_motion(field, surface, times, 0.0)
    has_colors = scene.renderer.needs_static_fit  # else the field's own were never fitted
    colors = bake_colors(field, rest, mesh.faces.numpy(), 0.0) if has_colors else vertex_colors(mesh)
    for move in movement.moves:
        yield FrameMesh(to_file_coordinates(mesh, rest + move[numbers]), mesh.faces.numpy(), colors)


def isosurfaces(scene: Scene, times: Tensor, isosurface: Isosurface) -> Iterator[FrameMesh]:
    """A surface of its own for each frame; for any field."""
    for time in times.tolist():
        points, faces = isosurface(scene.renderer, time)
        yield FrameMesh(
            to_file_coordinates(scene.reference.mesh, points),
            faces,
            bake_colors(scene.renderer.field, points, faces, time),
        )


def frame_meshes(scene: Scene, times: Tensor, isosurface: Isosurface) -> Iterator[FrameMesh]:
    """The mesh itself where the field can move it, else surfaces of the field."""
    field = scene.renderer.field
    if isinstance(field, DeformableField):
        return moving_mesh(scene, field, times)
    return isosurfaces(scene, times, isosurface)


def to_file_coordinates(mesh: Mesh, points: np.ndarray) -> np.ndarray:
    """World points (n, 3) in the file's coordinates, y up where the file is read as z up."""
    back = np.linalg.inv(world_from_asset(mesh))
    return (points @ back[:3, :3].T + back[:3, 3]).astype(np.float32)


@torch.no_grad()
def bake_colors(field: Field, points: np.ndarray, faces: np.ndarray, time: float) -> np.ndarray:
    """(n, 3) uint8 colours of the field as seen from outside, straight at each point (n, 3) of a surface.

    A field's colours mean nothing where it is thin: they are composited over the `WAY` into the surface.
    """
    device = next((x.device for x in field.parameters()), torch.device("cpu"))
    normals = point_normals(points, faces)
    steps = np.linspace(*WAY, SAMPLES)
    places = torch.from_numpy(points[:, None] + steps[:, None] * normals[:, None]).float().view(-1, 3).to(device)
    values = [field(part, part.new_full((len(part),), time)) for part in places.split(CHUNK)]
    density, rgb = (torch.cat(parts).view(len(points), SAMPLES, -1) for parts in zip(*values, strict=True))
    opacity = 1.0 - torch.exp(-density * float(abs(steps[1] - steps[0])))
    light = torch.cumprod(torch.cat([torch.ones_like(opacity[:, :1]), 1.0 - opacity[:, :-1]], 1), 1)
    weight = light * opacity + 1e-6
    color = (weight * rgb).sum(1) / weight.sum(1)
    return (color.clamp(0.0, 1.0) * 255.0).round().byte().cpu().numpy()


def vertex_colors(mesh: Mesh) -> np.ndarray:
    """(n, 3) uint8 colours of the vertices: means of those that their triangles have near them."""
    faces, shading = mesh.faces.numpy(), Shading(mesh)
    area = triangle_geometry(mesh.vertices.numpy()[faces])[1]
    total, count = np.zeros((len(mesh.vertices), 3)), np.zeros((len(mesh.vertices), 1))
    for corner, (u, v) in enumerate(((1 / 6, 1 / 6), (2 / 3, 1 / 6), (1 / 6, 2 / 3))):
        places = (np.full(len(faces), weight, np.float32) for weight in (u, v))
        rgb, _ = shading(np.arange(len(faces)), *places, np.sqrt(area) / 3, area)
        np.add.at(total, faces[:, corner], rgb)
        np.add.at(count, faces[:, corner], 1.0)
    return (total / np.maximum(count, 1.0) * 255.0).round().astype(np.uint8)


def point_normals(points: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """(n, 3) unit normals, each the mean of its triangles', by area; 0 where there is none."""
    normals = np.zeros_like(points, dtype=np.float64)
    np.add.at(normals, faces, triangle_normals(points, faces)[:, None])
    return normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
