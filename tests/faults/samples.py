"""Small whole files of every kind that we open, written byte by byte."""

import json
import zipfile
from pathlib import Path

import numpy as np
import torch
import yaml
from PIL import Image

from to4d.disk.checkpoint import save_tree

QUAD = np.array([[-1, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0]], np.float32)
KINDS = {"float32": 5126, "uint16": 5123, "uint8": 5121}
TREE = {"w": torch.arange(8.0), "step": 3, "names": ["a", ("b", None)], 2: {"h": torch.ones(2).half()}}
MTL = "newmtl m\nKd 1 0 0\nd 0.5\nmap_Kd four.png\n"
FLOATS = b"property float x\nproperty float y\nproperty float z\n"
COLOURS = b"property uchar red\nproperty uchar green\nproperty uchar blue\n"
LISTS = b"element face 1\nproperty list uchar int vertex_indices\nend_header\n"
STL = b"solid s\nfacet normal 0 0 1\nouter loop\nvertex 0 0 0\nvertex 1 0 0\nvertex 0 1 0\nendloop\n"
STL += b"endfacet\nendsolid"
ROLES = {
    "object": {
        "_target_": "to4d.mesh.load_mesh",
        "path": "a.obj",
        "limits": {"_target_": "to4d.disk.asset_folder.Limits"},
    },
    "reference": {"_target_": "to4d.render.mesh_cpu.MeshRenderer", "_partial_": True},
    "renderer": {"_target_": "to4d.render.volume.VolumeRenderer", "samples": 64},
    "model": {"_target_": "to4d.model.deform.Deform", "nested": [{"a": [1, 2.5e-3, None]}]},
}


def animated() -> tuple[dict, bytes]:
    """A glTF header with all that we read, and its data: two nodes, a skin, a morph target, a clip, a texture."""
    arrays = [
        (QUAD, "VEC3"),
        (QUAD[:, :2], "VEC2"),
        (np.array([0, 1, 2, 0, 2, 3], np.uint16), "SCALAR"),
        (QUAD * 0.1, "VEC3"),
        (np.tile(np.eye(4, dtype=np.float32).reshape(1, 16), (2, 1)), "MAT4"),
        (np.tile(np.array([[0, 1, 0, 0]], np.uint8), (4, 1)), "VEC4"),
        (np.tile(np.array([[0.5, 0.5, 0, 0]], np.float32), (4, 1)), "VEC4"),
        (np.array([0, 1], np.float32), "SCALAR"),
        (np.array([[0, 0, 0, 1], [0, 0, 1, 0]], np.float32), "VEC4"),
    ]
    blob, views, accessors = b"", [], []
    for number, (array, shape) in enumerate(arrays):
        data = np.ascontiguousarray(array).tobytes()
        views.append({"buffer": 0, "byteOffset": len(blob), "byteLength": len(data)})
        kind = KINDS[str(array.dtype)]
        accessors.append({"bufferView": number, "componentType": kind, "count": len(array), "type": shape})
        blob += data + b"\0" * (-len(data) % 4)
    attributes = {"POSITION": 0, "TEXCOORD_0": 1, "JOINTS_0": 5, "WEIGHTS_0": 6}
    primitive = {"attributes": attributes, "indices": 2, "targets": [{"POSITION": 3}], "material": 0}
    channel = {"sampler": 0, "target": {"node": 1, "path": "rotation"}}
    material = {"baseColorTexture": {"index": 0}, "baseColorFactor": [1, 1, 1, 1]}
    header = {
        "asset": {"version": "2.0"},
        "scene": 0,
        "scenes": [{"nodes": [0, 1]}],
        "nodes": [{"mesh": 0, "skin": 0}, {"translation": [0, 1, 0], "scale": [1, 1, 2]}],
        "meshes": [{"primitives": [primitive], "weights": [0.5]}],
        "skins": [{"joints": [0, 1], "inverseBindMatrices": 4}],
        "animations": [{"channels": [channel], "samplers": [{"input": 7, "output": 8, "interpolation": "LINEAR"}]}],
        "materials": [{"pbrMetallicRoughness": material}],
        "textures": [{"source": 0}],
        "images": [{"uri": "four.png"}],
        "bufferViews": views,
        "accessors": accessors,
        "buffers": [{"byteLength": len(blob)}],
    }
    return header, blob


