"""Skins of a glTF document (section 3.7.3): which joints its vertices follow."""

import numpy as np

from to4d.export.gltf.document_vertices import DocumentVertices
from to4d.export.gltf.skeleton import put_in_scene
from to4d.gltf.document import VERTICES, Document
from to4d.gltf.node_tree import read_node_tree, shown_primitives

PLACED = ("translation", "rotation", "scale", "matrix")


def bind_vertices(
    document: Document,
    vertices: DocumentVertices,
    joints: list[int],
    rest: np.ndarray,
    influences: np.ndarray,
    weights: np.ndarray,
) -> None:
    """Give every vertex its joints, and every shown mesh a skin.

    Args:
        document: what to add to.
        vertices: its vertices, P distinct ones.
        joints: J nodes.
        rest: (J, 4, 4) where these stand, in the document's coordinates.
        influences: (P, 4) into `joints`; 0 where the weight is.
        weights: (P, 4) float32 that add up to 1.
    """
    world = read_node_tree(document.arrays().header).world((), np.zeros(1))[0]
    influences = influences.astype(np.uint8 if len(joints) <= 256 else np.uint16)
    own = {}
    for primitive in vertices.primitives:
        own[primitive.node, primitive.accessors] = {
            "JOINTS_0": document.add_array(influences[primitive.numbers], VERTICES),
            "WEIGHTS_0": document.add_array(weights[primitive.numbers], VERTICES),
        }
    for node, _, part in shown_primitives(document.header):
        accessors = part["attributes"]["POSITION"], part["attributes"].get("NORMAL")
        part["attributes"] |= own[node, accessors]
    skins: dict[bytes, int] = {}
    for node in dict.fromkeys(primitive.node for primitive in vertices.primitives):
        place = world[node].tobytes()
        if place not in skins:
            skins[place] = _add_skin(document, joints, np.linalg.inv(rest) @ world[node])
        _hang(document, node, skins[place])


def _add_skin(document: Document, joints: list[int], inverse_bind: np.ndarray) -> int:
    """A skin with inverse bind matrices (J, 4, 4); returns its number."""
    inverse_bind[:, 3] = [0.0, 0.0, 0.0, 1.0]
    columns = np.ascontiguousarray(inverse_bind.transpose(0, 2, 1).reshape(-1, 16)).astype(np.float32)
    return document.add("skins", {"inverseBindMatrices": document.add_array(columns), "joints": joints})


def _hang(document: Document, node: int, skin: int) -> None:
    """Give the mesh of a node its skin. Only joints place it, so it moves to the top where its node has a place."""
    nodes, header = document.header["nodes"], document.header
    roots = header["scenes"][header.get("scene", 0)]["nodes"] if header.get("scenes") else ()
    if node in roots and not any(key in nodes[node] for key in PLACED):
        nodes[node]["skin"] = skin
        return
    top = {"name": f"{nodes[node].get('name', 'mesh')} skinned", "mesh": nodes[node].pop("mesh"), "skin": skin}
    put_in_scene(document, document.add("nodes", top))


def at_most_four(influences: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(P, 4) joints and (P, 4) float32 weights of sum 1: the heaviest four of K.

    A joint is named once; where the weight is 0, the joint is 0.

    Args:
        influences: (P, K) joints.
        weights: (P, K) at least 0.
    """
    merged = weights.astype(np.float64)
    for later in range(1, influences.shape[1]):
        for earlier in range(later):
            same = influences[:, earlier] == influences[:, later]
            merged[:, earlier] += np.where(same, merged[:, later], 0.0)
            merged[same, later] = 0.0
    missing = max(0, 4 - influences.shape[1])
    numbers, merged = (np.pad(x, [(0, 0), (0, missing)]) for x in (influences, merged))
    heaviest = np.argsort(-merged, axis=1, kind="stable")[:, :4]
    numbers, kept = (np.take_along_axis(x, heaviest, 1) for x in (numbers, merged))
    rounded = (kept / kept.sum(1, keepdims=True)).astype(np.float32)
    rounded[:, 0] = (1.0 - rounded[:, 1:].astype(np.float64).sum(1)).astype(np.float32)
    return np.where(rounded > 0, numbers, 0), rounded
