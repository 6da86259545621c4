"""The skeleton: a trunk, and chains of joints along the central paths of limbs."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from to4d.rig.anatomy.frame import Frame
from to4d.rig.anatomy.parts import Anatomy
from to4d.rig.anatomy.solid import Solid
from to4d.rig.skeleton.hinges import even_points, find_hinges
from to4d.rig.skeleton.limb import Limb
from to4d.rig.skeleton.neck import neck_joints
from to4d.rig.skeleton.trunk import trunk_joints

STEP = 0.5  # of a voxel, along rays


@dataclass(frozen=True, eq=False)
class Joint:
    """One joint at rest, in the coordinates of the solid."""

    position: NDArray  # (3,)
    parent: int  # -1: the root
    role: str
    rank: int
    limb: int | None = None  # the number of the limb that it belongs to, None: the trunk


@dataclass
class _Skeleton:
    """Joints while they are collected; parents first."""

    joints: list[Joint] = field(default_factory=list)

    def add(self, position: NDArray, parent: int, role: str, rank: int, limb: int | None = None) -> int:
        self.joints.append(Joint(position, parent, role, rank, limb))
        return len(self.joints) - 1

    def chain(self, positions: NDArray, parent: int, role: str, limb: int | None) -> int:
        for rank, position in enumerate(positions):
            parent = self.add(position, parent, role, rank, limb)
        return parent


def make_joints(anatomy: Anatomy, frame: Frame, body: str, limbs: tuple[Limb, ...]) -> tuple[Joint, ...]:
    """The joints of a body. The last joint of a chain is its end, which moves nothing."""
    skeleton, solid = _Skeleton(), anatomy.solid
    if body in ("biped", "bird", "quadruped"):
        pelvis, middle, thorax = trunk_joints(anatomy, frame, body, limbs)
        root = skeleton.add(pelvis, -1, "root", 0)
        chest = skeleton.add(thorax, skeleton.add(middle, root, "spine", 0), "spine", 1)
    else:
        root = chest = skeleton.add(solid.points[anatomy.tree.centre], -1, "root", 0)
    for number, limb in enumerate(limbs):
        parent = chest if limb.kind in ("head", "arm", "foreleg", "wing") else root
        if body in ("fish", "snake") and limb.kind in ("head", "tail"):
            _add_axial(skeleton, solid.points[limb.path[limb.start :]], body, limb, number)
        elif limb.kind == "head":
            neck, head = neck_joints(anatomy, limb)
            skeleton.chain(head, skeleton.chain(neck, parent, "neck", number), "head", number)
        else:
            path = _chain_path(solid, skeleton.joints[parent].position, limb, body)
            skeleton.chain(find_hinges(path, _segments(path, limb)), parent, limb.role, number)
    return tuple(skeleton.joints)


def _add_axial(skeleton: _Skeleton, path: NDArray, body: str, limb: Limb, number: int) -> None:
    """Add joints at equal distances along half of a fish or of a snake; the last bone of the front half is the head."""
    count = {"fish": {"head": 2, "tail": 3}, "snake": {"head": 5, "tail": 5}}[body][limb.kind]
    positions = even_points(path, count + 1)
    if limb.kind == "tail":
        skeleton.chain(positions, 0, "tail", number)
        return
    neck = skeleton.chain(positions[:-2], 0, "neck", number)
    skeleton.chain(positions[-2:], neck, "head", number)


def _segments(path: NDArray, limb: Limb) -> int:
    """How many bones a limb has: two or three, a tail up to five by its length."""
    length = float(np.linalg.norm(np.diff(path, axis=0), axis=1).sum())
    if limb.kind == "tail":
        return int(np.clip(round(length / 0.09), 2, 5))
    return 2 if limb.kind in ("fin", "ear", "other") or length < 0.12 else 3


def _chain_path(solid: Solid, parent: NDArray, limb: Limb, body: str) -> NDArray:
    """(P, 3) the central path of a limb from its joint with the body, which lies deeper than its region, to its tip."""
    points, depth = solid.points[limb.path], solid.depth[limb.path]
    start = min(limb.start, len(points) - 2)
    if body in ("biped", "bird", "quadruped") and limb.kind in ("leg", "hindleg", "foreleg"):
        hip = _climb(solid, points[start], parent[1])
        return np.concatenate([hip, points[start + 1 :]])
    back = start
    while back > 0 and np.linalg.norm(points[back] - points[start]) < 0.6 * min(depth[start], 0.08):
        back -= 1
    return points[back:]


def _climb(solid: Solid, foot: NDArray, height: float) -> NDArray:
    """(R, 3) a vertical path down to a leg's first voxel, from .8 of the way to `height` if there is flesh."""
    climb = max(0.8 * (height - foot[1]), 0.0)
    ray = foot + np.arange(0, climb + 1e-9, STEP * solid.cell)[:, None] * np.array([0.0, 1.0, 0.0])
    outside = np.linalg.norm(solid.points[solid.nearest(ray)] - ray, axis=1) > solid.cell
    stop = int(np.argmax(outside)) - 1 if outside.any() else len(ray)
    return ray[: max(stop, 1)][::-1]
