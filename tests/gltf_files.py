"""Small animated glTF files, written array by array."""

import json
import struct

import numpy as np

HALF = np.sqrt(0.5)
TYPES = {1: "SCALAR", 3: "VEC3", 4: "VEC4", 16: "MAT4"}
KINDS = {"f": 5126, "H": 5123, "B": 5121}


class Glb:
    """Collects arrays and writes them with a header as one .glb file."""

    def __init__(self):
        self.data, self.views, self.accessors = b"", [], []

    def array(self, values, letter="f", width=1, **extra):
        values = np.asarray(values, letter)
        self.views.append({"buffer": 0, "byteOffset": len(self.data), "byteLength": values.nbytes})
        self.data += values.tobytes() + b"\0" * (-values.nbytes % 4)
        count = values.size // width
        view = {"bufferView": len(self.views) - 1, "componentType": KINDS[letter]}
        self.accessors.append({**view, "count": count, "type": TYPES[width], **extra})
        return len(self.accessors) - 1

    def write(self, path, **header):
        buffers = [{"byteLength": len(self.data)}]
        whole = {"asset": {"version": "2.0"}, "buffers": buffers, "bufferViews": self.views} | header
        text = json.dumps({"accessors": self.accessors} | whole).encode()
        text += b" " * (-len(text) % 4)
        chunks = struct.pack("<II", len(text), 0x4E4F534A) + text
        chunks += struct.pack("<II", len(self.data), 0x004E4942) + self.data
        path.write_bytes(struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks)
        return path


def arm(path, armature=None, **node):
    """A strip up to y = 2 whose upper bone, at y = 1, turns by 90 degrees about z within a second.

    `armature` places the bones, which are bound as if it did nothing; `node` places the mesh.
    """
    glb, bones = Glb(), {"children": [1]} | (armature or {})
    shares = [[1, 0, 0, 0], [1, 0, 0, 0], [0.5, 0.5, 0, 0], [0, 1, 0, 0]]
    attributes = {
        "POSITION": glb.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 2, 0]], width=3),
        "JOINTS_0": glb.array(np.tile([0, 1, 0, 0], (4, 1)), "B", 4),
        "WEIGHTS_0": glb.array(np.array(shares) * 255, "B", 4, normalized=True),
    }
    part = {"attributes": attributes, "indices": glb.array([0, 1, 2, 1, 3, 2], "H")}
    lowered = np.eye(4)
    lowered[1, 3] = -1.0
    inverse = glb.array([np.eye(4), lowered.T], width=16)
    turning = {"input": glb.array([0, 1]), "output": glb.array([[0, 0, 0, 1], [0, 0, HALF, HALF]], width=4)}
    channel = {"sampler": 0, "target": {"node": 2, "path": "rotation"}}
    return glb.write(
        path,
        scenes=[{"nodes": [0, 3]}],
        nodes=[{"mesh": 0, "skin": 0} | node, {"children": [2]}, {"translation": [0, 1, 0]}, bones],
        meshes=[{"primitives": [part]}],
        skins=[{"joints": [1, 2], "inverseBindMatrices": inverse}],
        animations=[{"name": "bend", "samplers": [turning], "channels": [channel]}],
    )