def glb(header: object, blob: bytes) -> bytes:
    """One binary file."""
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 4)
    chunks = len(text).to_bytes(4, "little") + b"JSON" + text + len(blob).to_bytes(4, "little") + b"BIN\0" + blob
    return b"glTF\2\0\0\0" + (12 + len(chunks)).to_bytes(4, "little") + chunks


def meshes() -> dict[str, bytes]:
    """Files of all kinds but glTF."""
    obj = "mtllib quad.mtl\n" + "".join(f"v {x} {y} {z}\nvt {x} {y}\nvn 0 0 1\n" for x, y, z in QUAD.tolist())
    obj += "usemtl m\nf 1/1/1 2/2/2 3/3/3\nf -4/1 -2/3 -1/4\n"
    corners = b"".join(np.eye(3, dtype=np.float32)[i].tobytes() + bytes([255, 0, i]) for i in range(3))
    face = b"\3" + np.arange(3, dtype=np.int32).tobytes()
    head = b"ply\nformat binary_little_endian 1.0\nelement vertex 3\n"
    text = b"ply\nformat ascii 1.0\nelement vertex 3\n"
    triangle = np.arange(12, dtype=np.float32).tobytes() + b"\0\0"
    return {
        "a.obj": obj.encode(),
        "a.off": b"OFF\n3 1 0\n0 0 0\n1 0 0\n0 1 0\n3 0 1 2\n",
        "a.stl": bytes(80) + (2).to_bytes(4, "little") + 2 * triangle,
        "b.stl": STL,
        "a.ply": head + FLOATS + COLOURS + LISTS + corners + face,
        "b.ply": text + FLOATS + LISTS + b"0 0 0\n1 0 0\n0 1 0\n3 0 1 2\n",
    }


def samples(folder: Path) -> dict[str, dict[str, bytes]]:
    """Loader -> whole files by name; what they refer to is put into `folder`."""
    picture = np.array([[255, 0, 0], [0, 128, 0], [0, 0, 255], [240, 200, 0]], np.uint8).reshape(2, 2, 3)
    for name in ("four.png", "four.jpg", "four.webp", "four.tga"):
        Image.fromarray(picture.repeat(4, 0).repeat(4, 1)).save(folder / name)
    header, blob = animated()
    (folder / "quad.bin").write_bytes(blob)
    (folder / "quad.mtl").write_text(MTL)
    save_tree(folder / "tree", TREE)
    with zipfile.ZipFile(folder / "zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in {"meshes/a.obj": "v 0 0 0\n", "meshes/a.mtl": MTL, "textures/t.png": "x" * 300}.items():
            archive.writestr(name, text)
    config = {"seed": 1, "prompt": "a plant blooming", "phase": {}, **ROLES}
    beside = header | {"buffers": [{"byteLength": len(blob), "uri": "quad.bin"}]}
    animated_files = {"a.glb": glb(header, blob), "a.gltf": json.dumps(beside).encode()}
    return {
        "mesh": meshes(),
        "gltf": animated_files,
        "rig": animated_files,
        "config": {"config.yaml": json.dumps(config, indent=1).encode(), "plain.yaml": yaml.safe_dump(config).encode()},
        "checkpoint": {"a.safetensors": (folder / "tree").read_bytes()},
        "archive": {"a.zip": (folder / "zip").read_bytes()},
        "picture": {path.name: path.read_bytes() for path in folder.glob("four.*")},
    }
