"""Joints of neck and head: where the narrowest place behind the head is, and where its last ball begins."""

import numpy as np
from numpy.typing import NDArray

from to4d.rig.limbs import Limb
from to4d.rig.parts import Anatomy
from to4d.rig.shape_measures import path_lengths


def neck_joints(anatomy: Anatomy, limb: Limb) -> tuple[NDArray, NDArray, NDArray]:
    """(3,) each: the joint of the neck with the trunk, that of the head with the neck, and the end of the head."""
    solid = anatomy.solid
    path = limb.path[limb.start :]
    points, radii = solid.points[path], solid.depth[path]
    last = len(path) - 1
    if last < 4:
        return points[0], (points[0] + points[-1]) / 2, points[-1]
    ball = _ball(radii)
    narrow = int(np.argmin(radii[: ball + 1])) if ball > 2 else 0
    if radii[narrow] > 0.85 * radii[ball]:  # no waist
        narrow = last // 4
    along = path_lengths(solid, path)
    rest = along[last] - along[narrow]
    if rest > 0.22 and radii[ball] < 0.5 * rest:  # a long neck: the head begins where its ball does
        head = int(np.searchsorted(along, along[ball] - 1.1 * radii[ball]))
    else:
        head = narrow + max(1, (ball - narrow) // 3)
    return points[max(narrow - 1, 0)], points[int(np.clip(head, narrow + 1, last))], points[-1]


def _ball(radii: NDArray) -> int:
    """The place on the path where the head is thickest: after a waist if there is one, or in the outer 60 %."""
    rise = radii - np.minimum.accumulate(radii)
    if rise.max() > 0.15 * radii[0]:
        return int(np.argmax(rise))
    outer = int(0.4 * len(radii))
    return outer + int(np.argmax(radii[outer:]))
