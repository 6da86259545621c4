"""What a glTF file says about itself before anything is decoded (Khronos glTF 2.0, sections 3 and 4.4)."""

import json
import struct
from pathlib import Path
from typing import Any, TypeGuard

from to4d.errors import InputError

READABLE = {"KHR_materials_unlit", "KHR_mesh_quantization", "EXT_texture_webp", "KHR_materials_pbrSpecularGlossiness"}
"""Extensions that a file may require: the look needs nothing else from them than trimesh reads."""


def is_gltf(path: Path | None) -> TypeGuard[Path]:
    """Whether a path, if there is one, is that of a glTF file.

    >>> is_gltf(Path("fox.GLB")), is_gltf(Path("fox.obj")), is_gltf(None)
    (True, False, False)
    """
    return path is not None and path.suffix.lower() in (".glb", ".gltf")


def read_header(path: Path, max_faces: int) -> dict[str, Any]:
    """The JSON part of a .gltf or .glb file.

    Raises:
        InputError: for what would be read wrongly (unknown required extensions) or fill the memory (huge accessors).
    """
    header = _read_json(path)
    foreign = set(header.get("extensionsRequired", [])) - READABLE
    if foreign:
        raise InputError(f"it requires {', '.join(sorted(foreign))}; export it without compression or extensions")
    largest = max((int(a.get("count", 0)) for a in header.get("accessors", [])), default=0)
    if largest > 3 * max_faces:
        raise InputError(f"an array of {largest:,} elements is more than the limit of {max_faces:,} faces allows")
    return header


def _read_json(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        head = file.read(20)
        if head[:4] != b"glTF":
            text = head + file.read()
        elif len(head) < 20:
            raise InputError("the file ends inside its header")
        else:
            version, total, length, kind = struct.unpack("<IIII", head[4:])
            if version != 2 or kind != 0x4E4F534A:  # "JSON"
                raise InputError(f"it is glTF version {version}; only version 2 can be read")
            if total > path.stat().st_size:
                raise InputError(f"the file is cut short: it should have {total:,} bytes")
            text = file.read(length)
    header = json.loads(text)
    if not isinstance(header, dict):
        raise InputError("its JSON is not an object")
    return header
