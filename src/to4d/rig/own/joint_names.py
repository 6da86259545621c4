"""Roles of a skeleton's joints and its body class, from names, and from geometry where names say nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from to4d.rig.own.facing import find_facing, sided_limbs
from to4d.rig.own.file_skeleton import Skeleton, nearest_named, parents_first
from to4d.rig.own.geometric_parts import roles_from_geometry
from to4d.rig.own.limb_chains import find_limbs, resolve_parts
from to4d.rig.own.limb_roles import body_of, limb_roles
from to4d.rig.own.name_words import NamePart, read_name
from to4d.rig.own.reattach import reattach
from to4d.rig.own.trunk_roles import trunk_chains


@dataclass(frozen=True)
class JointRoles:
    """What the joints of a skeleton are."""

    roles: tuple[str, ...]  # see `to4d.types.Rig`
    ranks: tuple[int, ...]
    parents: tuple[int, ...]  # feet that are placed by inverse kinematics hang on their legs; any order
    body: str
    confidence: float  # share of the moved surface that follows a part of the body with a role
    yaw: float  # radians from +z to where the object faces, about the vertical; a multiple of a quarter turn


def joint_roles(skeleton: Skeleton, body: str | None = None) -> JointRoles:
    """Roles, body class and front of a skeleton, whose up is y. `body` is its class, if known."""
    parts = resolve_parts([read_name(name) for name in skeleton.names], skeleton)
    parents = reattach(parts, skeleton)
    order = parents_first(parents)
    found = _sorted_roles([parts[old] for old in order], skeleton.permuted(order, parents), body)
    new = np.argsort(order)
    return replace(
        found, roles=tuple(found.roles[j] for j in new), ranks=tuple(found.ranks[j] for j in new), parents=parents
    )


def _sorted_roles(parts: list[NamePart], skeleton: Skeleton, body: str | None) -> JointRoles:
    """Of a skeleton whose parents are right."""
    parts = roles_from_geometry(parts, skeleton)
    limbs = find_limbs(parts, skeleton)
    yaw = find_facing(limbs, parts, skeleton)
    turned = skeleton.turned(-yaw)
    limbs = sided_limbs(limbs, turned)
    body = body or body_of(limbs, parts, turned)
    chains = {role: joints for role, joints in limb_roles(limbs, body, turned).items() if joints[0]}
    chains |= trunk_chains(chains, parts, skeleton)
    if body == "thing":
        chains.pop("spine", None)  # a chest may be one for treasures
    roles, ranks = _spread(chains, len(parts))
    return JointRoles(roles, ranks, skeleton.parents, body, _confidence(roles, skeleton), yaw)


def _spread(chains: Mapping[str, Sequence[int]], count: int) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """Role and rank of each joint."""
    roles, ranks = ["other"] * count, [0] * count
    for role, joints in chains.items():
        for rank, joint in enumerate(joints):
            roles[joint], ranks[joint] = role, rank
    return tuple(roles), tuple(ranks)


def _confidence(roles: Sequence[str], skeleton: Skeleton) -> float:
    moved = nearest_named(skeleton.parents, roles)
    known = np.array([role != "other" or part != "root" for role, part in zip(roles, moved, strict=True)])
    return float((skeleton.mass * known).sum() / max(skeleton.mass.sum(), 1e-12))
