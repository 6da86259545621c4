"""The joints of the trunk: root, spine, neck, head, jaw and tail."""

from collections.abc import Mapping, Sequence

from to4d.rig.own.file_skeleton import Skeleton
from to4d.rig.own.name_words import NamePart

_UPPER = ("arm", "foreleg", "wing", "fin")


def trunk_chains(
    limbs: Mapping[str, Sequence[int]], parts: Sequence[NamePart], skeleton: Skeleton
) -> dict[str, tuple[int, ...]]:
    """Role -> its joints, from the root outwards.

    Args:
        limbs: the joints of each limb by role.
        parts: resolved, see `to4d.rig.own.limb_chains.resolve_parts`.
        skeleton: of the same joints.
    """
    taken = {joint for joints in limbs.values() for joint in joints}
    free = [j not in taken and not (part.extra or part.control) for j, part in enumerate(parts)]
    stem = _longest("stem", parts, skeleton, free)
    tail = _longest("tail", parts, skeleton, free)
    jaw = _longest("jaw", parts, skeleton, free)
    attached = [skeleton.parents[joints[0]] for role, joints in limbs.items() if role.startswith(_UPPER)]
    head = _longest("head", parts, skeleton, free) or _faced(attached, parts, skeleton, free)
    line = _line(head, tail, attached, parts, skeleton, free)
    ends = [joints[0] for joints in (*limbs.values(), tail, stem, head or line[-1:]) if joints]
    root = _root(ends, line, parts, skeleton, bool(limbs))
    chains = {"root": root, "tail": tail, "jaw": jaw, "stem": stem} | _divide(line, head, set(root), attached, parts)
    if tail and not chains["spine"]:  # of fish and snakes it leads to the tail
        between = [joint for joint in skeleton.ancestors(tail[0])[::-1] if free[joint]]
        chains["spine"] = tuple(joint for joint in between if joint not in (*root, *tail, *head))
    used = set(taken)
    for role, joints in chains.items():
        chains[role] = tuple(joint for joint in joints if joint not in used)
        used |= set(joints)
    return {role: joints for role, joints in chains.items() if joints}


def _longest(kind: str, parts: Sequence[NamePart], skeleton: Skeleton, free: Sequence[bool]) -> tuple[int, ...]:
    """The longest path of joints of a kind; of several the heaviest."""
    mass, best, rank = skeleton.subtree_mass(), (), (0, 0.0)
    for joint, part in enumerate(parts):
        if part.kind != kind or not free[joint]:
            continue
        path = [joint]
        while (above := skeleton.parents[path[-1]]) > 0 and parts[above].kind == kind:
            path.append(above)
        if (len(path), float(mass[joint])) > rank:
            best, rank = tuple(path[::-1]), (len(path), float(mass[joint]))
    return best


def _faced(
    attached: Sequence[int], parts: Sequence[NamePart], skeleton: Skeleton, free: Sequence[bool]
) -> tuple[int, ...]:
    """The head where no joint is called so: the end of the spine that carries the face, or the face."""
    for joint, part in enumerate(parts):
        above = skeleton.parents[joint]
        if (
            part.kind in ("face", "jaw")
            and above > 0
            and above not in attached
            and parts[above].kind in ("spine", "neck")
        ):
            return (above,)
    return _longest("face", parts, skeleton, free)


def _line(
    head: Sequence[int],
    tail: Sequence[int],
    attached: Sequence[int],
    parts: Sequence[NamePart],
    skeleton: Skeleton,
    free: Sequence[bool],
) -> tuple[int, ...]:
    """The way from the root to the head, or to the end of the spine where no joint is called a head."""
    if head:
        return tuple(skeleton.ancestors(head[-1])[::-1])
    ends = [j for j, part in enumerate(parts) if free[j] and part.kind in ("spine", "neck") and j not in tail]
    above = [j for j in ends if any(each in skeleton.ancestors(j) for each in attached)]
    last = max(above or ends, key=lambda j: len(skeleton.ancestors(j)), default=0)
    return tuple(skeleton.ancestors(last)[::-1])


def _root(
    ends: Sequence[int], line: Sequence[int], parts: Sequence[NamePart], skeleton: Skeleton, has_limbs: bool
) -> tuple[int, ...]:
    """From joint 0 to the last joint that carries everything."""
    shared = set(skeleton.ancestors(ends[0])) if ends else {0}
    for end in ends[1:]:
        shared &= set(skeleton.ancestors(end))
    path = [joint for joint in line if joint in shared] or [0]
    others = ("neck", "head") if has_limbs else ("spine", "neck", "head")
    return tuple(path[: next((i for i, joint in enumerate(path) if i and parts[joint].kind in others), len(path))])


def _divide(
    line: Sequence[int], head: Sequence[int], root: set[int], attached: Sequence[int], parts: Sequence[NamePart]
) -> dict[str, tuple[int, ...]]:
    """Spine, neck and head along the line."""
    rest = [joint for joint in line if joint not in root and joint not in head]
    last = max((rest.index(joint) for joint in attached if joint in rest), default=len(rest) - 1)
    cut = next((i for i, joint in enumerate(rest) if parts[joint].kind == "neck"), last + 1)
    neck = rest[cut:]
    if not head and neck:
        head, neck = neck[-1:], neck[:-1]
    return {"spine": tuple(rest[:cut]), "neck": tuple(neck), "head": tuple(j for j in head if j not in root)}
