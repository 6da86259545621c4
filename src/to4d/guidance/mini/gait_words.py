"""Which prompts want limbs to walk, run or wave, and how fast and far."""

from dataclasses import dataclass
from functools import cache

from to4d.lexicon.adverbs import amplitude_of, speed_of
from to4d.lexicon.nouns import WITHOUT_ARM
from to4d.lexicon.text import words
from to4d.lexicon.verbs import motions_in

GAITS = ("walk", "run", "wave")  # kinds of motion


@dataclass(frozen=True)
class Gait:
    """What limbs are to do, and how, as factors on the speed and the amplitude."""

    kind: str  # one of GAITS
    speed: float = 1.0
    amplitude: float = 1.0


@cache
def gait_of(text: str, noun: str) -> Gait | None:
    """The gait that a prompt asks for, if its first verb of motion is one; adverbs count as in the training's clips.

    >>> gait_of("a fox walking slowly", "fox"), gait_of("the horse gallops", "horse")
    (Gait(kind='walk', speed=0.6, amplitude=1.0), Gait(kind='run', speed=1.0, amplitude=1.0))
    >>> gait_of("a running horse", "horse") == gait_of("a horse running", "horse")
    True
    >>> gait_of("a walk-in fridge", "fridge"), gait_of("a flag waving", "flag"), gait_of("a dog waves its tail", "dog")
    (None, None, None)
    """
    kind = next(iter(motions_in(text, noun)), None)
    if kind not in GAITS or (kind == "wave" and WITHOUT_ARM.intersection(words(text))):
        return None
    return Gait(kind, speed_of(text), amplitude_of(text))
