"""A new glTF document for a mesh that comes in another format, or from no file at all."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from to4d.disk.asset_folder import Limits
from to4d.export.gltf.appearance import (
    UNLIT,
    TexturedMaterial,
    add_material,
    encode_texture,
    image_file,
    linear_from_srgb,
)
from to4d.gltf.document import INDICES, VERTICES, Document
from to4d.gltf.header import is_gltf
from to4d.mesh.materials import MaterialTable, corner_color, corner_uv
from to4d.mesh.read import read_scene
from to4d.rig.orientation.axes import UPRIGHT, upward_axis
from to4d.types import Mesh

HALF = 0.5**0.5
QUATERNIONS = {
    "x": (0.0, 0.0, HALF, HALF),
    "-x": (0.0, 0.0, -HALF, HALF),
    "-y": (0.0, 0.0, 1.0, 0.0),
    "z": (-HALF, 0.0, 0.0, HALF),
    "-z": (HALF, 0.0, 0.0, HALF),
}
"""The rotations of `UPRIGHT`."""


@dataclass(frozen=True)
class MaterialPart:
    """The triangles of one material, in the file's coordinates."""

    points: np.ndarray  # (n, 3)
    faces: np.ndarray  # (m, 3)
    uv: np.ndarray  # (m, 3, 2) v up
    color: np.ndarray  # (m, 3, 4) sRGB
    material: int
    normals: np.ndarray | None = None  # (n, 3), where the file has them


def document_of_file(mesh: Mesh, path: Path, limits: Limits) -> Document:
    """The mesh of an OBJ, PLY, OFF or STL file as the file has it: axes, units, normals, textures as they are.

    glTF is y up: a file that was read with another axis up hangs from a node that turns it upright.
    """
    scene = read_scene(path, limits)
    table, images, parts = MaterialTable(False, limits.texels), {}, []
    for geometry in (scene.geometry[scene.graph[node][1]] for node in scene.graph.nodes_geometry):
        if not len(getattr(geometry, "faces", ())):
            continue
        image = image_file(getattr(getattr(geometry.visual, "material", None), "image", None))
        number = table.index(geometry.visual)  # decodes the image, so comes after
        images.setdefault(number, image)
        faces, visual = np.asarray(geometry.faces, np.int64), geometry.visual
        normals = np.array(geometry.vertex_normals) if "vertex_normals" in geometry._cache.cache else None
        uv, color = corner_uv(visual, faces), corner_color(visual, faces, False)
        parts.append(MaterialPart(np.asarray(geometry.vertices), faces, uv, color, number, normals))
    materials = [
        TexturedMaterial(m, encode_texture(m) if images[i] is None or m.texture is None else images[i])
        for i, m in enumerate(table.found)
    ]
    return build_document(mesh.name, parts, materials, up=_upward_axis(mesh))


def document_of_mesh(mesh: Mesh) -> Document:
    """A mesh without a file, in the coordinates from which it was placed; unlit, as the renderers show it."""
    inverse = np.linalg.inv(mesh.transform.numpy())
    points = mesh.vertices.double().numpy() @ inverse[:3, :3].T + inverse[:3, 3]
    faces, uv, color, number = (x.numpy() for x in (mesh.faces, mesh.uv, mesh.color, mesh.material))
    mine = [number == i for i in range(len(mesh.materials))]
    parts = [MaterialPart(points, faces[m], uv[m], color[m], i) for i, m in enumerate(mine) if m.any()]
    materials = [TexturedMaterial(material, encode_texture(material)) for material in mesh.materials]
    return build_document(mesh.name, parts, materials, up=_upward_axis(mesh), unlit=True)


def build_document(
    name: str, parts: list[MaterialPart], materials: list[TexturedMaterial], up: str = "y", unlit: bool = False
) -> Document:
    """One node with one mesh, a primitive for each part."""
    document = Document({"asset": {"version": "2.0", "generator": "to4d"}, "scene": 0, "scenes": [{"nodes": [0]}]})
    if unlit:
        document.header["extensionsUsed"] = [UNLIT]
    for material in materials:
        add_material(document, material, unlit)
    primitives = [_add_part(document, part) for part in parts]
    document.add("meshes", {"name": name, "primitives": primitives})
    document.add("nodes", {"name": name, "mesh": 0} | ({"rotation": list(QUATERNIONS[up])} if up != "y" else {}))
    return document


def _add_part(document: Document, part: MaterialPart) -> dict[str, Any]:
    """A primitive; corners that share position, UV and colour share a vertex."""
    corners = np.concatenate([part.faces[..., None], part.uv, part.color], -1).reshape(-1, 7)
    rows, first, indices = np.unique(corners, axis=0, return_index=True, return_inverse=True)
    vertex, uv, color = part.faces.reshape(-1)[first], rows[:, 1:3], rows[:, 3:]
    arrays = {"POSITION": part.points[vertex]}
    if part.normals is not None:
        length = np.linalg.norm(part.normals[vertex], axis=1, keepdims=True)
        if (length > 1e-6).all():
            arrays["NORMAL"] = part.normals[vertex] / length
    if uv.any():
        arrays["TEXCOORD_0"] = np.stack([uv[:, 0], 1.0 - uv[:, 1]], -1)
    if (color < 1.0).any():
        arrays["COLOR_0"] = np.concatenate([linear_from_srgb(color[:, :3]), color[:, 3:]], -1)
    attributes = {
        name: document.add_array(values.astype(np.float32), VERTICES, bounds=name == "POSITION")
        for name, values in arrays.items()
    }
    numbers = np.uint16 if len(vertex) < 65535 else np.uint32
    triangles = document.add_array(indices.reshape(-1).astype(numbers), INDICES)
    return {"attributes": attributes, "indices": triangles, "material": part.material}


def world_from_document(mesh: Mesh) -> np.ndarray:
    """(4, 4) for a document that was built here: its root turns it upright, and the world's transform does so too."""
    upright = np.eye(4)
    upright[:3, :3] = UPRIGHT[_upward_axis(mesh)]
    return mesh.transform.numpy() @ upright.T


def world_from_asset(mesh: Mesh) -> np.ndarray:
    """(4, 4) from the coordinates of the exported asset to those of the run's cameras."""
    return mesh.transform.numpy() if is_gltf(mesh.source) else world_from_document(mesh)


def _upward_axis(mesh: Mesh) -> str:
    """The file's axis that is the world's vertical."""
    return upward_axis(mesh.transform[:3, :3].numpy())
