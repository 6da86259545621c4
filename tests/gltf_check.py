"""What the glTF 2.0 specification asks of a .glb file, as far as a reader can trip over it; no outside help."""

import json
import struct
from pathlib import Path

import numpy as np

SIZES = {5120: 1, 5121: 1, 5122: 2, 5123: 2, 5125: 4, 5126: 4}
NUMBERS = {5120: "i1", 5121: "u1", 5122: "i2", 5123: "u2", 5125: "u4", 5126: "f4"}
WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT4": 16}


def read(path: Path) -> tuple[dict, bytes]:
    """Header and binary chunk; checks the container."""
    data = path.read_bytes()
    magic, version, total, length, kind = struct.unpack("<4sIII4s", data[:20])
    assert (magic, version, total, kind) == (b"glTF", 2, len(data), b"JSON") and length % 4 == 0
    size, kind = struct.unpack("<I4s", data[20 + length : 28 + length])
    assert kind == b"BIN\0" and size % 4 == 0 and total == 28 + length + size
    return json.loads(data[20 : 20 + length]), data[28 + length :]


def view_bytes(header: dict, data: bytes, number: int) -> bytes:
    """The bytes of a buffer view, which must lie in the buffer."""
    view = header["bufferViews"][number]
    start, size = view["byteOffset"], view["byteLength"]
    assert view["buffer"] == 0 and size > 0 and start >= 0 and start + size <= header["buffers"][0]["byteLength"]
    return data[start : start + size]


def check_accessor(header: dict, data: bytes, accessor: dict) -> np.ndarray:
    """Bounds, alignment, finite numbers, stated least and largest; returns (count, width)."""
    item, width = SIZES[accessor["componentType"]], WIDTHS[accessor["type"]]
    whole = view_bytes(header, data, accessor["bufferView"])
    view = header["bufferViews"][accessor["bufferView"]]
    stride, offset = view.get("byteStride", item * width), accessor.get("byteOffset", 0)
    assert (view["byteOffset"] + offset) % item == 0 and stride % item == 0 and accessor["count"] > 0
    assert offset + stride * (accessor["count"] - 1) + item * width <= len(whole)
    kind = np.dtype(NUMBERS[accessor["componentType"]])
    values = np.ndarray((accessor["count"], width), kind, whole, offset, (stride, item))
    assert np.isfinite(values).all()
    if "min" in accessor:
        for stated, found in ((accessor["min"], values.min(0)), (accessor["max"], values.max(0))):
            assert (np.array(stated).astype(kind) == found).all()
    return values


def check(path: Path) -> dict:
    """The header, after all checks."""
    header, data = read(path)
    arrays = [check_accessor(header, data, accessor) for accessor in header["accessors"]]
    assert 0 <= len(data) - header["buffers"][0]["byteLength"] <= 3
    for mesh in header["meshes"]:
        counts = {len(part.get("targets", ())) for part in mesh["primitives"]}
        assert counts == {len(mesh.get("weights", ()))}
        for part in mesh["primitives"]:
            check_primitive(header, arrays, part)
    for skin in header.get("skins", []):
        check_skin(header, arrays, skin)
    for clip in header.get("animations", []):
        for channel in clip["channels"]:
            check_channel(header, arrays, clip, channel)
    for image in header.get("images", []):
        assert view_bytes(header, data, image["bufferView"]) and image["mimeType"] in ("image/png", "image/jpeg")
    return header


def check_primitive(header: dict, arrays: list, part: dict) -> None:
    """Targets fit their attributes; every attribute has as many elements; triangles stay inside."""
    count = len(arrays[part["attributes"]["POSITION"]])
    assert "min" in header["accessors"][part["attributes"]["POSITION"]]
    assert {len(arrays[number]) for number in part["attributes"].values()} == {count}
    assert "indices" not in part or arrays[part["indices"]].max() < count
    for target in part.get("targets", ()):
        assert set(target) <= set(part["attributes"]) and {len(arrays[number]) for number in target.values()} == {count}
        assert "min" in header["accessors"][target["POSITION"]]


def check_channel(header: dict, arrays: list, clip: dict, channel: dict) -> None:
    """Times rise; there are as many values; morph weights are one a target and 0 at first."""
    sampler, path = clip["samplers"][channel["sampler"]], channel["target"]["path"]
    times, values = arrays[sampler["input"]][:, 0], arrays[sampler["output"]]
    assert times[0] == 0 and (np.diff(times) > 0).all() and "min" in header["accessors"][sampler["input"]]
    node = header["nodes"][channel["target"]["node"]]
    if path == "weights":
        weights = values.reshape(len(times), -1)
        resting = header["meshes"][node["mesh"]]["weights"]
        assert weights.shape[1] == len(resting) and not weights[0].any() and not any(resting)
    else:
        assert (
            values.shape == (len(times), {"scale": 3, "translation": 3, "rotation": 4}[path]) and "matrix" not in node
        )
    if path == "rotation":
        assert np.abs(np.linalg.norm(values, axis=1) - 1.0).max() < 1e-4


def check_skin(header: dict, arrays: list, skin: dict) -> None:
    """A matrix a joint; all joints below one node; weights of at most four that add up to 1."""
    matrices = arrays[skin["inverseBindMatrices"]].reshape(-1, 4, 4)
    assert (
        len(matrices) == len(skin["joints"]) == len(set(skin["joints"])) and (matrices[:, :, 3] == [0, 0, 0, 1]).all()
    )
    for mesh in (header["meshes"][node["mesh"]] for node in header["nodes"] if "skin" in node):
        for part in mesh["primitives"]:
            joints, weights = (arrays[part["attributes"][name]] for name in ("JOINTS_0", "WEIGHTS_0"))
            assert joints.max() < len(matrices) and (joints[weights == 0] == 0).all()
            assert (weights >= 0).all() and np.abs(weights.sum(1) - 1.0).max() < 1e-5
