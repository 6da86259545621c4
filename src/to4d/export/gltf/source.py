"""The user's own glTF file as it is, in one piece: nothing is re-encoded, names and order stay."""

import base64
import logging
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from to4d.disk.asset_folder import AssetFolder, Limits
from to4d.gltf.document import Document, read_document

log = logging.getLogger(__name__)

MAGIC = {b"\x89PNG": "image/png", b"\xff\xd8\xff": "image/jpeg", b"RIFF": "image/webp", b"\xabKTX": "image/ktx2"}


def whole_document(path: Path, limits: Limits) -> Document:
    """The .glb or .gltf file at `path` with all its buffers and images inside.

    Raises:
        InputError: if the file is broken or refers to anything outside its folder.
    """
    document = read_document(path, limits)
    folder = AssetFolder(path.parent.resolve(), limits)
    for image in document.header.get("images", []):
        if "uri" in image:
            _embed(document, image, folder)
    return document


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
