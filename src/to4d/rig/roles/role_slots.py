"""The roles that each class of bodies has, and the best assignment of parts to them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from to4d.rig.roles.body_view import BodyView

KINDS = ("other", "leg", "arm", "hindleg", "foreleg", "insect_leg", "wing", "fin", "head", "tail")
"""What a part can be, without its side; legs of insects are numbered last."""

SLOTS: dict[str, tuple[str, ...]] = {
    "biped": ("leg", "arm", "head", "tail"),
    "quadruped": ("hindleg", "foreleg", "wing", "head", "tail"),
    "bird": ("leg", "wing", "head", "tail"),
    "fish": ("fin", "head", "tail"),
    "snake": ("head", "tail"),
    "insect": ("insect_leg", "wing", "head", "tail"),
    "stem": (),
    "thing": (),
}
"""The kinds of parts of each class."""

SINGLE = ("head", "tail")
INSECT_LEGS = 4  # on either side
SIDE_SHARPNESS = 40.0  # log-odds of a side for a part that is a whole body's extent off the sagittal plane
FLOOR = 1e-4  # least probability of a kind


@dataclass(frozen=True)
class Slots:
    """Parts assigned to the slots of a class."""

    kinds: tuple[str, ...]  # of each part
    left: tuple[bool, ...]  # of each part, False too where it has no side
    scores: NDArray  # (P,) log-probability of each part's kind among those of the class


def fill_slots(view: BodyView, probabilities: NDArray, body: str) -> Slots:
    """The most probable assignment of parts to the slots of a class; each slot takes one part or none.

    Args:
        view: of the body.
        probabilities: (P, len(KINDS)) of each part.
        body: the class.
    """
    kinds, count = SLOTS[body], len(view)
    if not kinds or not count:
        return Slots(("other",) * count, (False,) * count, np.zeros(count))
    chosen = np.maximum(probabilities[:, [KINDS.index(kind) for kind in (*kinds, "other")]], FLOOR)
    logs = np.log(chosen / chosen.sum(1, keepdims=True))
    slots = [(kind, side) for kind in kinds for side in _sides(kind)]
    gains = np.stack([_gain(view, logs, kinds.index(kind), side) for kind, side in slots], 1)
    found, scores = [("other", False)] * count, logs[:, -1].copy()
    for part, slot in zip(*linear_sum_assignment(-np.maximum(gains, 0.0)), strict=True):
        if gains[part, slot] > 0:
            found[part] = (slots[slot][0], slots[slot][1] > 0)
            scores[part] += gains[part, slot]
    return Slots(tuple(kind for kind, _ in found), tuple(left for _, left in found), scores)


def _sides(kind: str) -> tuple[int, ...]:
    """One entry for each slot of a kind: 1 is left, -1 right, 0 has no side."""
    return (0,) if kind in SINGLE else (1, -1) * (INSECT_LEGS if kind == "insect_leg" else 1)


def _gain(view: BodyView, logs: NDArray, kind: int, side: int) -> NDArray:
    """(P,) log-odds of a slot over being no limb."""
    return logs[:, kind] - logs[:, -1] - (np.logaddexp(0.0, -SIDE_SHARPNESS * side * view.sides) if side else 0.0)


def name_slots(view: BodyView, slots: Slots) -> tuple[str, ...]:
    """The roles of `to4d.types.Rig`: sides added, and legs of insects numbered from the front."""
    roles = list(slots.kinds)
    for left, suffix in ((True, "_L"), (False, "_R")):
        here = [i for i, kind in enumerate(slots.kinds) if kind not in ("other", *SINGLE) and slots.left[i] == left]
        legs = [i for i in here if slots.kinds[i] == "insect_leg"]
        front = sorted(legs, key=lambda i: -(2 * view.bases[i, 2] + view.tips[i, 2]))
        for part in here:
            kind = f"leg{front.index(part) + 1}" if part in legs else slots.kinds[part]
            roles[part] = kind + suffix
    return tuple(roles)
