"""A mesh with a rig as a glTF document in its rest pose: skinned, and without a clip."""

from pathlib import Path

import numpy as np
from scipy.spatial import KDTree

from to4d.disk.files import write_atomically
from to4d.export.gltf.bind import at_most_four, bind_vertices
from to4d.export.gltf.bone_names import Convention, bone_names
from to4d.export.gltf.document_vertices import collect_vertices
from to4d.export.gltf.open_document import check_place, open_document, untouched_document
from to4d.export.gltf.skeleton import add_skeleton
from to4d.gltf.document import Document
from to4d.gltf.header import is_gltf
from to4d.types import Mesh, Rig


def write_rigged(mesh: Mesh, rig: Rig, path: Path, names: Convention = "plain") -> None:
    """Write the skinned mesh, at rest, as a .glb file.

    Args:
        mesh: what the rig belongs to.
        rig: its skeleton; one of the mesh's own file leaves the file as it is.
        path: of the file.
        names: what bones of a found rig are called.
    """
    document, _, _ = rigged_document(mesh, rig, names)
    write_atomically(Path(path), document.binary())


def rigged_document(mesh: Mesh, rig: Rig, names: Convention = "plain") -> tuple[Document, np.ndarray, list[int]]:
    """The skinned document, (4, 4) from there to the world, and the nodes of the joints, -1 where one has none.

    The user's own skeleton stays untouched, and so does all else in its file. A found rig is added to the mesh at rest.
    """
    if keeps_own_skeleton(mesh, rig):
        document, transform = untouched_document(mesh)
        return document, transform, list(rig.nodes)
    document, transform = open_document(mesh)
    vertices = collect_vertices(document, transform)
    check_place(vertices.surface, mesh)
    joints, rest = add_skeleton(document, rig, bone_names(rig, names), transform)
    bind_vertices(document, vertices, joints, rest, *surface_weights(mesh, rig, vertices.surface.points))
    return document, transform, joints


def keeps_own_skeleton(mesh: Mesh, rig: Rig) -> bool:
    """Whether the rig is that of the mesh's own glTF file."""
    return rig.source == "own" and bool(rig.nodes) and is_gltf(mesh.source)


def surface_weights(mesh: Mesh, rig: Rig, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(P, 4) joints and (P, 4) weights at points (P, 3) of the surface: those of the nearest vertices of the mesh."""
    nearest = KDTree(mesh.vertices.double().numpy()).query(points)[1]
    return at_most_four(rig.influences.numpy()[nearest], rig.weights.numpy()[nearest])
