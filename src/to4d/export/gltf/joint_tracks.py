"""World maps of joints as tracks of their nodes: translations, rotations and scales relative to the parents."""

from dataclasses import dataclass, replace

import numpy as np

from to4d.gltf.channels import slerp
from to4d.gltf.node_tree import NodeTree, decompose_transforms
from to4d.types import Mesh, Rig

NOISE = 1e-6  # share of the size: joints that move by less stand still
LEAST_REACH = 0.05  # share of the size: joints that move nothing of the mesh may carry things in an engine


@dataclass(frozen=True)
class JointTrack:
    """One property of a node at some of V frames."""

    node: int
    path: str  # translation, rotation, scale or weights
    frames: tuple[int, ...]  # K of them
    values: np.ndarray  # (K, 3), of rotations (K, 4), of weights (K, number of morph targets)


@dataclass(frozen=True)
class Reach:
    """How far, in world units, a joint moves the mesh when it turns, and how much of that is tolerated."""

    distances: np.ndarray  # (J,) from each joint to the farthest vertex that it moves
    noise: float  # what moves by less stands still
    tolerance: float  # of the keys of one track: those of a whole chain add up

    def of(self, joints: list[int]) -> "Reach":
        """The reach of some of the joints, in this order."""
        return replace(self, distances=self.distances[joints])


def rig_reach(mesh: Mesh, rig: Rig, tolerance: float) -> Reach:
    """The reach of J joints where no vertex may miss by more than `tolerance`, a share of the mesh's size."""
    size = float(np.linalg.norm(np.ptp(mesh.vertices.numpy(), axis=0)))
    joints, vertices = rig.joints.double().numpy(), mesh.vertices.double().numpy()
    distances = np.full(len(joints), LEAST_REACH * size)
    own = np.linalg.norm(vertices[:, None] - joints[rig.influences.numpy()], axis=2)
    np.maximum.at(distances, rig.influences.numpy(), np.where(rig.weights.numpy() > 0, own, 0.0))
    depths = np.ones(len(joints), int)
    for joint, parent in enumerate(rig.parents):
        depths[joint] += depths[parent] if parent >= 0 else 0
    for joint in range(len(joints) - 1, 0, -1):
        above = rig.parents[joint]
        step = np.linalg.norm(joints[joint] - joints[above])
        distances[above] = max(distances[above], step + distances[joint])
    return Reach(distances, NOISE * size, tolerance * size / depths.max())


def local_matrices(tree: NodeTree, joints: list[int], maps: np.ndarray, transform: np.ndarray) -> np.ndarray:
    """(T, J, 4, 4) of the joints' nodes relative to their parents, which place them where the maps take them from rest.

    Args:
        tree: the nodes at rest.
        joints: J nodes; -1 is of a joint that has none. What lies between joints stays as it is.
        maps: (T, J, 3, 4) of the world.
        transform: (4, 4) from the document's coordinates to the world.
    """
    world = np.tile(tree.world((), np.zeros(1)), (len(maps), 1, 1, 1))
    local = np.tile(tree.local((), np.zeros(1)), (len(maps), 1, 1, 1))
    last = np.broadcast_to([0.0, 0.0, 0.0, 1.0], (*maps.shape[:2], 1, 4))
    moves = np.linalg.inv(transform) @ np.concatenate([maps, last], 2) @ transform
    numbers = {node: number for number, node in enumerate(joints) if node >= 0}
    for node in tree.order:
        above = world[:, tree.parents[node]] if node in tree.parents else np.eye(4)
        if node in numbers:
            world[:, node] = moves[:, numbers[node]] @ world[:, node]
            local[:, node] = inverse_affine(above) @ world[:, node]
        else:
            world[:, node] = above @ local[:, node]
    return local[:, joints]


def inverse_affine(matrices: np.ndarray) -> np.ndarray:
    """Inverses of affine matrices (..., 4, 4); of a node that is scaled to nothing, the pseudo-inverse."""
    inverse = np.broadcast_to(np.eye(4), matrices.shape).copy()
    inverse[..., :3, :3] = np.linalg.pinv(matrices[..., :3, :3])
    inverse[..., :3, 3] = -(inverse[..., :3, :3] @ matrices[..., :3, 3, None])[..., 0]
    return inverse


