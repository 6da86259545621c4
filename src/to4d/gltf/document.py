"""A glTF 2.0 file that changes in memory, and its one-file form (sections 3.6 and 4.4)."""

import copy
import json
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from to4d.disk.asset_folder import Limits
from to4d.errors import InputError
from to4d.gltf.arrays import NUMBERS, Arrays, read_arrays
from to4d.gltf.node_tree import scene_nodes

KINDS = {np.dtype(number): kind for kind, number in NUMBERS.items()}
SHAPES = {1: "SCALAR", 2: "VEC2", 3: "VEC3", 4: "VEC4", 16: "MAT4"}
VERTICES, INDICES = 34962, 34963  # what a buffer view is for
JSON_CHUNK, BINARY_CHUNK = 0x4E4F534A, 0x004E4942
COMPRESSED = {"KHR_draco_mesh_compression", "EXT_meshopt_compression"}


@dataclass
class Document:
    """A header, and the bytes behind each of its buffer views; buffers come into being when it is written."""

    header: dict[str, Any]
    views: list[bytes] = field(default_factory=list)

    def add(self, kind: str, item: dict[str, Any]) -> int:
        """Append to one of the header's lists, such as `meshes`; returns the number."""
        items = self.header.setdefault(kind, [])
        items.append(item)
        return len(items) - 1

    def add_view(self, data: bytes, **properties: Any) -> int:
        """A new buffer view; returns its number."""
        self.views.append(data)
        return self.add("bufferViews", properties)

    def add_array(self, values: np.ndarray, use: int | None = None, bounds: bool = False) -> int:
        """A new accessor of numbers (n,) or (n, w), with their least and largest where asked; returns its number."""
        values = np.ascontiguousarray(values)
        rows = values.reshape(len(values), -1)
        view = self.add_view(values.tobytes(), **({} if use is None else {"target": use}))
        accessor = {"bufferView": view, "componentType": KINDS[values.dtype], "count": len(rows)}
        accessor["type"] = SHAPES[rows.shape[1]]
        if bounds:
            accessor |= {"min": rows.min(0).tolist(), "max": rows.max(0).tolist()}
        return self.add("accessors", accessor)

    def layout(self) -> tuple[dict[str, Any], bytes]:
        """The header with its one buffer, and that buffer; every view starts at a multiple of 4 bytes."""
        places, parts, size = [], [], 0
        for view, data in zip(self.header.get("bufferViews", []), self.views, strict=True):
            places.append(view | {"buffer": 0, "byteOffset": size, "byteLength": len(data)})
            parts += [data, bytes(-len(data) % 4)]
            size += len(data) + len(parts[-1])
        header = {key: value for key, value in self.header.items() if key not in ("buffers", "bufferViews")}
        if size:
            header |= {"bufferViews": places, "buffers": [{"byteLength": size}]}
        return header, b"".join(parts)

    def arrays(self) -> Arrays:
        """For reading accessors back."""
        header, data = self.layout()
        return Arrays(header, (data,))

    def binary(self) -> bytes:
        """The contents of a .glb file.

        Raises:
            InputError: if it is too big for the format.
        """
        header, data = self.layout()
        text = json.dumps(header, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()
        text += b" " * (-len(text) % 4)
        chunks = struct.pack("<II", len(text), JSON_CHUNK) + text
        total = 12 + len(chunks) + 8 + len(data)
        if total >= 2**32:
            raise InputError(f"the asset would have {total:,} bytes, more than GLB can hold; ask for fewer frames")
        return b"".join(
            [struct.pack("<4sII", b"glTF", 2, total), chunks, struct.pack("<II", len(data), BINARY_CHUNK), data]
        )


def read_document(path: Path, limits: Limits) -> Document:
    """The .glb or .gltf file at `path` with all its buffers inside; images that lie beside it stay there.

    Raises:
        InputError: if the file is broken or refers to a buffer outside its folder.
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
    return Document(header, views)


def _uncompress(header: dict[str, Any]) -> None:
    """Keep the plain arrays alone of a file that also holds compressed ones: those could not follow a change."""
    primitives = [part for mesh in header.get("meshes", []) for part in mesh["primitives"]]
    for item in primitives + header.get("bufferViews", []):
        for name in COMPRESSED & set(item.get("extensions", {})):
            del item["extensions"][name]
    for key in ("extensionsUsed", "extensionsRequired"):
        put_list(header, key, [name for name in header.get(key, []) if name not in COMPRESSED])


def put_list(header: dict[str, Any], key: str, items: list) -> None:
    """Set a list of the header, or remove it where it would be empty, as the format wants."""
    header.pop(key, None)
    if items:
        header[key] = items


def unshare(document: Document) -> None:
    """Give every shown node a mesh of its own; arrays stay shared."""
    taken, nodes = set(), document.header["nodes"]
    for node in scene_nodes(document.header):
        mesh = nodes[node].get("mesh")
        if mesh is not None and mesh in taken:
            nodes[node]["mesh"] = document.add("meshes", copy.deepcopy(document.header["meshes"][mesh]))
        taken.add(mesh)
