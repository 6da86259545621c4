"""Body class, and the role of each limb in it."""

from collections.abc import Sequence

import numpy as np

from to4d.rig.own.file_skeleton import Skeleton
from to4d.rig.own.limb_chains import Limb
from to4d.rig.own.name_words import NamePart

ROW, MANY, THIN = 4, 7, 5.0  # joints of a trunk, those of a snake, and its length over its width or height
HIGH = 0.3  # a limb that ends higher above the ground than this share of the legs' height is no leg


def body_of(limbs: Sequence[Limb], parts: Sequence[NamePart], skeleton: Skeleton) -> str:
    """The body class by number and kind of limbs. The skeleton faces +z."""
    legs, arms = [x for x in limbs if x.kind == "leg"], [x for x in limbs if x.kind == "arm"]
    walking = [limb for limb in legs + arms if _is_standing(limb, legs, skeleton)]
    wings = sum(limb.kind == "wing" for limb in limbs)
    if len(legs) > 4:
        return "insect"
    if len(walking) == 4 and (len(legs) == 4 or _stands_before(arms, legs, skeleton)):
        return "quadruped"
    if wings >= 2 and not arms:
        return "bird"
    if legs or arms:
        return "biped"
    if any(limb.kind == "fin" for limb in limbs):
        return "fish"
    return _limbless(parts, skeleton)


def _limbless(parts: Sequence[NamePart], skeleton: Skeleton) -> str:
    """The class of a body without limbs: a stem, a snake (thin, of many joints, with a neck), a fish, or a thing."""
    kinds = [part.kind for part in parts if not (part.extra or part.control)]
    if "stem" in kinds:
        return "stem"
    trunk = sum(kind in ("spine", "neck", "head", "tail") for kind in kinds)
    if "tail" not in kinds and not (trunk >= ROW and "head" in kinds):
        return "thing"
    _, second, longest = sorted(skeleton.extent)
    return "snake" if trunk >= MANY or "neck" in kinds or longest > THIN * second else "fish"


def _tip_height(limb: Limb, skeleton: Skeleton) -> float:
    return float(min(skeleton.tips[j, 1] for j in limb.joints))


def _is_standing(limb: Limb, legs: Sequence[Limb], skeleton: Skeleton) -> bool:
    """Whether a limb reaches down to the ground of the legs."""
    if not legs:
        return False
    ground = min(_tip_height(leg, skeleton) for leg in legs)
    top = max(float(skeleton.joints[list(leg.joints), 1].max()) for leg in legs)
    return _tip_height(limb, skeleton) < ground + HIGH * (top - ground)


def _stands_before(arms: Sequence[Limb], legs: Sequence[Limb], skeleton: Skeleton) -> bool:
    """Whether the trunk lies: the arms are before the legs by more than half of their height above the ground."""
    ahead = np.mean([skeleton.joints[x.joints[0], 2] for x in arms]) - np.mean(
        [skeleton.joints[x.joints[0], 2] for x in legs]
    )
    height = max(skeleton.joints[x.joints[0], 1] for x in legs) - min(_tip_height(x, skeleton) for x in legs)
    return bool(ahead > 0.4 * height)


def limb_roles(limbs: Sequence[Limb], body: str, skeleton: Skeleton) -> dict[str, tuple[int, ...]]:
    """Role -> its joints from the body to the tip. Of several limbs that would have one role the longest has it."""
    chains: dict[str, tuple[int, ...]] = {}
    for limb, role in zip(limbs, _names(limbs, body, skeleton), strict=True):
        if limb.side is not None and role and len(limb.joints) > len(chains.get(f"{role}_{limb.side}", ())):
            chains[f"{role}_{limb.side}"] = limb.joints
    return chains


def _names(limbs: Sequence[Limb], body: str, skeleton: Skeleton) -> list[str]:
    """The role of each limb without its side."""
    legs = [limb for limb in limbs if limb.kind == "leg" or (limb.kind == "arm" and body == "quadruped")]
    names = {limb.joints: limb.kind for limb in limbs}
    for side in ("L", "R"):
        mine = sorted((x for x in legs if x.side == side), key=lambda x: _front_to_back(x, skeleton, body))
        names |= {limb.joints: name for limb, name in zip(mine, _leg_names(mine, body), strict=True)}
    return [names[limb.joints] for limb in limbs]


def _front_to_back(limb: Limb, skeleton: Skeleton, body: str) -> tuple[int, float]:
    """For sorting: by name, then by place; insects' legs only by place, as artists number them in many ways."""
    place = {"front": -1, None: 0, "mid": 0, "back": 1}[None if body == "insect" else limb.place]
    return place, -float(skeleton.tips[limb.joints[-1], 2])


def _leg_names(legs: Sequence[Limb], body: str) -> list[str]:
    """Names of the legs of one side, from front to back."""
    if body == "insect":
        return [f"leg{number}" if number < 5 else "" for number in range(1, len(legs) + 1)]
    if body == "quadruped":
        return ["foreleg", "hindleg"] if len(legs) == 2 else ["hindleg" if x.kind == "leg" else "arm" for x in legs]
    return ["arm", "leg"] if len(legs) == 2 else ["leg"] * len(legs)
