"""Names of the bones of a found rig: plain, or those of Mixamo's and VRM's humanoids, which retargeting tools know."""

from collections.abc import Mapping
from typing import Literal

from to4d.types import Rig

Convention = Literal["plain", "mixamo", "vrm"]

TRUNK = {
    "mixamo": {
        "root": ("Hips",),
        "spine": ("Spine", "Spine1", "Spine2"),
        "neck": ("Neck",),
        "head": ("Head", "HeadTop_End"),
    },
    "vrm": {
        "root": ("hips",),
        "spine": ("spine", "chest", "upperChest"),
        "neck": ("neck",),
        "head": ("head",),
        "jaw": ("jaw",),
    },
}
"""Names along the chains of the trunk, from the body outwards."""

ARM = {
    "mixamo": ("{}Shoulder", "{}Arm", "{}ForeArm", "{}Hand"),
    "vrm": ("{}Shoulder", "{}UpperArm", "{}LowerArm", "{}Hand"),
}
LEG = {
    "mixamo": ("{}UpLeg", "{}Leg", "{}Foot", "{}ToeBase", "{}Toe_End"),
    "vrm": ("{}UpperLeg", "{}LowerLeg", "{}Foot", "{}Toes"),
}
SIDES = {"mixamo": {"L": "Left", "R": "Right"}, "vrm": {"L": "left", "R": "right"}}
PREFIX = {"mixamo": "mixamorig:", "vrm": ""}


def bone_names(rig: Rig, convention: Convention = "plain") -> list[str]:
    """A name for each joint, no two alike.

    `plain` are the rig's own. The other two name what a humanoid has; a quadruped's forelegs count as arms and its
    hind legs as legs, as in VRM files of animals. Joints beyond the convention keep their plain names.

    >>> humanoid_chain("leg_L", 3, "mixamo")
    ('mixamorig:LeftUpLeg', 'mixamorig:LeftLeg', 'mixamorig:LeftFoot')
    """
    if convention == "plain":
        return unique_names(rig.names)
    counts = {role: 1 + max(k for r, k in zip(rig.roles, rig.ranks, strict=True) if r == role) for role in rig.roles}
    chains = {role: humanoid_chain(role, count, convention) for role, count in counts.items()}
    return unique_names([_name(*joint, chains) for joint in zip(rig.names, rig.roles, rig.ranks, strict=True)])


def _name(plain: str, role: str, rank: int, chains: Mapping[str, tuple[str, ...]]) -> str:
    return chains[role][rank] if rank < len(chains[role]) else plain


def humanoid_chain(role: str, count: int, convention: Literal["mixamo", "vrm"]) -> tuple[str, ...]:
    """Names of the first joints of a chain of `count` joints; () for a role that humanoids do not have.

    Arms of three joints and fewer have no shoulder (clavicle).

    >>> humanoid_chain("arm_R", 3, "vrm"), humanoid_chain("tail", 4, "vrm")
    (('rightUpperArm', 'rightLowerArm', 'rightHand'), ())
    """
    kind, _, side = role.rpartition("_")
    if kind in ("arm", "foreleg"):
        names = ARM[convention] if count > 3 else ARM[convention][1:]
    elif kind in ("leg", "hindleg"):
        names = LEG[convention]
    else:
        names, side = TRUNK[convention].get(role, ()), ""
    return tuple(PREFIX[convention] + name.format(SIDES[convention].get(side, "")) for name in names[:count])


def unique_names(names: tuple[str, ...] | list[str]) -> list[str]:
    """The names, of which those that are taken already get a number.

    >>> unique_names(["tail", "tail", "head"])
    ['tail', 'tail 1', 'head']
    """
    found: dict[str, None] = {}
    for name in names:
        number, free = 1, name
        while free in found:
            free, number = f"{name} {number}", number + 1
        found[free] = None
    return list(found)
