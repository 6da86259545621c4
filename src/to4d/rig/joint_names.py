"""Roles of a skeleton's joints and its body class, from names, and from geometry where names say nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from to4d.rig.facing import find_facing, sided_limbs
from to4d.rig.geometric_parts import roles_from_geometry
from to4d.rig.limb_chains import Limb, find_limbs, resolve_parts
from to4d.rig.limb_roles import body_of, limb_roles
from to4d.rig.name_words import read_name
from to4d.rig.skeleton import Skeleton, nearest_named
from to4d.rig.trunk_roles import trunk_chains


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
    parts = roles_from_geometry(parts, skeleton)
    limbs = find_limbs(parts, skeleton)
    yaw = find_facing(limbs, parts, skeleton)
    turned = skeleton.turned(-yaw)
    limbs = sided_limbs(limbs, turned)
    body = body or body_of(limbs, parts, turned)
    chains = limb_roles(limbs, body, turned)
    chains |= trunk_chains(chains, parts, skeleton)
    if body == "thing":
        chains.pop("spine", None)  # a chest may be one for treasures
    roles, ranks = _spread(chains, len(parts))
    parents = _parents(limbs, skeleton)
    return JointRoles(roles, ranks, parents, body, _confidence(roles, skeleton), yaw)


def _spread(chains: Mapping[str, Sequence[int]], count: int) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """Role and rank of each joint."""
    roles, ranks = ["other"] * count, [0] * count
    for role, joints in chains.items():
        for rank, joint in enumerate(joints):
            roles[joint], ranks[joint] = role, rank
    return tuple(roles), tuple(ranks)


def _parents(limbs: Sequence[Limb], skeleton: Skeleton) -> tuple[int, ...]:
    """Parents, where each joint of a limb hangs on the one before."""
    parents = list(skeleton.parents)
    for limb in limbs:
        for above, joint in zip(limb.joints, limb.joints[1:], strict=False):
            if above not in skeleton.ancestors(joint):
                parents[joint] = above
    return tuple(parents)


def _confidence(roles: Sequence[str], skeleton: Skeleton) -> float:
    moved = nearest_named(skeleton.parents, roles)
    known = np.array([role != "other" or part != "root" for role, part in zip(roles, moved, strict=True)])
    return float((skeleton.mass * known).sum() / max(skeleton.mass.sum(), 1e-12))
