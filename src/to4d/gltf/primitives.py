"""The meshes of a glTF 2.0 file and what shapes them: nodes, morph targets and skins (section 3.7)."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from to4d.errors import InputError
from to4d.gltf.arrays import Arrays
from to4d.gltf.channels import Channel
from to4d.gltf.skins import GltfSkin, Skinning, read_skinning


@dataclass(frozen=True)
class Primitive:
    """One primitive at one node."""

    node: int
    mesh: int  # its place in the file
    primitive: int
    points: np.ndarray  # (n, 3)
    faces: np.ndarray  # (m, 3), if it is one of triangles
    targets: np.ndarray  # (T, n, 3) morph displacements
    weights: np.ndarray  # (T,) at rest
    skinning: Skinning

    @property
    def skin(self) -> GltfSkin | None:
        """Joints that carry it; None: its node alone places it."""
        return self.skinning.skin

    @property
    def shares(self) -> csr_array | None:
        """(n, J) how much each joint carries."""
        return self.skinning.shares

    def affine(self, world: np.ndarray) -> np.ndarray:
        """(V, n, 3, 4), or (V, 1, 3, 4) without a skin: from its own axes to the world, for nodes (V, K, 4, 4)."""
        if self.skin is None:
            return world[:, self.node, None, :3]
        carried = (world[:, self.skin.joints] @ self.skin.inverse)[:, :, :3].reshape(len(world), -1, 12)
        return np.stack([self.shares @ each for each in carried]).reshape(len(world), -1, 3, 4)

    def shapes(self, channels: tuple[Channel, ...], seconds: np.ndarray) -> np.ndarray:
        """(V, n, 3) in its own axes, morphed."""
        points = np.broadcast_to(self.points, (len(seconds), *self.points.shape))
        if len(self.targets):
            mine = [c.at(seconds) for c in channels if c.node == self.node and c.path == "weights"]
            weights = mine[-1] if mine else np.tile(self.weights, (len(seconds), 1))
            points = points + np.einsum("vt,tnc->vnc", weights, self.targets)
        return points

    def at(self, world: np.ndarray, channels: tuple[Channel, ...], seconds: np.ndarray) -> np.ndarray:
        """(V, n, 3) in the world."""
        points = self.shapes(channels, seconds)
        affine = self.affine(world)
        return sum(affine[..., axis] * points[..., axis, None] for axis in range(3)) + affine[..., 3]


def _check_size(arrays: Arrays, part: dict[str, Any], count: int) -> None:
    """Refuse what costs a file little and the memory much: the same array as a thousand morph targets or joints."""
    wide = 3 * len(part.get("targets", ())) + 8 * sum(name.startswith("JOINTS_") for name in part["attributes"])
    if count * wide * 8 > arrays.max_bytes:
        raise InputError(
            f"the morph targets or joints of {count:,} vertices need more than the limit of {arrays.max_bytes:,} bytes"
        )


def triangles(arrays: Arrays, part: dict[str, Any], count: int) -> np.ndarray:
    """(m, 3) corners of a primitive of `count` vertices; those of a last, unfinished triangle are left out."""
    corners = arrays[part["indices"]][:, 0] if "indices" in part else np.arange(count)
    return corners.astype(np.int64)[: len(corners) // 3 * 3].reshape(-1, 3)


def read_primitive(arrays: Arrays, node: int, primitive: int, skins: list[GltfSkin]) -> Primitive:
    """Primitive `primitive` of the mesh at `node`."""
    place = arrays.header["nodes"][node]
    mesh = arrays.header["meshes"][place["mesh"]]
    part = mesh["primitives"][primitive]
    attributes = part["attributes"]
    points = arrays[attributes["POSITION"]]
    _check_size(arrays, part, len(points))
    faces = triangles(arrays, part, len(points))
    if faces.max(initial=0) >= len(points):
        raise InputError("a triangle names a vertex that is not there")
    zero = np.zeros_like(points)
    targets = [arrays[t["POSITION"]] if "POSITION" in t else zero for t in part.get("targets", ())]
    weights = np.array(place.get("weights", mesh.get("weights", np.zeros(len(targets)))), float)
    stacked = np.stack(targets) if targets else np.zeros((0, *points.shape))
    skinning = read_skinning(arrays, place, attributes, skins, len(points))
    return Primitive(node, place["mesh"], primitive, points, faces, stacked, weights, skinning)


def skin_notes(primitives: Iterable[Primitive]) -> list[str]:
    """What was wrong with the skins of primitives and what was done about it, a line each."""
    repairs: Counter[str] = Counter()
    faults: dict[str, None] = {}
    for primitive in primitives:
        repairs += primitive.skinning.repairs
        faults |= {primitive.skinning.fault: None} if primitive.skinning.fault else {}
    left_out = [f"{fault}: what it should carry stands where its node places it" for fault in faults]
    return left_out + [f"{count:,} {text}" for text, count in repairs.items()]
