"""A glTF file at rest: its meshes as skins and morph targets shape them where no clip plays (section 3.7)."""

import json
import logging
from typing import Any

import numpy as np

from to4d.gltf.arrays import Arrays
from to4d.gltf.document import VERTICES, Document, unshare
from to4d.gltf.node_tree import read_node_tree, shown_primitives
from to4d.gltf.primitives import Primitive, read_primitive, skin_notes
from to4d.gltf.prune import KNOWN, prune
from to4d.gltf.skins import read_skins

log = logging.getLogger(__name__)


def count_shaped(header: dict[str, Any]) -> int:
    """How many vertices stand otherwise than their positions and nodes say: those that skins or morph targets shape."""
    nodes = header.get("nodes", ())
    if not any(_is_shaped(header, node) for node in nodes):
        return 0
    shown = shown_primitives(header)
    parts = {_key(node, part): part for node, _, part in shown if _is_shaped(header, nodes[node])}
    return sum(header["accessors"][part["attributes"]["POSITION"]]["count"] for part in parts.values())


def _is_shaped(header: dict[str, Any], node: dict[str, Any]) -> bool:
    """Whether a node has a mesh with a skin, or with morph targets that are not at 0."""
    if "mesh" not in node:
        return False
    return "skin" in node or any(node.get("weights", header["meshes"][node["mesh"]].get("weights", ())))


def _key(node: int, part: dict[str, Any]) -> str:
    """The same for primitives that share their vertices."""
    return json.dumps([node, part["attributes"], part.get("targets")])


def put_to_rest(document: Document) -> list[str]:
    """Take skins, clips and morph targets away; what they shape stands from then on as every viewer shows it at rest.

    Returns:
        What was taken away, in words.
    """
    if count_shaped(document.header):
        _pose(document)
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
        prune(document)
    return [f"{len(items)} {name}" for name, items in had.items() if items]


def _pose(document: Document) -> None:
    """Give every shaped mesh its vertices at rest, in the axes of its node: the tree of nodes stays as it is."""
    unshare(document)
    header, arrays = document.header, document.arrays()
    world, skins, known = read_node_tree(header).world((), np.zeros(1)), read_skins(arrays), {}
    shaped: list[Primitive] = []
    for node, number, part in shown_primitives(header):
        if not _is_shaped(header, header["nodes"][node]):
            continue
        key = _key(node, part)
        if key not in known:
            primitive = read_primitive(arrays, node, number, skins)
            shaped.append(primitive)
            vertices = _at_rest(arrays, primitive, part, world)
            known[key] = {
                name: document.add_array(values.astype(np.float32), VERTICES, bounds=name == "POSITION")
                for name, values in vertices.items()
            }
        part["attributes"] |= known[key]
    for note in skin_notes(shaped):
        log.warning("%s", note)


def _at_rest(arrays: Arrays, primitive: Primitive, part: dict[str, Any], world: np.ndarray) -> dict[str, np.ndarray]:
    """Positions and, where there are any, normals and tangents of a primitive, in the axes of its node."""
    attributes, node = part["attributes"], world[0, primitive.node]
    back = np.linalg.pinv(node[:3, :3])
    linear = back @ primitive.affine(world)[0, ..., :3]
    vertices = {"POSITION": (primitive.at(world, (), np.zeros(1))[0] - node[:3, 3]) @ back.T}
    if "NORMAL" in attributes:
        targets = zip(primitive.weights, part.get("targets", ()), strict=False)
        moves = [weight * arrays[target["NORMAL"]] for weight, target in targets if "NORMAL" in target]
        vertices["NORMAL"] = _turned(_of_normals(linear), sum(moves, arrays[attributes["NORMAL"]]))
    if "TANGENT" in attributes:
        tangents = arrays[attributes["TANGENT"]]
        vertices["TANGENT"] = np.concatenate([_turned(linear, tangents[:, :3]), tangents[:, 3:]], 1)
    return vertices


def _of_normals(linear: np.ndarray) -> np.ndarray:
    """(..., 3, 3): what linear maps do to normals, up to a positive factor; defined where they are singular, too."""
    a, b, c = np.moveaxis(linear, -2, 0)
    cofactors = np.stack([np.cross(b, c), np.cross(c, a), np.cross(a, b)], -2)
    return cofactors * np.sign(np.linalg.det(linear))[..., None, None]


def _turned(linear: np.ndarray, directions: np.ndarray) -> np.ndarray:
    """Unit directions (n, 3) under linear maps (n, 3, 3) or (1, 3, 3); those that would vanish stay."""
    turned = np.matmul(linear, directions[..., None])[..., 0]
    length = np.linalg.norm(turned, axis=1, keepdims=True)
    return np.where(length > 1e-12, turned / np.maximum(length, 1e-12), directions)
