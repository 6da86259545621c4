"""Joints of neck and head: where the narrowest place behind the head is, and where its last ball begins."""

import numpy as np
from numpy.typing import NDArray

from to4d.rig.anatomy.parts import Anatomy
from to4d.rig.anatomy.shape_measures import ball_of, narrowest, path_lengths
from to4d.rig.skeleton.limb import Limb

LONG = 0.22  # a neck of this length has two joints


def neck_joints(anatomy: Anatomy, limb: Limb) -> tuple[NDArray, NDArray]:
    """(1 or 2, 3) joints of the neck from the trunk outwards, and (2, 3): the head's joint and its end."""
    solid = anatomy.solid
    path = limb.path[limb.start :]
    points, radii = solid.points[path], solid.depth[path]
    last = len(path) - 1
    if last < 4:
        return points[:1], np.stack([(points[0] + points[-1]) / 2, points[-1]])
    ball, narrow, along = ball_of(radii), narrowest(radii), path_lengths(solid, path)
    if along[last] - along[narrow] > LONG and radii[ball] < 0.5 * (along[last] - along[narrow]):
        head = int(np.searchsorted(along, along[ball] - 1.1 * radii[ball]))  # where the ball begins
    else:
        head = narrow + max(1, (ball - narrow) // 3)
    head = int(np.clip(head, narrow + 1, last))
    middle = [int(np.searchsorted(along, along[head] / 2))] if along[head] > LONG else []
    return points[[0, *middle]], points[[head, last]]
