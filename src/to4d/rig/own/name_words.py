"""What the name of a joint says: words, side and place, as rigging tools and artists write them.

The conventions are those of Mixamo, Rigify, VRM and Unity, Unreal, 3ds Max Biped, Maya, Daz, Character Creator and of
common packs of animals.
"""

import re
from dataclasses import dataclass
from functools import cache

from to4d.rig.own.joint_vocabulary import CORNERS, GLUE, ORDER, PLACES, SIDES, WORDS, Side


@dataclass(frozen=True)
class NamePart:
    """What a name says of its joint."""

    kind: str | None = None  # one of `ORDER`; None: the name says nothing
    side: Side | None = None
    place: str | None = None  # front, mid or back
    level: int = 0  # in its limb, from 0 for a girdle to 4 for fingers and toes
    control: bool = False  # something that an animator moves, such as the target of inverse kinematics
    extra: bool = False  # hangs on a part of the body: twist bones, eyes, hair, weapons


def tokenize(name: str) -> list[str]:
    """The lower-case words of a name: split at separators, digits and capitals, and known words that are run together.

    >>> tokenize("mixamorig:LeftUpLeg")
    ['mixamorig', 'left', 'up', 'leg']
    >>> tokenize("b_rightupperarm_09")
    ['b', 'right', 'upperarm']
    """
    rough = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)
    return [word for token in rough for word in _split(token.lower())]


@cache
def _split(token: str) -> tuple[str, ...]:
    """A token as few known words; itself where it does not consist of such."""
    if _known(token) or len(token) > 30:
        return (token,)
    best: dict[int, tuple[str, ...]] = {0: ()}
    for end in range(1, len(token) + 1):
        starts = [start for start in best if _known(token[start:end]) and end - start > 1]
        ways = [(*best[start], token[start:end]) for start in starts]
        if ways:
            best[end] = min(ways, key=len)
    return best.get(len(token)) or _split_side(token)


def _split_side(token: str) -> tuple[str, ...]:
    """`larm` and `footr`, where the side is one letter."""
    if token[0] in "lr" and token[1:] in WORDS:
        return token[0], token[1:]
    if token[-1] in "lr" and token[:-1] in WORDS:
        return token[:-1], token[-1]
    return (token,)


def _known(word: str) -> bool:
    return word in WORDS or word in GLUE


@cache
def read_name(name: str) -> NamePart:
    """What a name says.

    >>> read_name("DEF-thigh.L.001")
    NamePart(kind='leg', side='L', place=None, level=1, control=False, extra=False)
    """
    words = tokenize(name)
    side, place = _side(words), next((PLACES[word] for word in words if word in PLACES), None)
    entries = [WORDS[word] for word in words if word in WORDS]
    kinds = {kind for kind, _ in entries}
    if kinds & {"leg", "fin", "end", "shoulder", "hip"}:
        side, place = _corner(words, side, place)
        if place is not None:  # "back" and "middle" are places here, no parts
            words = [word for word in words if word not in PLACES]
    found = [WORDS[word] for word in words if word in WORDS]
    kind = next((kind for kind in ORDER if any(kind == each for each, _ in found)), None)
    if kind == "hip" and side is None:
        kind = "root"
    if kind == "shoulder" and side is None:
        kind = "spine"
    if kind == "jaw" and "upper" in words:
        kind = "face"
    extra = "extra" in kinds or (kind in ("head", "face") and side is not None)
    level = max((level for each, level in found if each == kind), default=0)
    if level == 1 and {"lower", "low"} & set(words):
        level = 2
    return NamePart(kind, side, place, level, "control" in kinds, extra)


def _side(words: list[str]) -> Side | None:
    """The side that a word at either end says, else any word."""
    ends = [word for word in (words[-1:] + words[:1] + words) if word in SIDES]
    return SIDES[ends[0]] if ends else None


def _corner(words: list[str], side: Side | None, place: str | None) -> tuple[Side | None, str | None]:
    """Side and place out of `FL`, `RR` or single letters, as on cars and quadrupeds."""
    for word in words:
        if len(word) == 2 and word[0] in "fbhr" and word[1] in "lr":
            return side or SIDES[word[1]], place or CORNERS.get(word[0], "back")
        if len(word) == 2 and word[0] in "lr" and word[1] in "bh" or word == "rf":
            return side or SIDES[word[0]], place or CORNERS[word[1]]
        if word in CORNERS and place is None:
            place = CORNERS[word]
    return side, place
