"""What joints without a meaning in their names are, by where they lead: down to the ground, back, up, to both sides."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from to4d.rig.own.file_skeleton import Skeleton
from to4d.rig.own.limb_chains import LIMBS
from to4d.rig.own.name_words import NamePart

SHORT = 0.1  # what leads no further than this share of the size is a finger, a toe or an eye
NEAR = 0.45  # so is what leads no further than this share of the way from the root to where it begins, such as ears
LOW = 0.15  # limbs that end below this share of the height stand on the ground
MIDDLE = 0.02  # what is closer to the middle than this share of the size is on no side
ROW = 4  # so many joints in a row are a body
CRAWLING = 6  # so many limbs on the ground are legs, even if they lead sideways
BASES, TIPS = 0.1, 0.3  # by how much ends of a limb may miss the mirror images of its twin's, which is in another pose


@dataclass(frozen=True)
class Branch:
    """A chain of joints that leads away from the body."""

    joints: tuple[int, ...]
    base: NDArray  # (3,)
    tip: NDArray  # (3,)


def roles_from_geometry(parts: Sequence[NamePart], skeleton: Skeleton) -> list[NamePart]:
    """Parts, where those that say nothing are filled in by geometry. The skeleton faces +z.

    Legs end near the ground beside the middle, tails lead back in the middle, the head is the highest and foremost
    other end there; other pairs are arms, or wings beside four legs, or fins where there are no legs.
    """
    known = list(parts)
    free = [part.kind is None and not (part.extra or part.control) for part in parts]
    named = {part.kind for part in parts}
    small = (
        0.5 if "tail" in named and not named & set(LIMBS) else 1.0
    )  # fish: what beside the tail moves are small fins
    found = find_branches(skeleton, small)
    if not found and all(free[1:]):
        return name_chain(known, skeleton)
    branches = [branch for branch in found if all(free[joint] for joint in branch.joints)]
    size = float(skeleton.extent.max()) or 1.0
    for branch, kind in zip(branches, _kinds(branches, parts, skeleton, size), strict=True):
        across = branch.tip[0] - skeleton.joints[0, 0]
        side = None if kind in ("head", "tail", None) else "L" if across > 0 else "R"
        for joint in branch.joints if kind else ():
            known[joint] = replace(known[joint], kind=kind, side=side, level=1)
    return known


def name_chain(parts: Sequence[NamePart], skeleton: Skeleton) -> list[NamePart]:
    """Parts of joints in a row: a stem if they lead up, else a trunk and a tail from the front, or a trunk and a head.

    A row is as long as half of the surface at least.
    """
    depth = [len(skeleton.ancestors(joint)) for joint in range(len(parts))]
    path = skeleton.ancestors(int(np.argmax(depth)))[-2::-1]
    if len(path) + 1 < ROW:
        return list(parts)
    step = skeleton.tips[path[-1]] - skeleton.joints[0]
    if float(np.linalg.norm(step)) < 0.5 * float(skeleton.extent.max()):
        return list(parts)
    half = len(path) * 3 // 5
    kinds = ["stem"] * len(path) if step[1] > np.abs(step).max() * 0.99 else ["spine"] * half
    kinds += ["tail"] * (len(path) - len(kinds)) if step[2] < 0 else ["spine"] * (len(path) - len(kinds) - 1) + ["head"]
    named = dict(zip(path, kinds, strict=False))
    return [replace(part, kind=named.get(joint, part.kind), level=1) for joint, part in enumerate(parts)]


def find_branches(skeleton: Skeleton, short: float = 1.0) -> list[Branch]:
    """All ends of the tree of joints, each from its last fork on; short twigs are no branches and make no forks.

    `short` scales what counts as short.
    """
    reach, tips = _reach(skeleton)
    way = np.linalg.norm(skeleton.joints - skeleton.joints[0], axis=1)
    start = way[[max(parent, 0) for parent in skeleton.parents]]
    long = (reach > short * np.maximum(SHORT * float(skeleton.extent.max()), NEAR * start)) & (
        skeleton.subtree_mass() > 0
    )
    children = [[child for child in each if long[child]] for each in skeleton.children()]
    branches = []
    for joint, parent in enumerate(skeleton.parents):
        if parent >= 0 and long[joint] and len(children[parent]) > 1:
            path = [joint]
            while len(children[path[-1]]) == 1:
                path += children[path[-1]]
            if not children[path[-1]]:
                path += _last(path[-1], skeleton)
                branches.append(Branch(tuple(path), skeleton.joints[joint], tips[joint]))
    return branches


def _last(joint: int, skeleton: Skeleton) -> list[int]:
    """The only joints below the last long one: an ankle or a hand."""
    children, path = skeleton.children(), [joint]
    while len(children[path[-1]]) == 1:
        path += children[path[-1]]
    return path[1:]


def _reach(skeleton: Skeleton) -> tuple[NDArray, NDArray]:
    """How far what is at and below each joint leads away from it (J,), and the far end (J, 3)."""
    count = len(skeleton.parents)
    reach, ends = np.zeros(count), skeleton.joints.copy()
    for joint in range(count):
        for above in skeleton.ancestors(joint):
            for end in (skeleton.joints[joint], skeleton.tips[joint]):
                distance = float(np.linalg.norm(end - skeleton.joints[above]))
                if distance > reach[above]:
                    reach[above], ends[above] = distance, end
    return reach, ends


def _kinds(branches: Sequence[Branch], parts: Sequence[NamePart], skeleton: Skeleton, size: float) -> list[str | None]:
    """The kind of each branch; None: it cannot be told."""
    low, height = float(skeleton.tips[:, 1].min()), float(skeleton.extent[1])
    middle = skeleton.joints[0, 0]
    named = {part.kind for part in parts}
    beside = [_has_twin(branch, branches, middle, size) for branch in branches]
    grounded = [branch.tip[1] < low + LOW * height for branch in branches]
    crawls = sum(ground and aside for ground, aside in zip(grounded, beside, strict=True)) >= CRAWLING
    kinds: list[str | None] = []
    centre = float(np.mean([branch.base[2] for branch in branches])) if branches else 0.0
    for branch, aside in zip(branches, beside, strict=True):
        if aside:
            drop = branch.base[1] - branch.tip[1] > 0.5 * float(np.linalg.norm(branch.base - branch.tip))
            kinds.append("leg" if grounded[len(kinds)] and (drop or crawls) else "pair")
        else:
            back = branch.tip[2] < branch.base[2] - MIDDLE * size and branch.tip[2] < centre
            kinds.append("tail" if back and "tail" not in named else "middle")
    ends = [i for i, kind in enumerate(kinds) if kind == "middle"]
    head = max(ends, key=lambda i: float(branches[i].tip[1] + branches[i].tip[2]), default=-1)
    pair = _pair_kind(kinds, named)
    final: dict[str | None, str | None] = {"leg": "leg", "tail": "tail", "pair": pair}
    return ["head" if i == head and "head" not in named else final.get(kind) for i, kind in enumerate(kinds)]


def _has_twin(branch: Branch, branches: Sequence[Branch], middle: float, size: float) -> bool:
    """Whether another branch, on the other side, is about its mirror image."""
    across = branch.tip[0] - middle
    mirror, shift = np.array([-1.0, 1.0, 1.0]), np.array([2.0 * middle, 0.0, 0.0])
    return abs(across) > MIDDLE * size and any(
        across * (other.tip[0] - middle) < 0
        and np.linalg.norm(mirror * branch.base + shift - other.base) < BASES * size
        and np.linalg.norm(mirror * branch.tip + shift - other.tip) < TIPS * size
        for other in branches
    )


def _pair_kind(kinds: Sequence[str | None], named: set[str | None]) -> str | None:
    """What pairs are that do not stand on the ground."""
    legs = sum(kind == "leg" for kind in kinds)
    if legs >= 4:
        return "wing"
    if named & set(LIMBS):  # the body has its limbs by name
        return "fin" if "fin" in named else None
    return "arm" if legs else "fin"
