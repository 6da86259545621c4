"""Rigged files as plain glTF: Draco decoded by DracoPy (no dependency), numbers that are not finite zeroed."""

import importlib
import json
import struct
from pathlib import Path

import numpy as np

from to4d.gltf.arrays import NUMBERS, WIDTHS

DRACO = "KHR_draco_mesh_compression"


def _chunks(path: Path) -> tuple[dict, bytes]:
    data = path.read_bytes()
    size = struct.unpack("<I", data[12:16])[0]
    return json.loads(data[20 : 20 + size]), data[28 + size :]


def _append(header: dict, binary: bytearray, number: int, values: np.ndarray) -> None:
    """Give accessor `number` the values (n, width)."""
    accessor = header["accessors"][number]
    binary += bytes(-len(binary) % 4)
    raw = np.ascontiguousarray(
        values.reshape(-1, WIDTHS[accessor["type"]]), NUMBERS[accessor["componentType"]]
    ).tobytes()
    header["bufferViews"].append({"buffer": 0, "byteOffset": len(binary), "byteLength": len(raw)})
    accessor.update(bufferView=len(header["bufferViews"]) - 1, byteOffset=0)
    binary += raw


def _decode(header: dict, binary: bytearray, part: dict) -> None:
    draco = part["extensions"].pop(DRACO)
    view = header["bufferViews"][draco["bufferView"]]
    start = view.get("byteOffset", 0)
    mesh = importlib.import_module("DracoPy").decode(bytes(binary[start : start + view["byteLength"]]))
    _append(header, binary, part["indices"], np.asarray(mesh.faces))
    for name, number in draco["attributes"].items():
        values = np.asarray(mesh.get_attribute_by_unique_id(number)["data"])
        header["accessors"][part["attributes"][name]]["count"] = len(values)
        _append(header, binary, part["attributes"][name], values)


def _clean(header: dict, binary: bytearray) -> None:
    """Zero what is not finite in the accessors of floats."""
    for accessor in header["accessors"]:
        if accessor["componentType"] == 5126 and "bufferView" in accessor:
            view = header["bufferViews"][accessor["bufferView"]]
            start = view.get("byteOffset", 0) + accessor.get("byteOffset", 0)
            stride = view.get("byteStride", 4 * WIDTHS[accessor["type"]])
            shape = (accessor["count"], WIDTHS[accessor["type"]])
            values = np.ndarray(shape, np.float32, binary, start, (stride, 4))
            values[~np.isfinite(values)] = 0.0


def plain_copy(source: Path, target: Path) -> Path:
    """Write the .glb at `source` to `target` without Draco and NaN, and return `target`.

    Raises:
        ModuleNotFoundError: where the file is compressed and DracoPy is not installed.
    """
    header, rest = _chunks(source)
    binary = bytearray(rest)
    for mesh in header.get("meshes", ()):
        for part in mesh["primitives"]:
            if DRACO in part.get("extensions", {}):
                _decode(header, binary, part)
    _clean(header, binary)
    for key in ("extensionsRequired", "extensionsUsed"):
        header[key] = [name for name in header.get(key, ()) if name != DRACO]
    header["buffers"][0]["byteLength"] = len(binary)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 4)
    binary += bytes(-len(binary) % 4)
    total = 28 + len(text) + len(binary)
    parts = [struct.pack("<III", 0x46546C67, 2, total), struct.pack("<II", len(text), 0x4E4F534A), text]
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_suffix(".tmp")
    temporary.write_bytes(b"".join([*parts, struct.pack("<II", len(binary), 0x004E4942), bytes(binary)]))
    temporary.replace(target)
    return target
