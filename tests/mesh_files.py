"""Small mesh files written byte by byte, so that tests do not read back what the library under test wrote."""

import json
import struct
from pathlib import Path

import numpy as np
from PIL import Image

QUAD = np.array([[-1, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0]], np.float32)  # seen from +z
QUAD_UV = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float32)  # v up
QUAD_FACES = np.array([[0, 1, 2], [0, 2, 3]], np.uint16)
CORNERS = {"top left": (255, 0, 0), "top right": (0, 128, 0), "bottom left": (0, 0, 255), "bottom right": (240, 200, 0)}


def four_colors(path: Path, size: int = 64) -> Path:
    """An image with CORNERS in its quarters."""
    quarters = np.array(list(CORNERS.values()), np.uint8).reshape(2, 2, 3)
    Image.fromarray(quarters.repeat(size // 2, 0).repeat(size // 2, 1)).save(path)
    return path


def write_obj(folder: Path, mtl: str = "newmtl m\nmap_Kd four.png\n", head: str = "mtllib quad.mtl\n") -> Path:
    """The textured quad as OBJ + MTL; the caller provides four.png."""
    lines = [f"v {x} {y} {z}" for x, y, z in QUAD] + [f"vt {u} {v}" for u, v in QUAD_UV]
    faces = [" ".join(f"{i + 1}/{i + 1}" for i in face) for face in QUAD_FACES]
    (folder / "quad.mtl").write_text(mtl)
    path = folder / "quad.obj"
    path.write_text(head + "\n".join([*lines, "usemtl m", *(f"f {f}" for f in faces)]) + "\n")
    return path


def gltf(attributes: dict, indices: np.ndarray, material: dict, **extra) -> tuple[dict, bytes]:
    """A glTF header and its buffer. `attributes` are float32 arrays, or (array, normalized) for integers."""
    kinds = {"float32": 5126, "uint16": 5123, "uint8": 5121, "uint32": 5125}
    blob, views, accessors = b"", [], []

    def add(array: np.ndarray, normalized: bool = False) -> int:
        nonlocal blob
        data = np.ascontiguousarray(array).tobytes()
        views.append({"buffer": 0, "byteOffset": len(blob), "byteLength": len(data)})
        shape = "SCALAR" if array.ndim == 1 else f"VEC{array.shape[1]}"
        kind = {"componentType": kinds[str(array.dtype)], "normalized": normalized}
        accessors.append({"bufferView": len(views) - 1, "count": len(array), "type": shape, **kind})
        if array.ndim == 2 and array.shape[1] == 3:
            accessors[-1] |= {"min": array.min(0).tolist(), "max": array.max(0).tolist()}
        blob += data + b"\0" * (-len(data) % 4)
        return len(accessors) - 1

    named = {k: add(*(v if isinstance(v, tuple) else (v,))) for k, v in attributes.items()}
    primitive = {"attributes": named, "indices": add(indices.reshape(-1)), "material": 0}
    header = {
        "asset": {"version": "2.0"},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0}],
        "meshes": [{"primitives": [primitive]}],
        "materials": [material],
        "bufferViews": views,
        "accessors": accessors,
        "buffers": [{"byteLength": len(blob)}],
        **extra,
    }
    return header, blob


def textured_quad(uri: str = "four.png", **material) -> tuple[dict, bytes]:
    """The quad of `write_obj` as glTF, whose v runs down."""
    uv = np.stack([QUAD_UV[:, 0], 1 - QUAD_UV[:, 1]], -1)
    material = {"pbrMetallicRoughness": {"baseColorTexture": {"index": 0}}, **material}
    extra = {"images": [{"uri": uri}], "textures": [{"source": 0}]}
    return gltf({"POSITION": QUAD, "TEXCOORD_0": uv}, QUAD_FACES, material, **extra)


def write_gltf(path: Path, header: dict, blob: bytes, uri: str | None = None) -> Path:
    """A .gltf with its .bin beside it."""
    header["buffers"][0]["uri"] = uri or path.with_suffix(".bin").name
    path.with_suffix(".bin").write_bytes(blob)
    path.write_text(json.dumps(header))
    return path


def write_glb(path: Path, header: dict, blob: bytes) -> Path:
    """One binary file."""
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 4)
    chunks = struct.pack("<I4s", len(text), b"JSON") + text + struct.pack("<I4s", len(blob), b"BIN\0") + blob
    path.write_bytes(struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks)
    return path