def joint_tracks(
    tree: NodeTree, joints: list[int], maps: np.ndarray, transform: np.ndarray, reach: Reach
) -> list[JointTrack]:
    """The tracks of all joints that move; see `local_matrices`.

    Args:
        tree: the nodes at rest.
        joints: J nodes; -1 is of a joint that has none.
        maps: (T, J, 3, 4) of the world, the first ones the identity.
        transform: (4, 4) from the document's coordinates to the world.
        reach: of the joints; decides which keys can be left out.
    """
    local, world = local_matrices(tree, joints, maps, transform), tree.world((), np.zeros(1))[0]
    unit = np.cbrt(np.linalg.det(transform[:3, :3]))
    tracks: list[JointTrack] = []
    for number, node in enumerate(joints):
        if node < 0:
            continue
        above = world[tree.parents[node], :3, :3] if node in tree.parents else np.eye(3)
        grown = unit * np.linalg.norm(above, 2)  # world units of a unit of translation
        tracks += _tracks_of(tree, node, local[:, number], reach, reach.distances[number], grown)
    return tracks


def _tracks_of(
    tree: NodeTree, node: int, local: np.ndarray, reach: Reach, distance: float, unit: float
) -> list[JointTrack]:
    """The tracks of one node with local matrices (T, 4, 4); a property that stays at rest has none.

    `distance` (world units) is how far it moves the mesh when it turns, `unit` is that of its translations.
    """
    rest = rest_transform(tree, node)
    translation, rotation, scale = decompose_transforms(local, np.where(rest["scale"] < 0, -1.0, 1.0))
    values = {  # and how much of each moves the mesh by one world unit
        "translation": (translation, 1.0 / max(unit, 1e-30)),
        "rotation": (continuous_quaternions(rotation, rest["rotation"]), 0.5 / distance),
        "scale": (scale, np.abs(rest["scale"]).max() / distance),
    }
    tracks = []
    for path, (track, step) in values.items():
        if np.linalg.norm(track - rest[path], axis=1).max() > step * max(reach.noise, reach.tolerance):
            frames = key_frames(track, step * reach.tolerance, spherical=path == "rotation")
            tracks.append(JointTrack(node, path, tuple(frames), track[frames]))
    return tracks


def rest_transform(tree: NodeTree, node: int) -> dict[str, np.ndarray]:
    """Translation, rotation and scale of a node at rest, of one that has a matrix too."""
    if node not in tree.matrices:
        rest = {path: values[node] for path, values in tree.rest.items()}
        return rest | {"rotation": rest["rotation"] / (np.linalg.norm(rest["rotation"]) + 1e-30)}
    matrix = tree.matrices[node]
    mirrored = np.linalg.det(matrix[:3, :3]) < 0
    parts = decompose_transforms(matrix, np.array([-1.0 if mirrored else 1.0, 1.0, 1.0]))
    return dict(zip(("translation", "rotation", "scale"), parts, strict=True))


def continuous_quaternions(turns: np.ndarray, first: np.ndarray) -> np.ndarray:
    """Unit quaternions (T, 4) whose signs go from one to the next, and from `first` (4,), the short way."""
    steps = np.sign((turns * np.concatenate([first[None], turns[:-1]])).sum(1))
    return turns * np.cumprod(np.where(steps < 0, -1.0, 1.0))[:, None]


def key_frames(track: np.ndarray, tolerance: float, spherical: bool) -> list[int]:
    """Frames of a track (V, W) between which no other misses the line, or the arc if `spherical`, by more.

    Of rotations both the arc and the line count, for there are players, Blender among them, that draw the line.

    >>> key_frames(np.array([[0.0], [1.0], [2.0], [2.0]]), 1e-6, spherical=False)
    [0, 2, 3]
    """
    keys = [0]
    while keys[-1] < len(track) - 1:
        end = keys[-1] + 1
        while end + 1 < len(track) and _misses(track[keys[-1] : end + 2], spherical) <= tolerance:
            end += 1
        keys.append(end)
    return keys


def _misses(track: np.ndarray, spherical: bool) -> float:
    """How far the frames in between are at most from the line between the first and the last."""
    share = (np.arange(1, len(track) - 1) / (len(track) - 1))[:, None]
    lines = [track[0] + share * (track[-1] - track[0])]
    if spherical:
        lines[0] = lines[0] / (np.linalg.norm(lines[0], axis=1, keepdims=True) + 1e-30)
        lines.append(slerp(track[:1], track[-1:], share))
    return max(float(np.linalg.norm(line - track[1:-1], axis=1).max()) for line in lines)
