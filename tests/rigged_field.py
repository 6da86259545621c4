"""Rigs made by hand and a field that moves by one, for tests of what is written of them."""

from pathlib import Path

import numpy as np
import torch
from plain_field import PlainField
from scipy.spatial import KDTree
from torch import Tensor

from to4d.gltf.animation import Animation, load_animation
from to4d.kernels.affine import inverse, rotation_matrices
from to4d.rig.pose import joint_maps, skin_points
from to4d.types import Mesh, Rig


def found_rig(mesh: Mesh) -> Rig:
    """A root in the middle, a spine of two joints up to the top, a leg of three down on the left; soft weights."""
    low, high = mesh.vertices.amin(0), mesh.vertices.amax(0)
    middle, left = (low + high) / 2, torch.stack([high[0], (low + high)[1] / 2, (low + high)[2] / 2])
    up, down = torch.stack([middle[0], high[1], middle[2]]), torch.stack([left[0], low[1], left[2]])
    places = torch.stack([middle, middle.lerp(up, 0.3), middle.lerp(up, 0.8), left, left.lerp(down, 0.5), down])
    shares = torch.softmax(-20.0 * torch.cdist(mesh.vertices, places), 1)
    weights, influences = shares.topk(5)
    return Rig(
        places,
        (-1, 0, 1, 0, 3, 4),
        ("root", "spine.0", "spine.1", "leg_L.0", "leg_L.1", "leg_L.2"),
        ("root", "spine", "spine", "leg_L", "leg_L", "leg_L"),
        (0, 0, 1, 0, 1, 2),
        influences,
        weights / weights.sum(1, keepdim=True),
        "biped",
        1.0,
        "found",
    )


def own_rig(mesh: Mesh, source: Path | None = None) -> Rig:
    """The joints of a file's skins; a vertex has the weights of the file's vertex at its place."""
    animation = load_animation(source or mesh.source)
    skins = {id(p.skin): p.skin for p in animation.primitives if p.skin is not None}.values()
    joints = [n for n in animation.nodes.order if any(n in skin.joints for skin in skins)]
    parents = [_joint_above(animation, node, joints) for node in joints]
    world = animation.nodes.world((), np.zeros(1))[0]
    transform = mesh.transform.numpy()
    dense = np.concatenate([_dense(animation, primitive, joints) for primitive in animation.primitives])
    rest = animation.vertices() @ transform[:3, :3].T + transform[:3, 3]
    dense = dense[KDTree(rest).query(mesh.vertices.double().numpy())[1]]
    weights, influences = torch.from_numpy(dense).float().topk(min(4, len(joints)))
    places = world[joints, :3, 3] @ transform[:3, :3].T + transform[:3, 3]
    header_names = tuple(f"joint {node}" for node in joints)
    return Rig(
        torch.from_numpy(places).float(),
        tuple(-1 if number == 0 else max(parent, 0) for number, parent in enumerate(parents)),
        header_names,
        ("root", *["other"] * (len(joints) - 1)),
        tuple(range(len(joints))),
        influences,
        weights / weights.sum(1, keepdim=True),
        "thing",
        1.0,
        "own",
        tuple(joints),
    )


def _joint_above(animation: Animation, node: int, joints: list[int]) -> int:
    """The nearest joint above a node, or the first of all; -1 for that."""
    while node in animation.nodes.parents:
        node = animation.nodes.parents[node]
        if node in joints:
            return joints.index(node)
    return -1


def _dense(animation: Animation, primitive: object, joints: list[int]) -> np.ndarray:
    """(n, J) weights; those of a mesh without a skin are of the joint above it."""
    weights = np.zeros((len(primitive.points), len(joints)))
    if primitive.skin is None:
        own = primitive.node
        weights[:, joints.index(own) if own in joints else max(_joint_above(animation, own, joints), 0)] = 1.0
    else:
        columns = [joints.index(joint) for joint in primitive.skin.joints]
        np.add.at(weights.T, columns, primitive.shares.toarray().T)
    return weights


class Rigged(PlainField):
    """Moves by its joints: each swings by a sine about an axis of its own, the root travels, turns and grows."""

    def __init__(self, mesh: Mesh, rig: Rig, degrees: float = 30.0, travel: float = 0.2, growth: float = 0.0) -> None:
        super().__init__()
        self.bind(mesh, rig)
        generator = torch.Generator().manual_seed(0)
        self.axes = torch.nn.functional.normalize(torch.randn(len(rig.parents), 3, generator=generator), dim=-1)
        self.degrees, self.travel, self.growth, self.moving = degrees, travel, growth, torch.ones(len(rig.parents), 1)

    def bind(self, mesh: Mesh, rig: Rig | None) -> None:
        self.mesh, self.rig = mesh, rig

    def joint_maps(self, times: Tensor) -> Tensor:
        phases = torch.arange(len(self.rig.parents))
        swing = torch.sin(2 * torch.pi * times[:, None] + phases) - torch.sin(phases.float())
        angles = np.deg2rad(self.degrees) * swing[..., None] * self.axes * self.moving
        root = torch.eye(3, 4).repeat(len(times), 1, 1)
        root[:, :, :3] *= (1.0 + self.growth * times)[:, None, None]
        root[:, :, 3] = self.travel * times[:, None] * torch.tensor([0.5, 0.2, 1.0])
        return joint_maps(self.rig, rotation_matrices(angles), root)

    def forward_map(self, points: Tensor, times: Tensor) -> tuple[Tensor, Tensor]:
        near = torch.from_numpy(KDTree(self.mesh.vertices.numpy()).query(points.cpu().numpy())[1])
        influences, weights, maps = self.rig.influences[near], self.rig.weights[near], self.joint_maps(times)
        blended = (weights[..., None, None] * maps[:, influences]).sum(2)
        offsets = None if self.rig.rest_offsets is None else self.rig.rest_offsets[near]
        return skin_points(points, influences, weights, maps, offsets), inverse(blended)[..., :3]

    def move(self, points: Tensor, times: Tensor) -> Tensor:
        return self.forward_map(points, times)[0]

    def displacement(self, points: Tensor, times: Tensor) -> Tensor:
        raise NotImplementedError("only the way forward is known here")


def posed_input(source: Path, field: Rigged, time: float) -> np.ndarray:
    """(N, 3) of an input with a skin, in its coordinates: by its inverse bind matrices and the maps of the joints."""
    animation, nodes = load_animation(source), field.rig.nodes
    maps = np.tile(np.eye(4), (len(nodes), 1, 1))
    maps[:, :3] = field.joint_maps(torch.tensor([time]))[0].numpy()
    transform = field.mesh.transform.numpy()
    world = animation.nodes.world((), np.zeros(1))
    loose = {primitive.node for primitive in animation.primitives if primitive.skin is None}
    for node in animation.nodes.order:
        path = animation.nodes.path(node)
        joint = next((nodes.index(above) for above in path if above in nodes), 0 if loose & set(path) else None)
        if joint is not None:
            world[0, node] = np.linalg.inv(transform) @ maps[joint] @ transform @ world[0, node]
    return np.concatenate([primitive.at(world, (), np.zeros(1)) for primitive in animation.primitives], 1)[0]
