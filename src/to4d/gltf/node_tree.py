"""The tree of nodes of a glTF 2.0 file (sections 3.5.2, 3.5.3) and where it stands at any time."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation

from to4d.errors import InputError
from to4d.gltf.channels import Channel

REST = {"translation": (0.0, 0.0, 0.0), "rotation": (0.0, 0.0, 0.0, 1.0), "scale": (1.0, 1.0, 1.0)}


@dataclass(frozen=True)
class NodeTree:
    """The tree of nodes with its rest transforms."""

    order: tuple[int, ...]  # parents before children
    parents: Mapping[int, int]
    rest: Mapping[str, np.ndarray]  # translation (K, 3), rotation (K, 4), scale (K, 3) of all K nodes
    matrices: Mapping[int, np.ndarray]  # of the nodes that have a (4, 4) matrix instead

    def path(self, node: int) -> list[int]:
        """The node, its parent and so on up to the top."""
        path = [node]
        while path[-1] in self.parents:
            path.append(self.parents[path[-1]])
        return path

    def local(self, channels: tuple[Channel, ...], seconds: np.ndarray) -> np.ndarray:
        """(V, K, 4, 4): each node's own axes to its parent's at the times (V,)."""
        values = {path: np.tile(rest, (len(seconds), 1, 1)) for path, rest in self.rest.items()}
        for channel in channels:
            if channel.path in values:
                values[channel.path][:, channel.node] = channel.at(seconds)
        local = compose_transforms(**values)
        for node, matrix in self.matrices.items():
            local[:, node] = matrix
        return local

    def world(self, channels: tuple[Channel, ...], seconds: np.ndarray) -> np.ndarray:
        """(V, K, 4, 4): each node's own axes to the world at the times (V,)."""
        world = self.local(channels, seconds)
        for node in self.order:
            if node in self.parents:
                world[:, node] = world[:, self.parents[node]] @ world[:, node]
        return world


def compose_transforms(translation: np.ndarray, rotation: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """(..., 4, 4) from translations (..., 3), quaternions x y z w (..., 4) and scales (..., 3)."""
    x, y, z, w = np.moveaxis(rotation / (np.linalg.norm(rotation, axis=-1, keepdims=True) + 1e-30), -1, 0)
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
        [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
        [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
    ]
    matrix = np.zeros((*x.shape, 4, 4))
    matrix[..., :3, :3] = np.stack([np.stack(row, -1) for row in rows], -2) * scale[..., None, :]
    matrix[..., :3, 3], matrix[..., 3, 3] = translation, 1.0
    return matrix


def decompose_transforms(matrices: np.ndarray, signs: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Translations (..., 3), quaternions x y z w (..., 4) and scales (..., 3) of matrices (..., 4, 4).

    Args:
        matrices: of a shear, which the three cannot say, the nearest rotation is taken.
        signs: (..., 3) of the scales, for a mirror can be said in several ways; they must mirror as the matrices do.
    """
    linear = matrices[..., :3, :3]
    length = np.linalg.norm(linear, axis=-2)
    u, _, vt = np.linalg.svd(linear * (signs / np.where(length > 0, length, 1.0))[..., None, :])
    u[..., 2] *= np.sign(np.linalg.det(u @ vt))[..., None]
    turn = u @ vt
    scale = np.einsum("...ij,...ij->...j", turn, linear)
    quaternions = Rotation.from_matrix(turn.reshape(-1, 3, 3)).as_quat()
    return matrices[..., :3, 3], quaternions.reshape(*turn.shape[:-2], 4), scale


def descend(header: dict[str, Any], roots: Iterable[int]) -> list[int]:
    """`roots` and all nodes below them, parents before children."""
    order = list(roots)
    for node in order:  # grows while it is read
        order += header["nodes"][node].get("children", ())
        if len(order) > len(header["nodes"]):
            raise InputError("its nodes are not a tree")
    return order


def scene_nodes(header: dict[str, Any]) -> list[int]:
    """The nodes that are shown, in the order of the file: those of the default scene, or all where there is none."""
    scenes, every = header.get("scenes"), range(len(header["nodes"]))
    return sorted(descend(header, scenes[header.get("scene", 0)].get("nodes", ()))) if scenes else list(every)


def shown_primitives(header: dict[str, Any]) -> list[tuple[int, int, dict[str, Any]]]:
    """Every primitive that is shown: its node, its number in the node's mesh, and what the file says of it."""
    nodes = [(node, header["nodes"][node]["mesh"]) for node in scene_nodes(header) if "mesh" in header["nodes"][node]]
    return [(node, *each) for node, mesh in nodes for each in enumerate(header["meshes"][mesh]["primitives"])]


def read_node_tree(header: dict[str, Any]) -> NodeTree:
    """All nodes of a file."""
    nodes = header["nodes"]
    parents = {child: node for node, each in enumerate(nodes) for child in each.get("children", ())}
    order = descend(header, (node for node in range(len(nodes)) if node not in parents))
    if len(order) < len(nodes):
        raise InputError("its nodes are not a tree")
    rest = {path: np.array([node.get(path, value) for node in nodes], float) for path, value in REST.items()}
    matrices = {n: np.reshape(node["matrix"], (4, 4)).T for n, node in enumerate(nodes) if "matrix" in node}
    return NodeTree(tuple(order), parents, rest, matrices)
