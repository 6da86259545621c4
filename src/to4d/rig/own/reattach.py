"""Feet, fingers and limbs that hang on the root of the file, back on the joints that they belong to.

Skeletons for inverse kinematics keep feet apart, so that they stand where an animator puts them, and exports of the
deforming bones alone lose the joints between limbs and trunk.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from to4d.rig.own.file_skeleton import Skeleton
from to4d.rig.own.limb_chains import LIMBS, same_limb
from to4d.rig.own.name_words import NamePart

AWAY, CLOSE = 0.1, 0.5  # share of the size; share of the distance to the old parent


def reattach(parts: Sequence[NamePart], skeleton: Skeleton) -> tuple[int, ...]:
    """Parents, in any order, with parts of the body at the nearest bone instead of far away from their parent."""
    size, below = float(skeleton.extent.max()), skeleton.subtree_mass()
    parents = list(skeleton.parents)
    for joint in _orphans(parts, skeleton):
        where, part = skeleton.joints[joint], parts[joint]
        old = float(np.linalg.norm(where - skeleton.joints[parents[joint]]))
        current = replace(skeleton, parents=tuple(parents))
        fits = [j for j in range(1, len(parents)) if below[j] > 0 and joint not in current.ancestors(j)]
        end = part.kind in ("leg", "arm") and (part.control or part.level >= 2)
        alike = [j for j in fits if same_limb(part, parts[j]) and not parts[j].control]
        alike = [j for j in alike if part.control or parts[j].level <= part.level]
        distances = {j: _distance(where, j, skeleton) for j in (alike if end else fits)}
        best = min(distances, key=lambda j: distances[j], default=-1)
        if best >= 0 and (end or (old > AWAY * size and distances[best] < CLOSE * old)):
            parents[joint] = best
    return tuple(parents)


def _orphans(parts: Sequence[NamePart], skeleton: Skeleton) -> list[int]:
    """Joints that move a limb, a hand or a face and hang on a root that moves nothing, or ends of limbs on no limb."""
    below, orphans = skeleton.subtree_mass(), []
    for joint, parent in enumerate(skeleton.parents):
        part = parts[joint]
        if parent < 0 or below[joint] == 0 or part.kind not in (*LIMBS, "finger", "jaw", "face"):
            continue
        rootless = skeleton.mass[parent] == 0 and parts[parent].kind in (None, "root")
        end = (part.control or part.level >= 3) and part.kind in ("leg", "arm") and parts[parent].kind != part.kind
        if rootless or end:
            orphans.append(joint)
    return sorted(orphans, key=lambda j: parts[j].level)


def _distance(where: NDArray, joint: int, skeleton: Skeleton) -> float:
    """Of a point from the bone that begins at a joint and ends where what it moves ends."""
    start, end = skeleton.joints[joint], skeleton.tips[joint]
    along = end - start
    share = np.clip(((where - start) * along).sum() / max(float((along**2).sum()), 1e-12), 0.0, 1.0)
    return float(np.linalg.norm(start + share * along - where))
