"""Partners of limbs that are named on one side only."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from to4d.rig.anatomy.frame import Assignment, Frame
from to4d.rig.anatomy.parts import Anatomy, Part
from to4d.rig.anatomy.solid import trace
from to4d.rig.skeleton.limb import Limb

PAIRED = ("leg", "arm", "hindleg", "foreleg")
"""Roles, without sides, of limbs whose partner must exist somewhere."""

NEAR = 0.15  # how far the base of an unnamed part may be from where a partner is due
ALIKE = 0.6  # least ratio of the lengths of two partners


def other_side(role: str) -> str:
    """The role of a limb's partner."""
    return role[:-1] + ("R" if role[-1] == "L" else "L")


def name_partners(anatomy: Anatomy, assignment: Assignment) -> tuple[str, ...]:
    """The roles of the parts, with unnamed parts named that stand where the partner of a limb is due.

    Two arms may be held so differently that only one looks like an arm.
    """
    roles = list(assignment.roles)
    for number, role in enumerate(assignment.roles):
        if role.split("_")[0] in PAIRED and other_side(role) not in roles:
            limb, unnamed = anatomy.parts[number], [i for i, other in enumerate(roles) if other == "other"]
            fits = [i for i in unnamed if _fits(assignment.frame, limb, anatomy.parts[i])]
            if fits:
                roles[max(fits, key=lambda i: anatomy.parts[i].volume)] = other_side(role)
    return tuple(roles)


def _fits(frame: Frame, limb: Part, other: Part) -> bool:
    """Whether a part is as long as a limb, on the other side of the body, and begins where its partner is due."""
    alike = min(limb.reach, other.reach) > ALIKE * max(limb.reach, other.reach)
    opposite = frame.to_body(limb.centroid)[0] * frame.to_body(other.centroid)[0] < 0
    return bool(alike and opposite and np.linalg.norm(other.base - frame.mirror(limb.base)) < NEAR)


def mirrored_limbs(anatomy: Anatomy, frame: Frame, limbs: list[Limb]) -> list[Limb]:
    """Limbs without a tip of their own, such as arms that lie on the body: mirror images of their partners."""
    roles = {limb.role for limb in limbs}
    lone = [limb for limb in limbs if limb.kind in PAIRED and other_side(limb.role) not in roles]
    taken = np.any([limb.region for limb in limbs], axis=0) if limbs else np.zeros(len(anatomy.solid), bool)
    found = [_mirrored(anatomy, frame, limb, taken) for limb in lone]
    return [limb for limb in found if limb is not None]


def _mirrored(anatomy: Anatomy, frame: Frame, limb: Limb, taken: NDArray) -> Limb | None:
    """The limb's mirror image, if the solid is there and no other limb is."""
    solid = anatomy.solid
    gap, nearest = solid.tree.query(frame.mirror(solid.points[limb.region]))
    near = gap < 2 * solid.cell
    region = np.zeros(len(solid), bool)
    region[nearest[near]] = True
    closed = ndimage.binary_closing(solid.grid(region, False), np.ones((3, 3, 3)))
    region = solid.from_grid(closed) & ~taken
    path = trace(anatomy.before, int(solid.nearest(frame.mirror(solid.points[limb.path[-1]]))))[::-1]
    if near.mean() < 0.7 or region.sum() < 0.4 * limb.region.sum() or not region[path].any():
        return None
    return Limb(other_side(limb.role), region, path, int(np.argmax(region[path])))
