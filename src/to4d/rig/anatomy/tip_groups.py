"""Which tips belong to one limb: toes, fingers, ears, antlers and jaws are many tips of one foot, hand or head."""

import numpy as np
from numpy.typing import NDArray

from to4d.rig.anatomy.merge_tree import MergeTree
from to4d.rig.anatomy.solid import Solid
from to4d.rig.anatomy.symmetry import SymmetryPlane

LOW = 0.16  # of the height: tips below it may be toes
TOES = 0.4  # longest toes, as a share of the limb beyond its meeting with others


def group_tips(solid: Solid, tree: MergeTree, plane: SymmetryPlane) -> list[NDArray]:
    """The numbers of the significant tips, group by group. Pairs are united from the farthest meeting inwards."""
    group = np.arange(len(tree.tips))
    rows, columns = np.tril_indices(len(group), -1)
    levels = tree.distance[tree.meetings[rows, columns]]
    for pair in np.argsort(-levels, kind="stable"):
        one, two = group == group[rows[pair]], group == group[columns[pair]]
        if not (one & two).any() and _is_one_limb(
            solid, tree, plane, one, two, tree.meetings[rows[pair], columns[pair]]
        ):
            group[two] = group[rows[pair]]
    return [np.flatnonzero(group == number) for number in np.unique(group)]


def _is_one_limb(solid: Solid, tree: MergeTree, plane: SymmetryPlane, one: NDArray, two: NDArray, saddle: int) -> bool:
    """Whether two sets of tips (S,) bool, that meet at a saddle, are ends of one limb."""
    points, reach, level = solid.points[tree.tip_voxels], tree.distance[tree.tip_voxels], tree.distance[saddle]
    near = min(reach[one].max(), reach[two].max())
    apart = near - level  # length of the shorter one beyond the saddle
    gap = np.linalg.norm(points[one][:, None] - points[two], axis=2).min()
    low = (points[:, 1] - solid.low[1]) / solid.height < LOW
    if low[one].all() and low[two].all():
        climb = solid.points[saddle, 1] - max(points[one, 1].min(), points[two, 1].min())
        toes = climb < 0.5 * apart and gap < 2 * apart + 0.03  # they meet near the ground, legs high above it
        rest = np.linalg.norm(points[one | two][:, None] - points, axis=2).min(0) > 2 * apart + 0.03  # no more toes
        joins = tree.distance[tree.meetings[np.ix_(one | two, rest)]].max(initial=0.0)
        short = apart < min(0.16, 0.35 * near, TOES * (near - joins)) and (apart < max(0.05, 0.12 * near) or toes)
        return bool(short and not _mirrored(points[one], points[two], plane))
    if low[one].any() or low[two].any():
        return False
    return bool(level > max(0.12, 0.62 * near) and (gap < 3 * apart or apart < 0.05))


def _mirrored(one: NDArray, two: NDArray, plane: SymmetryPlane) -> bool:
    """Whether a tip of one set is the mirror image of one of the other."""
    gap = np.linalg.norm(plane.mirror(one)[:, None] - two, axis=2).min()
    return bool(gap < 0.05 and abs(one @ plane.normal - plane.offset).min() > 0.03)
