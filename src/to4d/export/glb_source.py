"""The user's own glTF file as it is, in one piece and at rest: nothing is re-encoded, names and order stay."""

import base64
import copy
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from to4d.disk.asset_folder import AssetFolder, Limits
from to4d.errors import InputError
from to4d.export.glb_write import Document
from to4d.gltf.arrays import read_arrays

log = logging.getLogger(__name__)

MAGIC = {b"\x89PNG": "image/png", b"\xff\xd8\xff": "image/jpeg", b"RIFF": "image/webp", b"\xabKTX": "image/ktx2"}
KNOWN = ("KHR_materials_", "KHR_texture_", "EXT_texture_", "KHR_mesh_quantization", "KHR_lights_punctual")
"""Extensions that refer to no accessor and no buffer view of their own."""
COMPRESSED = {"KHR_draco_mesh_compression", "EXT_meshopt_compression"}


def read_document(path: Path, limits: Limits) -> Document:
    """The .glb or .gltf file at `path` with all its buffers and images inside.

    Raises:
        InputError: if the file is broken or refers to anything outside its folder.
    """
    try:
        arrays = read_arrays(path, limits)
    except OSError as error:
        raise InputError(f"{path.name} refers to a file that cannot be read: {error}") from error
    header = copy.deepcopy(arrays.header)
    views = []
    for view in header.get("bufferViews", []):
        start = view.get("byteOffset", 0)
        views.append(bytes(arrays.buffers[view["buffer"]][start : start + view["byteLength"]]))
        if len(views[-1]) < view["byteLength"]:
            raise InputError(f"{path.name}: buffer view {len(views) - 1} lies outside its buffer")
    _uncompress(header)
    document = Document(header, views)
    folder = AssetFolder(path.parent.resolve(), limits)
    for image in header.get("images", []):
        if "uri" in image:
            _embed(document, image, folder)
    return document


def _uncompress(header: dict[str, Any]) -> None:
    """Keep the plain arrays alone of a file that also holds compressed ones: those could not follow a change."""
    primitives = [part for mesh in header.get("meshes", []) for part in mesh["primitives"]]
    for item in primitives + header.get("bufferViews", []):
        for name in COMPRESSED & set(item.get("extensions", {})):
            del item["extensions"][name]
    for key in ("extensionsUsed", "extensionsRequired"):
        _replace(header, key, [name for name in header.get(key, []) if name not in COMPRESSED])


def _embed(document: Document, image: dict[str, Any], folder: AssetFolder) -> None:
    """Put the bytes of an image file into the document; one that is missing stays a reference."""
    uri = image["uri"]
    try:
        data = base64.b64decode(uri.partition(",")[2]) if uri.startswith("data:") else folder.get(uri)
    except FileNotFoundError:
        log.warning("the image %r is missing, so the asset only refers to it", uri)
        return
    if not uri.startswith("data:"):
        image.setdefault("name", Path(unquote(uri)).stem)
    del image["uri"]
    image |= {"bufferView": document.add_view(data), "mimeType": mime_type(data)}


def mime_type(data: bytes) -> str:
    """By the first bytes.

    >>> mime_type(bytes.fromhex("89504e470d0a1a0a"))
    'image/png'
    """
    return next((kind for magic, kind in MAGIC.items() if data.startswith(magic)), "image/x-unknown")


def put_to_rest(document: Document) -> list[str]:
    """Take skins, old clips and old morph targets away: the mesh stands as its nodes say, which is what was animated.

    Returns:
        What was taken away, in words.
    """
    header = document.header
    primitives = [part for mesh in header.get("meshes", []) for part in mesh["primitives"]]
    had = {
        "skins": header.pop("skins", []),
        "clips": header.pop("animations", []),
        "morph targets": primitives[0].get("targets", []) if primitives else [],
    }
    for node in header.get("nodes", []):
        node.pop("skin", None)
        node.pop("weights", None)
    for mesh in header.get("meshes", []):
        mesh.pop("weights", None)
        if isinstance(mesh.get("extras"), dict):
            mesh["extras"].pop("targetNames", None)
    for part in primitives:
        part.pop("targets", None)
        joints = [name for name in part["attributes"] if name.startswith(("JOINTS_", "WEIGHTS_"))]
        for name in joints:
            del part["attributes"][name]
    if any(had.values()) and all(name.startswith(KNOWN) for name in header.get("extensionsUsed", [])):
        _prune(document)
    return [f"{len(items)} {name}" for name, items in had.items() if items]


def _prune(document: Document) -> None:
    """Forget accessors and buffer views that nothing refers to any more."""
    header = document.header
    kept = _renumber(list(_accessor_references(header)), header.get("accessors", []))
    _replace(header, "accessors", kept)
    places = list(_view_references(header))
    numbers = sorted({place[key] for place, key in places})
    document.views = [document.views[number] for number in numbers]
    _replace(header, "bufferViews", _renumber(places, header.get("bufferViews", [])))


def _replace(header: dict[str, Any], key: str, items: list) -> None:
    """Set a list of the header, or remove it where it would be empty, as the format wants."""
    header.pop(key, None)
    if items:
        header[key] = items


def _renumber(places: list[tuple[dict, str]], items: list) -> list:
    """Those of `items` that are referred to; the references, (dict, key) each, are changed to their new numbers."""
    used = sorted({place[key] for place, key in places})
    new = {old: number for number, old in enumerate(used)}
    for place, key in places:
        place[key] = new[place[key]]
    return [items[old] for old in used]


def _accessor_references(header: dict[str, Any]) -> Iterator[tuple[dict, str]]:
    for mesh in header.get("meshes", []):
        for part in mesh["primitives"]:
            yield from ((part["attributes"], name) for name in part["attributes"])
            if "indices" in part:
                yield part, "indices"


def _view_references(header: dict[str, Any]) -> Iterator[tuple[dict, str]]:
    for accessor in header.get("accessors", []):
        sparse = accessor.get("sparse", {})
        yield from ((part, "bufferView") for part in (accessor, *sparse.values()) if _refers(part))
    yield from ((image, "bufferView") for image in header.get("images", []) if "bufferView" in image)


def _refers(part: Any) -> bool:
    return isinstance(part, dict) and "bufferView" in part
