"""Legs, arms, wings, fins and ears as chains of joints, from what the joints' names say."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from to4d.rig.own.file_skeleton import Skeleton
from to4d.rig.own.joint_vocabulary import Side
from to4d.rig.own.name_words import NamePart

LIMBS = ("leg", "arm", "wing", "fin", "ear")
_GIRDLES = {"shoulder": "arm", "hip": "leg"}  # and what they carry, where nothing hangs on them
_CONTINUED = (*LIMBS, "tail", "jaw")  # joints without a meaning of their own continue these


@dataclass(frozen=True)
class Limb:
    """One limb; `joints` lead from the body to its tip."""

    kind: str  # one of `LIMBS`
    side: Side | None  # by name
    place: str | None  # front, mid or back, by name
    joints: tuple[int, ...]


def resolve_parts(parts: Sequence[NamePart], skeleton: Skeleton) -> list[NamePart]:
    """Parts with what their neighbours say: the limb of a nameless joint, of a shoulder or a paw; sides of knees."""
    known: list[NamePart] = []
    for part, parent in zip(parts, skeleton.parents, strict=True):
        known.append(_inherit(part, known[parent]) if parent >= 0 else part)
    children = skeleton.children()
    for joint in reversed(range(len(known))):
        part = known[joint]
        if part.kind == "arm" and any(known[child].kind == "leg" for child in children[joint]):
            part = known[joint] = replace(part, kind="leg")  # the humerus of a foreleg
        if part.kind in _GIRDLES:
            below = [known[child] for child in children[joint] if known[child].kind in LIMBS]
            first = min(below, key=lambda p: p.kind not in ("arm", "leg"), default=part)
            kind = first.kind if below else "leg" if part.place == "back" else _GIRDLES[part.kind]
            known[joint] = replace(
                part, kind=kind, side=part.side or first.side, place=part.place or first.place, level=0
            )
    return known


def _inherit(part: NamePart, parent: NamePart) -> NamePart:
    if part.kind is None and not (part.control or part.extra) and parent.kind in _CONTINUED:
        side = part.side or parent.side
        return replace(parent, side=side, control=False, extra=parent.extra)
    if part.kind == "end":
        part = replace(part, kind=parent.kind if parent.kind in ("leg", "arm", "wing") else "leg")
    if part.kind == "arm" and parent.kind == "leg":  # the hand of a foreleg
        part = replace(part, kind="leg")
    if part.kind in LIMBS and part.kind == parent.kind:
        return replace(part, side=part.side or parent.side, place=part.place or parent.place)
    return part


def find_limbs(parts: Sequence[NamePart], skeleton: Skeleton) -> list[Limb]:
    """All limbs that move anything.

    Args:
        parts: resolved, see `resolve_parts`.
        skeleton: of the same joints.
    """
    members = [joints for joints in _fragments(parts, skeleton) if skeleton.mass[joints].sum() > 0]
    return [_main_chain(joints, parts, skeleton) for joints in members]


def _fragments(parts: Sequence[NamePart], skeleton: Skeleton) -> list[list[int]]:
    """Joints of one limb each, connected; joints that fork into several limbs belong to none."""
    children, fragments = skeleton.children(), {}
    forks = {j for j, part in enumerate(parts) if part.level == 0 and _branches(parts, children[j], part) > 1}
    home: dict[int, int] = {}
    for joint, part in enumerate(parts):
        parent = skeleton.parents[joint]
        if part.kind not in LIMBS or joint in forks:
            continue
        alone = sum(parts[child].kind == part.kind for child in children[parent]) == 1
        joined = parent in home and part.kind == parts[parent].kind and (alone or same_limb(part, parts[parent]))
        home[joint] = home[parent] if joined else joint
        fragments.setdefault(home[joint], []).append(joint)
    return list(fragments.values())


def _branches(parts: Sequence[NamePart], children: Sequence[int], part: NamePart) -> int:
    """How many limbs begin below a girdle."""
    return sum(parts[c].kind == part.kind and parts[c].level in (1, 2) and not parts[c].extra for c in children)


def same_limb(a: NamePart, b: NamePart) -> bool:
    """Whether two parts may be of one limb: nothing that is known of both contradicts that."""
    sides, places = {a.side, b.side} - {None}, {a.place, b.place} - {None}
    return a.kind == b.kind and len(sides) < 2 and len(places) < 2


def _main_chain(joints: Sequence[int], parts: Sequence[NamePart], skeleton: Skeleton) -> Limb:
    """The path from the base to the end that is most of a limb: no twist bone, long, a hand or foot, heavy."""
    inside, below = set(joints), skeleton.subtree_mass()

    def rank(joint: int) -> tuple:
        part, path = parts[joint], skeleton.ancestors(joint)
        return not (part.extra or part.control), len(path), part.level, below[joint]

    path = [joint for joint in skeleton.ancestors(max(joints, key=rank)) if joint in inside][::-1]
    path = path[: next((i for i, joint in enumerate(path, 1) if _spreads(joint, parts, skeleton)), len(path))]
    place = next((parts[j].place for j in path if parts[j].place), None)
    return Limb(str(parts[path[0]].kind), _side_of([parts[j].side for j in path]), place, tuple(path))


def _spreads(joint: int, parts: Sequence[NamePart], skeleton: Skeleton) -> bool:
    """Whether a hand or foot forks into fingers or toes."""
    below = [parts[child] for child in skeleton.children()[joint]]
    return parts[joint].level >= 3 and sum(x.kind == parts[joint].kind and not x.extra for x in below) > 1


def _side_of(sides: Sequence[Side | None]) -> Side | None:
    """The side that most joints name: copies of a limb may keep the names of its twin here and there."""
    left, right = sides.count("L"), sides.count("R")
    return None if left == right else "L" if left > right else "R"
