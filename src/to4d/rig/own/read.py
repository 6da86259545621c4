"""The rig that a glTF file brings along: its joints, names and weights, with roles read from names and places."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from to4d.disk.asset_folder import Limits
from to4d.errors import BROKEN, InputError
from to4d.gltf.animation import Animation, load_animation
from to4d.gltf.header import is_gltf, read_header
from to4d.gltf.vertex_order import to_world, vertex_order
from to4d.rig.orientation.axes import UPRIGHT, upward_axis
from to4d.rig.own.file_skeleton import Skeleton, parents_first
from to4d.rig.own.joint_names import JointRoles, joint_roles
from to4d.rig.own.nodes import NOWHERE, OwnNodes, collect_nodes
from to4d.rig.own.rest_offsets import rest_offsets
from to4d.rig.own.weights import skeleton_of, strongest
from to4d.types import Mesh, Rig

log = logging.getLogger(__name__)

RIGID_PARTS = 3  # so many nodes with rigid parts are a skeleton; a wheel or a door that turns is none
INFLUENCES = 8  # joints that a vertex follows at most; its weakest others are left out


def read_own_rig(mesh: Mesh, body: str | None = None) -> Rig | None:
    """The rig of the glTF file that a mesh came from; None where it came from another file or has no skeleton.

    A skeleton is one or more skins, or nodes with rigid parts that clips move.

    Args:
        mesh: at rest, as `to4d.mesh.load_mesh` gives it.
        body: its class, if known; None: by its limbs.

    Raises:
        InputError: one line that says what is broken in its skins.
    """
    path = mesh.source
    if not is_gltf(path) or not path.is_file():
        return None
    try:
        header = read_header(path, Limits().faces)
        skinned = any("skin" in node and "mesh" in node for node in header.get("nodes", ()))
        if not skinned and not header.get("animations"):
            return None
        animation = load_animation(path)
        if skinned:
            _check_skins(animation)
        own = collect_nodes(animation)
        return _read(mesh, animation, own, header, body) if skinned or len(own.nodes) >= RIGID_PARTS else None
    except InputError as error:
        raise error if path.name in str(error) else InputError(f"{path.name}: {error}") from error
    except BROKEN as error:
        raise InputError(f"cannot use the rig of {path.name}: {type(error).__name__}: {error}") from error


def _check_skins(animation: Animation) -> None:
    skinned = [primitive for primitive in animation.primitives if primitive.skin]
    if not skinned:
        raise InputError("its skins carry no mesh that has joints")
    if all(primitive.skinning.weightless == len(primitive.points) for primitive in skinned):
        raise InputError("all weights of its skins are 0, so that no vertex follows its joints")


def _read(mesh: Mesh, animation: Animation, own: OwnNodes, header: dict[str, Any], body: str | None) -> Rig:
    order = vertex_order(mesh, animation)
    influences, weights = strongest(own.shares[order], INFLUENCES)
    surface = mesh.vertices.double().numpy(), mesh.faces.numpy()
    names = _names(header, own, meanings=True)
    skeleton = skeleton_of(names, own.parents, _places(mesh, animation, own), surface, influences, weights)
    found = joint_roles(skeleton, body)
    if found.yaw and found.body != "thing":
        text = "%s: its joints say that it does not face +z but azimuth %.0f; object.front_deg=%.0f turns it"
        log.warning(text, mesh.name, np.degrees(found.yaw) % 360, _front_deg(mesh, found.yaw))
    rig = _ordered(skeleton, found, own, _names(header, own), influences, weights)
    offsets = rest_offsets(animation, own, order, influences, weights)
    if offsets is None:
        return rig
    turn = mesh.transform[:3, :3].double()
    return replace(rig, rest_offsets=(torch.from_numpy(offsets) @ turn.T).float())


def _front_deg(mesh: Mesh, yaw: float) -> float:
    """The setting `object.front_deg` of a mesh whose front is at the azimuth `yaw` as it stands."""
    turn = mesh.transform.numpy()[:3, :3]
    turn = turn @ UPRIGHT[upward_axis(turn)].T
    return float(np.degrees(yaw - np.arctan2(turn[0, 2], turn[0, 0])) % 360)


def _places(mesh: Mesh, animation: Animation, own: OwnNodes) -> NDArray:
    """(J, 3) of the joints at rest in the world; the root that the file lacks stands between those that it joins."""
    world = animation.nodes.world((), np.zeros(1))[0]
    places = to_world(mesh, world[list(own.nodes), :3, 3])
    if own.nodes[0] == NOWHERE:
        tops = [place for place, parent in enumerate(own.parents) if parent == 0]
        places[0] = places[tops].mean(0) if tops else 0.0
    return places


def _names(header: dict[str, Any], own: OwnNodes, meanings: bool = False) -> tuple[str, ...]:
    """Of the joints in the file; with `meanings` those that its VRM extension gives them, where it does."""
    names = {number: str(node.get("name", f"node{number}")) for number, node in enumerate(header["nodes"])}
    names |= humanoid_names(header) if meanings else {}
    return tuple(names.get(node, "root") for node in own.nodes)


def humanoid_names(header: dict[str, Any]) -> dict[int, str]:
    """Node -> bone of a humanoid, such as `leftUpperLeg`, by the extensions of VRM 0 and 1."""
    extensions = header.get("extensions", {})
    bones = extensions.get("VRMC_vrm", extensions.get("VRM", {})).get("humanoid", {}).get("humanBones", {})
    if isinstance(bones, dict):
        bones = [{"bone": name, "node": bone["node"]} for name, bone in bones.items()]
    return {bone["node"]: str(bone["bone"]) for bone in bones}


def _ordered(
    skeleton: Skeleton, found: JointRoles, own: OwnNodes, names: Sequence[str], influences: NDArray, weights: NDArray
) -> Rig:
    """The rig, its joints in an order with parents before children."""
    order = parents_first(found.parents)
    new = np.argsort(order)
    return Rig(
        joints=torch.from_numpy(skeleton.joints[order].astype(np.float32)),
        parents=tuple(int(new[found.parents[old]]) if found.parents[old] >= 0 else -1 for old in order),
        names=tuple(names[old] for old in order),
        roles=tuple(found.roles[old] for old in order),
        ranks=tuple(found.ranks[old] for old in order),
        influences=torch.from_numpy(new[influences]),
        weights=torch.from_numpy(weights),
        body=found.body,
        confidence=found.confidence,
        source="own",
        nodes=tuple(own.nodes[old] for old in order),
    )
