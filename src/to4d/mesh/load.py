"""Any mesh file becomes a `Mesh`: y up, front to +z, centred on its bounding box, in a sphere of a stated radius."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
import trimesh
from numpy.typing import NDArray

from to4d.disk.asset_folder import Limits
from to4d.errors import BROKEN, InputError
from to4d.mesh.materials import MaterialTable, corner_color, corner_uv
from to4d.mesh.read import find_file, read_scene
from to4d.types import Material, Mesh

log = logging.getLogger(__name__)

Y_FROM_Z = np.array([[1, 0, 0], [0, 0, 1], [0, -1, 0]], float)
"""z up, front -y (Blender, Google Scanned Objects) to y up, front +z."""


@dataclass(frozen=True)
class FileMesh:
    """A mesh as its file has it."""

    vertices: NDArray  # (N, 3) float64, file coordinates
    faces: NDArray  # (M, 3) int64
    uv: NDArray  # (M, 3, 2)
    color: NDArray  # (M, 3, 4)
    material: NDArray  # (M,)
    materials: tuple[Material, ...]


def load_mesh(
    path: str | Path,
    noun: str | None = None,
    up: Literal["auto", "y", "z"] = "auto",
    radius: float = 0.55,
    rotate_deg: float = 0.0,
    limits: Limits | Mapping[str, int] | None = None,
) -> Mesh:
    """Read OBJ+MTL, GLB, glTF, PLY, OFF or STL.

    Args:
        path: the mesh file; what it refers to must lie in the same folder.
        noun: the word that names the object in prompts.
        up: the file's vertical axis. `auto` is z for STL (print and CAD files) and y for all else.
        radius: of the bounding sphere around the centre of the bounding box, in world units.
        rotate_deg: turns the object about the vertical so that its front faces +z, azimuth 0.
        limits: sizes beyond which a file is refused; those of a mapping are named as in `Limits`.

    Raises:
        InputError: if the file cannot be used.
    """
    path, limits = find_file(path), limits if isinstance(limits, Limits) else Limits(**(limits or {}))
    if up not in ("auto", "y", "z"):
        raise InputError(f"up={up!r} is not an axis: choose y, z or auto")
    if not (radius > 0 and np.isfinite(radius) and np.isfinite(rotate_deg)):
        raise InputError(f"radius={radius} must be positive, and rotate_deg={rotate_deg} a number")
    if up == "auto":
        up = "z" if path.suffix.lower() == ".stl" else "y"
        log.info("%s: taking %s as the upward axis (set object.up to change that)", path.name, up)
    try:
        surface = _collect(read_scene(path, limits), path.suffix.lower() in (".glb", ".gltf"), limits)
        return place_mesh(surface, path.stem, noun, up, radius, rotate_deg, path)
    except InputError as error:
        raise error if path.name in str(error) else InputError(f"{path.name}: {error}") from error
    except BROKEN as error:  # what the parser let through
        raise InputError(f"cannot use {path.name}: {type(error).__name__}: {error}") from error


def place_mesh(
    surface: FileMesh,
    name: str,
    noun: str | None = None,
    up: Literal["y", "z"] = "y",
    radius: float = 0.55,
    rotate_deg: float = 0.0,
    source: Path | None = None,
) -> Mesh:
    """Turn, centre and scale a surface into the world."""
    used, faces = np.unique(surface.faces, return_inverse=True)
    vertices = _checked(surface.vertices[used], faces.reshape(-1, 3))
    transform = _upright(up, rotate_deg)
    vertices = vertices @ transform[:3, :3].T
    centre = (vertices.min(0) + vertices.max(0)) / 2
    scale = radius / np.linalg.norm(vertices - centre, axis=1).max()
    transform[:3, 3] = -centre
    transform[:3] *= scale
    return Mesh(
        vertices=torch.from_numpy(((vertices - centre) * scale).astype(np.float32)),
        faces=torch.from_numpy(faces.reshape(-1, 3).astype(np.int64)),
        uv=torch.from_numpy(np.ascontiguousarray(surface.uv, np.float32)),
        color=torch.from_numpy(np.ascontiguousarray(surface.color, np.float32)),
        material=torch.from_numpy(np.asarray(surface.material, np.int64)),
        materials=surface.materials,
        transform=torch.from_numpy(transform),
        name=name,
        noun=noun,
        source=source,
    )


def _upright(up: str, rotate_deg: float) -> NDArray:
    angle = np.deg2rad(rotate_deg)
    turn = np.array([[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]])
    transform = np.eye(4)
    transform[:3, :3] = turn @ Y_FROM_Z if up == "z" else turn
    return transform


def _checked(vertices: NDArray, faces: NDArray) -> NDArray:
    """The vertices in float64, if they make a surface."""
    vertices = np.asarray(vertices, np.float64)
    bad = int((~np.isfinite(vertices)).any(1).sum())
    if bad:
        raise InputError(f"{bad:,} of {len(vertices):,} vertices are not finite numbers; repair or export it again")
    extent = np.ptp(vertices, axis=0).max()
    corners = vertices[faces] / (extent or 1.0)
    area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1).sum() / 2
    if not area > 1e-9:
        raise InputError("the mesh has no area (all its triangles are degenerate), so there is nothing to look at")
    return vertices


def _collect(scene: trimesh.Scene, linear: bool, limits: Limits) -> FileMesh:
    """All triangle meshes of all nodes, in node order, in one coordinate system."""
    nodes = [(t, scene.geometry[g]) for t, g in (scene.graph[n] for n in scene.graph.nodes_geometry)]
    nodes = [(t, g) for t, g in nodes if isinstance(g, trimesh.Trimesh) and len(g.faces)]
    count = sum(len(g.faces) for _, g in nodes)
    if not nodes:
        raise InputError("the file holds no triangles")
    if count > limits.faces:
        raise InputError(f"{count:,} triangles are more than the limit of {limits.faces:,}; simplify the mesh")
    table = MaterialTable(linear, limits.texels)
    parts, offset = [], 0
    for transform, geometry in nodes:
        parts.append(_part(transform, geometry, offset, table))
        offset += len(geometry.vertices)
    return FileMesh(*(np.concatenate(x) for x in zip(*parts, strict=True)), tuple(table.found))


def _part(transform: NDArray, geometry: trimesh.Trimesh, offset: int, table: MaterialTable) -> tuple:
    """One node's vertices, faces, UVs, colours and material numbers."""
    faces, visual = np.asarray(geometry.faces, np.int64), geometry.visual
    if faces.min() < 0 or faces.max() >= len(geometry.vertices):
        raise InputError(f"a triangle names vertex {faces.max()}, but there are only {len(geometry.vertices)}")
    with np.errstate(invalid="ignore", over="ignore"):  # what is not finite is refused with all vertices at hand
        vertices = np.asarray(geometry.vertices, np.float64) @ transform[:3, :3].T + transform[:3, 3]
    uv, color = corner_uv(visual, faces), corner_color(visual, faces, table.linear)
    if np.linalg.det(transform[:3, :3]) < 0:  # a mirror turns the triangles inside out
        faces, uv, color = faces[:, ::-1], uv[:, ::-1], color[:, ::-1]
    return vertices, faces + offset, uv, color, np.full(len(faces), table.index(visual))
