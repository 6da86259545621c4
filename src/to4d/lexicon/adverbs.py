"""Adverbs of pace and size, and the factors that they stand for."""

from dataclasses import dataclass

from to4d.lexicon.text import words


@dataclass(frozen=True)
class Adverbs:
    """Words and phrases of one meaning; they multiply the speed or the amplitude of a motion by `factor`."""

    factor: float
    phrases: tuple[str, ...]

    def are_in(self, text: str) -> bool:
        """Whether a text has one of the words anywhere, or ends with one of the phrases.

        >>> texts = ("A little dog runs.", "it gently runs", "it runs a little.")
        >>> [SLIGHT.are_in(text) for text in texts]
        [False, True, True]
        """
        said = words(text)
        phrases = (phrase.split() for phrase in self.phrases)
        return any(said[-len(p) :] == p if len(p) > 1 else p[0] in said for p in phrases)


SLOW = Adverbs(0.6, ("slowly", "lazily", "in slow motion"))
FAST = Adverbs(1.5, ("quickly", "fast", "rapidly"))
SLIGHT = Adverbs(0.6, ("slightly", "gently", "softly", "a little"))
STRONG = Adverbs(1.35, ("strongly", "wildly", "vigorously", "a lot"))


def speed_of(text: str) -> float:
    """The factor on the speed of a motion that the adverbs of a text stand for; 1 is ordinary.

    >>> speed_of("a fox walking slowly"), speed_of("a fox walking")
    (0.6, 1.0)
    """
    return _factor(text, SLOW, FAST)


def amplitude_of(text: str) -> float:
    """The factor on the amplitude of a motion that the adverbs of a text stand for; 1 is ordinary."""
    return _factor(text, SLIGHT, STRONG)


def _factor(text: str, *options: Adverbs) -> float:
    return next((adverbs.factor for adverbs in options if adverbs.are_in(text)), 1.0)
