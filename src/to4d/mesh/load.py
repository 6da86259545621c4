"""Any mesh file becomes a `Mesh`: y up, front to +z, centred on its bounding box, in a sphere of a stated radius."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import trimesh
from numpy.typing import NDArray

from to4d.disk.asset_folder import Limits
from to4d.errors import BROKEN, InputError
from to4d.gltf.header import is_gltf
from to4d.lexicon.bodies import bodies_of
from to4d.mesh.materials import MaterialTable, corner_color, corner_uv
from to4d.mesh.read import find_file, read_scene
from to4d.rig.orientation.axes import to_world
from to4d.rig.orientation.conventions import GLTF, PLAIN, STL, Convention
from to4d.rig.orientation.find import Orientation, find_orientation
from to4d.rig.orientation.up_features import UPS
from to4d.types import Material, Mesh

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class FileMesh:
    """A mesh as its file has it."""

    vertices: NDArray  # (N, 3) float64, file coordinates
    faces: NDArray  # (M, 3) int64
    uv: NDArray  # (M, 3, 2)
    color: NDArray  # (M, 3, 4)
    material: NDArray  # (M,)
    materials: tuple[Material, ...]


def convention_of(path: Path) -> Convention:
    """How files of the format of `path` usually stand."""
    return {".glb": GLTF, ".gltf": GLTF, ".stl": STL}.get(path.suffix.lower(), PLAIN)


def load_mesh(
    path: str | Path,
    noun: str | None = None,
    up: str = "auto",
    radius: float = 0.55,
    front_deg: float | str = "auto",
    limits: Limits | Mapping[str, int] | None = None,
) -> Mesh:
    """Read OBJ+MTL, GLB, glTF, PLY, OFF or STL.

    Args:
        path: the mesh file; what it refers to must lie in the same folder.
        noun: the word that names the object in prompts.
        up: the axis of the file that points upwards: x, y, z, -x, -y or -z; `auto` finds it (`to4d.rig.orientation`).
        radius: of the bounding sphere around the centre of the bounding box, in world units.
        front_deg: azimuth of the object's front once it is upright (0 is +z, 90 is +x); it is turned to +z. `auto`
            finds it.
        limits: sizes beyond which a file is refused; those of a mapping are named as in `Limits`.

    Raises:
        InputError: if the file cannot be used.
    """
    path, limits = find_file(path), limits if isinstance(limits, Limits) else Limits(**(limits or {}))
    given_up, given_front = _given(up, radius, front_deg)
    try:
        surface = _collect(read_scene(path, limits), is_gltf(path), limits)
        placing = _orient(surface, path, noun, given_up, given_front)
        return place_mesh(surface, path.stem, noun, placing.up, radius, placing.front_deg, path)
    except InputError as error:
        raise error if path.name in str(error) else InputError(f"{path.name}: {error}") from error
    except BROKEN as error:  # what the parser let through
        raise InputError(f"cannot use {path.name}: {type(error).__name__}: {error}") from error


def place_mesh(
    surface: FileMesh,
    name: str,
    noun: str | None = None,
    up: str = "y",
    radius: float = 0.55,
    front_deg: float = 0.0,
    source: Path | None = None,
) -> Mesh:
    """Turn, centre and scale a surface into the world."""
    used, faces = np.unique(surface.faces, return_inverse=True)
    vertices = _checked(surface.vertices[used], faces.reshape(-1, 3))
    transform = np.eye(4)
    transform[:3, :3] = to_world(up, front_deg)
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


def _given(up: str, radius: float, front_deg: float | str) -> tuple[str | None, float | None]:
    """The settings, checked; None for what is to be found."""
    if up not in ("auto", *UPS):
        raise InputError(f"up={up!r} is not an axis: choose one of {', '.join(UPS)}, or auto")
    if front_deg != "auto" and not (isinstance(front_deg, (int, float)) and np.isfinite(front_deg)):
        raise InputError(f"front_deg={front_deg!r} must be an angle in degrees, or auto")
    if not (radius > 0 and np.isfinite(radius)):
        raise InputError(f"radius={radius} must be positive")
    return None if up == "auto" else up, None if isinstance(front_deg, str) else float(front_deg)


def _orient(surface: FileMesh, path: Path, noun: str | None, up: str | None, front_deg: float | None) -> Orientation:
    """How to turn the file: as given, else as found, which is logged."""
    if up is not None and front_deg is not None:
        return Orientation(up, front_deg)
    used, faces = np.unique(surface.faces, return_inverse=True)
    vertices, faces = _checked(surface.vertices[used], faces.reshape(-1, 3)), faces.reshape(-1, 3)
    body = next(iter(bodies_of(noun or "")), None)
    found = find_orientation(vertices, faces, convention_of(path), up, front_deg, body)
    log.info("%s: %s; override with object.up=, object.front_deg=", path.name, found.describe())
    return found


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
