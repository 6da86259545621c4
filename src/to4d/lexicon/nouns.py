"""Where a prompt names its object, and which objects have no arm to wave."""

from to4d.lexicon.bodies import BENDING, CLOTH, PARTS, PLANTS, WATER
from to4d.lexicon.text import words

WITHOUT_ARM = frozenset(f"{PLANTS} {BENDING} {CLOTH} {WATER} {PARTS}".split())  # waves without an arm, or is waved


def is_form_of(noun: str, word: str) -> bool:
    """Whether `word` is `noun` or its regular plural.

    >>> is_form_of("bell", "bells"), is_form_of("box", "boxes"), is_form_of("bell", "belle")
    (True, True, False)
    """
    return word in (noun, noun + "s", noun + "es")


def noun_starts(text: list[str], noun: str) -> list[int]:
    """Where in a list of words those of `noun` begin, in order and next to each other, singular or plural.

    >>> noun_starts(["two", "hand", "bells", "swinging"], "hand bell")
    [1]
    """
    wanted = words(noun)
    starts = range(len(text) - len(wanted) + 1) if wanted else ()
    return [i for i in starts if all(map(is_form_of, wanted, text[i : i + len(wanted)]))]


def noun_positions(text: list[str], noun: str) -> list[int]:
    """The positions of all words that name `noun` in a list of words.

    >>> noun_positions(["two", "hand", "bells", "swinging"], "hand bell")
    [1, 2]
    """
    length = len(words(noun))
    return [place for start in noun_starts(text, noun) for place in range(start, start + length)]
