"""The joints of the trunk between hips and shoulders, in the middle of the flesh."""

import numpy as np
from numpy.typing import NDArray

from to4d.rig.anatomy.frame import Frame
from to4d.rig.anatomy.parts import Anatomy
from to4d.rig.anatomy.solid import Solid, lies, trace
from to4d.rig.skeleton.limb import Limb

ASIDE = 0.3  # how much depth a joint of an upright trunk gives up to be nearer to the limbs' distance to the front


def middle_voxel(solid: Solid, frame: Frame, place: NDArray, level: bool, up: float = 0.0) -> NDArray:
    """The deepest point (3,) of the sagittal plane at the place along the trunk where a joint of limbs is.

    Args:
        solid: of the body.
        frame: of the body.
        place: (3,) between the two limbs.
        level: whether the trunk lies, so that places along it differ in their distance to the front.
        up: how much higher than `place` an upright trunk is searched.
    """
    left, height, front = frame.to_body(solid.points).T
    _, y, z = frame.to_body(place)
    near = abs(left) < max(0.025, 2 * solid.cell)
    if level:
        near &= (abs(front - z) < 0.03) & (height > y - 0.02)
    else:
        near &= abs(height - y - up) < 0.03
    if near.any():
        value = solid.depth if level else solid.depth - ASIDE * abs(front - z)
        return solid.points[near][np.argmax(value[near])]
    return deep_voxel(solid, place)


def deep_voxel(solid: Solid, place: NDArray) -> NDArray:
    """A deep point (3,) near a place."""
    gap = np.linalg.norm(solid.points - place, axis=1)
    near = gap <= max(0.08, gap.min())
    return solid.points[near][np.argmax(solid.depth[near] - 0.45 * gap[near])]


def trunk_joints(anatomy: Anatomy, frame: Frame, body: str, limbs: tuple[Limb, ...]) -> NDArray:
    """(3, 3) pelvis, spine and chest of bipeds, birds and quadrupeds."""
    solid = anatomy.solid
    level = body == "quadruped" or lies(solid)
    hips = _bases(solid, limbs, ("leg", "hindleg"))
    shoulders = _bases(solid, limbs, ("arm", "foreleg", "wing"))
    heads = _bases(solid, limbs, ("head",))
    centre = solid.points[anatomy.tree.centre]
    pelvis = middle_voxel(solid, frame, np.mean(hips, 0), level, 0.05 * solid.height) if hips else centre
    if shoulders:
        chest = middle_voxel(solid, frame, np.mean(shoulders, 0), level)
    else:
        chest = deep_voxel(solid, np.mean(heads, 0) if heads else centre)
    if np.linalg.norm(chest - pelvis) < 0.05:
        away = centre - pelvis
        chest = pelvis + (1.5 * away if np.linalg.norm(away) > 0.03 else np.array([0.0, 0.05, 0.0]))
    _, before = solid.paths(np.array([solid.nearest(pelvis)]), anatomy.central_cost)
    path = trace(before, int(solid.nearest(chest)))
    return np.stack([pelvis, solid.points[path[len(path) // 2]], chest])


def _bases(solid: Solid, limbs: tuple[Limb, ...], kinds: tuple[str, ...]) -> list[NDArray]:
    return [solid.points[limb.path[limb.start]] for limb in limbs if limb.kind in kinds]
