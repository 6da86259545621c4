"""Which prompts want limbs to walk, run or wave, and how fast and far."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from re import findall

from to4d.guidance.mini.data.sentences import AMPLITUDES, QUICK, SLOW, SOFT, SPEEDS, STRONG
from to4d.guidance.mini.data.verbs import VERBS
from to4d.guidance.mini.motion_words import kind_of

GAITS = ("walk", "run", "wave")
NOT_VERBS_AFTER = {"a", "an", "the", "of", "on", "in", "his", "her", "its", "their"}  # "on a step"
NO_ARM = """flag banner sail curtain cloth scarf sheet ribbon rope kite flame candle water sea ocean grass reed wheat
weed seaweed kelp coral anemone leaf leaves plant houseplant flower sunflower tulip rose petals bush fern palm tree
branches tail wings trunk head ears hair"""  # what waves without an arm, or is waved


@dataclass(frozen=True)
class Gait:
    """What limbs are to do, and how, as factors."""

    kind: str  # one of GAITS
    speed: float = 1.0
    amplitude: float = 1.0


@cache
def gait_of(text: str, noun: str) -> Gait | None:
    """The gait that a prompt asks for, if its first verb of motion is one; adverbs count as in the clips of the net.

    >>> gait_of("a fox walking slowly", "fox"), gait_of("the horse gallops", "horse")
    (Gait(kind='walk', speed=0.6, amplitude=1.0), Gait(kind='run', speed=1.0, amplitude=1.0))
    >>> gait_of("a running horse", "horse") == gait_of("a horse running", "horse")
    True
    >>> gait_of("a walk-in fridge", "fridge"), gait_of("a flag waving", "flag"), gait_of("a dog waves its tail", "dog")
    (None, None, None)
    """
    names = set(noun.lower().split())
    verbs = {phrase: kind for kind, phrases in VERBS.items() for phrase in phrases if " " not in phrase}
    words = findall(r"[a-z]+", text.lower())
    told = (
        verbs.get(word) or kind_of(word)
        for before, word in zip(["", *words], words, strict=False)
        if (before not in NOT_VERBS_AFTER or word.endswith("ing")) and word not in names
    )
    kind = next((kind for kind in told if kind), None)
    if kind not in GAITS or (kind == "wave" and names.union(words) & set(NO_ARM.split())):
        return None
    speed, amplitude = (
        low if is_said(less, text) else high if is_said(more, text) else 1.0
        for (low, high), less, more in ((SPEEDS, SLOW, QUICK), (AMPLITUDES, SOFT, STRONG))
    )
    return Gait(kind, speed, amplitude)


def is_said(adverbs: Iterable[str], text: str) -> bool:
    """Whether a text has one of these words anywhere, or ends with one of these phrases.

    >>> [is_said(("a little", "gently"), x) for x in ("A little dog runs.", "it gently runs", "it runs a little.")]
    [False, True, True]
    """
    said = text.lower().rstrip(" .!")
    return any(said.endswith(each) if " " in each else each in findall(r"[a-z]+", said) for each in adverbs)
