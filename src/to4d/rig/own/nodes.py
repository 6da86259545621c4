"""The nodes of a glTF file that make its skeleton: the joints of all skins, and what carries parts without a skin."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array, vstack

from to4d.gltf.animation import Animation
from to4d.gltf.node_tree import NodeTree
from to4d.gltf.primitives import Primitive
from to4d.gltf.skins import GltfSkin

NOWHERE = -1  # instead of a node: what never moves


@dataclass(frozen=True)
class OwnNodes:
    """J joints and how the file's vertices follow them."""

    nodes: tuple[int, ...]  # in the file; the first carries all others, -1 where the file has no such node
    parents: tuple[int, ...]  # places in `nodes`; parents stand before their children
    shares: csr_array  # (vertices of the file, J), rows add up to 1


def collect_nodes(animation: Animation) -> OwnNodes:
    """All skins as one skeleton. A part without a skin follows the nearest joint above its node.

    A node that carries such a part and moves by itself in a clip is a joint as well, so that a file of rigid parts has
    a skeleton without any skin.
    """
    tree = animation.nodes
    skinned = {int(joint) for primitive in animation.primitives if primitive.skin for joint in primitive.skin.joints}
    moving = {c.node for clip in animation.clips.values() for c in clip if c.path != "weights"}
    carriers = [_carrier(primitive, tree, skinned, moving) for primitive in animation.primitives]
    joints = skinned | (set(carriers) - {NOWHERE})
    tops = [node for node in joints if not joints & set(_above(tree, node)[1:])]
    ordered = [node for node in tree.order if node in joints]
    if len(tops) > 1 or NOWHERE in carriers:
        root = _common(tree, tops)
        ordered.insert(0, NOWHERE if NOWHERE in carriers and moving & set(_above(tree, root)) else root)
    places = {node: place for place, node in enumerate(ordered)}
    parents = [-1] + [_parent(tree, node, places) for node in ordered[1:]]
    rows = [
        _rows(primitive, places.get(c, 0), places) for primitive, c in zip(animation.primitives, carriers, strict=True)
    ]
    return OwnNodes(tuple(ordered), tuple(parents), csr_array(vstack(rows)))


def _above(tree: NodeTree, node: int) -> list[int]:
    """The node, its parent and so on."""
    path = [node]
    while path[-1] in tree.parents:
        path.append(tree.parents[path[-1]])
    return path


def _carrier(primitive: Primitive, tree: NodeTree, joints: set[int], moving: set[int]) -> int:
    """The joint that a part without a skin follows; `NOWHERE` for one with a skin, too."""
    if primitive.skin is not None:
        return int(primitive.skin.joints[0])
    path = _above(tree, primitive.node)
    end = next((i for i, node in enumerate(path) if node in joints), len(path))
    pivot = next((node for node in path[:end] if node in moving), None)
    if pivot is not None:
        return pivot
    return path[end] if end < len(path) else NOWHERE


def _common(tree: NodeTree, tops: Sequence[int]) -> int:
    """The lowest node above all others, if there is one; it is none of them."""
    paths = [_above(tree, node)[1:] for node in tops]
    return next((node for node in paths[0] if all(node in path for path in paths)), NOWHERE)


def _parent(tree: NodeTree, node: int, places: dict[int, int]) -> int:
    """The place of the nearest joint above; the root where there is none."""
    return next((places[above] for above in _above(tree, node)[1:] if above in places), 0)


def _rows(primitive: Primitive, carrier: int, places: dict[int, int]) -> csr_array:
    """(n, J) of one primitive."""
    count = len(primitive.points)
    if primitive.skin is None or primitive.shares is None:
        ends = np.arange(count), np.full(count, carrier)
        return csr_array((np.ones(count), ends), (count, len(places)))
    return csr_array(primitive.shares @ columns_of(primitive.skin, places))


def columns_of(skin: GltfSkin, places: dict[int, int]) -> csr_array:
    """(joints of the skin, J) 1 where a joint of the skin is the joint at that place."""
    own = skin.joints
    ends = np.arange(len(own)), [places[int(node)] for node in own]
    return csr_array((np.ones(len(own)), ends), (len(own), len(places)))
