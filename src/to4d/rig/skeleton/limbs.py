"""Limbs: parts that have a role, and where each begins."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from to4d.rig.anatomy.frame import Assignment, Frame
from to4d.rig.anatomy.merge_tree import LONG
from to4d.rig.anatomy.parts import Anatomy, Part, leaves_body
from to4d.rig.anatomy.shape_measures import narrowest, path_lengths
from to4d.rig.anatomy.solid import lies, trace
from to4d.rig.skeleton.axial_limbs import axial_limbs
from to4d.rig.skeleton.limb import Limb
from to4d.rig.skeleton.partners import mirrored_limbs, name_partners
from to4d.rig.skeleton.upright_head import find_upright_head


def find_limbs(anatomy: Anatomy, assignment: Assignment) -> tuple[Limb, ...]:
    """The limbs of a body, each with a region of its own; regions do not overlap."""
    roles = name_partners(anatomy, assignment)
    named = [(part, role) for part, role in zip(anatomy.parts, roles, strict=True) if role != "other"]
    parts = [part for part, _ in named]
    limbs = [make_limb(anatomy, part, role, parts) for part, role in named]
    limbs += mirrored_limbs(anatomy, assignment.frame, limbs)
    if assignment.body in ("fish", "snake"):
        limbs = axial_limbs(anatomy, assignment.frame, assignment.body, limbs)
    elif assignment.body == "biped" and not lies(anatomy.solid):
        limbs = with_upright_head(anatomy, assignment.frame, limbs)
    return tuple(_without_overlap(limbs))


def make_limb(anatomy: Anatomy, part: Part, role: str, named: list[Part]) -> Limb:
    """The limb of a part, beyond its meeting with the other named parts and beyond where it leaves the body."""
    solid, tree = anatomy.solid, anatomy.tree
    saddle = max((anatomy.meeting(part, other) for other in named if other is not part), default=0.25 * part.reach)
    tip, path = int(part.path[0]), part.path[::-1]
    level = float(tree.distance[part.path[leaves_body(part.radii, path_lengths(solid, part.path))]])
    if role == "head":
        level = min(level, _neck_level(tree.distance[path], solid.depth[path], saddle))
    level = max(saddle, level)
    if role not in ("head", "tail"):
        level = _beyond_bulges(anatomy, tip, level)
    return Limb(role, tree.region(solid, tip, level), path, _first(tree.distance[path] > level))


def _neck_level(distance: NDArray, radii: NDArray, saddle: float) -> float:
    """The distance from the body's centre of the narrowest place of a neck, at most half-way to the tip.

    Args:
        distance: (P,) along the path from the body's centre to the tip.
        radii: (P,) inscribed radii.
        saddle: distance at which the head is alone.
    """
    start = _first(distance > saddle)
    narrow = start + narrowest(radii[start:])
    return float(min(distance[narrow], distance[(start + len(radii)) // 2]))


def _beyond_bulges(anatomy: Anatomy, tip: int, level: float) -> float:
    """The level raised until a limb's region holds no other bump of at least .3 of its volume, such as a haunch."""
    tree, solid = anatomy.tree, anatomy.solid
    volume = tree.region(solid, tip, level).sum()
    saddles = tree.distance[tree.saddles]
    bulges = (tree.into >= 0) & (saddles > level) & (tree.sizes > 0.3 * volume) & (tree.persistence < LONG)
    for bulge in np.flatnonzero(bulges):
        if tree.region(solid, tree.peaks[bulge], saddles[bulge] - 1e-6)[tip]:
            level = max(level, saddles[bulge] + 1e-6)
    return float(level)


def _first(mask: NDArray) -> int:
    return int(np.argmax(mask)) if mask.any() else len(mask) - 1


def with_upright_head(anatomy: Anatomy, frame: Frame, limbs: list[Limb]) -> list[Limb]:
    """The limbs of a biped whose trunk stands, its head being all above the narrowest cut over the shoulders."""
    arms_and_legs = [limb for limb in limbs if limb.kind in ("arm", "leg")]
    taken = np.any([limb.region for limb in arms_and_legs], axis=0)
    solid = anatomy.solid
    hips = [solid.points[limb.path[limb.start]] for limb in limbs if limb.kind == "leg"]
    shoulders = [solid.points[limb.path[limb.start]] for limb in limbs if limb.kind == "arm"]
    found = find_upright_head(solid, frame, taken, hips, shoulders) if hips else None
    if found is None:
        return limbs
    region, tip = found
    path = trace(anatomy.before, tip)[::-1]
    inside = [limb for limb in limbs if limb.kind != "head" and region[limb.region].mean() > 0.5]
    kept = [limb for limb in limbs if limb.kind != "head" and not any(limb is other for other in inside)]
    return [*kept, Limb("head", region, path, _first(region[path]))]


def _without_overlap(limbs: list[Limb]) -> list[Limb]:
    """Where regions overlap, the smaller limb has its own and the larger one the rest."""
    free = np.ones(len(limbs[0].region), bool) if limbs else np.zeros(0, bool)
    alone = {}
    for number in sorted(range(len(limbs)), key=lambda i: limbs[i].region.sum()):
        alone[number] = limbs[number].region & free
        free &= ~limbs[number].region
    return [replace(limb, region=alone[number]) for number, limb in enumerate(limbs) if alone[number].any()]
