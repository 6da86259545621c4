"""The file of a mesh as a glTF document: as it stands at rest, or with its skeletons and clips untouched."""

import logging

import numpy as np

from to4d.disk.asset_folder import Limits
from to4d.export.gltf.build_document import document_of_file, document_of_mesh, world_from_document
from to4d.export.gltf.morph_targets import WeldedSurface
from to4d.export.gltf.source import whole_document
from to4d.gltf.document import Document
from to4d.gltf.header import is_gltf
from to4d.gltf.rest import put_to_rest
from to4d.mesh.read import find_file
from to4d.types import Mesh

log = logging.getLogger(__name__)

TRUSTED = Limits(faces=2**31, texels=2**40, file_bytes=2**40)  # the file was checked when the run loaded it


def open_document(mesh: Mesh) -> tuple[Document, np.ndarray]:
    """The mesh as a glTF document at rest, without skins and clips, and (4, 4) from there to the world."""
    if mesh.source is None:
        return document_of_mesh(mesh), world_from_document(mesh)
    if not is_gltf(mesh.source):
        return document_of_file(mesh, find_file(mesh.source), TRUSTED), world_from_document(mesh)
    document, transform = untouched_document(mesh)
    if left_out := put_to_rest(document):
        log.info("asset.glb: the mesh's own %s are left out; it moves as it stands", ", ".join(left_out))
    return document, transform


def untouched_document(mesh: Mesh) -> tuple[Document, np.ndarray]:
    """The user's own glTF file with all that it holds, and (4, 4) from there to the world."""
    if mesh.source is None:
        raise ValueError(f"the mesh {mesh.name} comes from no file")
    return whole_document(find_file(mesh.source), TRUSTED), mesh.transform.numpy()


def check_place(surface: WeldedSurface, mesh: Mesh) -> None:
    """Warn if the document is not where the mesh is: its file has changed since, or is read in another way."""
    used = surface.points[np.unique(surface.faces)] if len(surface.faces) else surface.points
    box, wanted = (np.stack([x.min(0), x.max(0)]) for x in (used, mesh.vertices.double().numpy()))
    if np.abs(box - wanted).max() > 1e-3 * surface.size:
        log.warning("asset.glb: %s is not the mesh that was animated; the motion may not fit it", mesh.source)
