"""Where a skeleton faces, and which of its sides is the left one."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from to4d.rig.own.file_skeleton import Skeleton
from to4d.rig.own.limb_chains import Limb
from to4d.rig.own.name_words import NamePart

SIDES, PLACES, ENDS, CONVENTION = 2.0, 2.0, 1.5, 0.5  # how much each kind of evidence counts
LEAST = 0.05  # horizontal distances below this share of the size say nothing


def find_facing(limbs: Sequence[Limb], parts: Sequence[NamePart], skeleton: Skeleton) -> float:
    """Radians from +z to the front about the vertical, a multiple of a quarter turn.

    The left side is left of the front, forelegs are before hind legs and the head is before the tail; glTF files face
    +z where nothing says otherwise.
    """
    size = float(np.ptp(skeleton.joints, axis=0).max()) or 1.0
    across = _step(_mean(skeleton, parts, side="R"), _mean(skeleton, parts, side="L"), size)
    along = _step(_mean(skeleton, parts, place="back"), _mean(skeleton, parts, place="front"), size)
    ends = _step(_mean(skeleton, parts, kind="tail"), _mean(skeleton, parts, kind="head"), size)
    front = SIDES * np.array([-across[1], across[0]]) + PLACES * along + ENDS * ends + np.array([0.0, CONVENTION])
    return float(np.round(np.arctan2(front[0], front[1]) / (np.pi / 2)) * (np.pi / 2)) + 0.0  # no minus zero


def _mean(skeleton: Skeleton, parts: Sequence[NamePart], **wanted: str) -> NDArray:
    """Mean (x, z) of the joints whose parts are as wanted; nan: there are none."""
    mine = [all(getattr(part, key) == value for key, value in wanted.items()) for part in parts]
    return skeleton.joints[mine][:, [0, 2]].mean(0) if any(mine) else np.full(2, np.nan)


def _step(start: NDArray, end: NDArray, size: float) -> NDArray:
    """The unit direction from start to end; 0 where they are close or unknown."""
    step = np.nan_to_num(end - start)
    length = float(np.linalg.norm(step))
    return step / length if length > LEAST * size else np.zeros(2)


def sided_limbs(limbs: Sequence[Limb], skeleton: Skeleton) -> list[Limb]:
    """Limbs with the side where each is; names count where most of them agree with that.

    Args:
        limbs: with sides by name.
        skeleton: turned so that it faces +z.
    """
    size = float(np.ptp(skeleton.joints, axis=0).max()) or 1.0
    across = [float(skeleton.joints[list(limb.joints), 0].mean() - skeleton.joints[0, 0]) for limb in limbs]
    votes = [np.sign(x) * (1 if limb.side == "L" else -1) for x, limb in zip(across, limbs, strict=True) if limb.side]
    trusted = sum(votes) >= 0
    sided = []
    for x, limb in zip(across, limbs, strict=True):
        there = None if abs(x) < 0.01 * size else "L" if x > 0 else "R"
        sided.append(replace(limb, side=limb.side if limb.side and trusted else there))
    return sided
