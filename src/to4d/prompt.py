"""The wish in words, checked before any work is done."""

import re

from to4d.errors import InputError
from to4d.types import Prompt


def words(text: str) -> list[str]:
    """Lower-case words of a text; apostrophes and hyphens stay inside a word.

    >>> words("Mario's hat, spinning!")
    ["mario's", 'hat', 'spinning']
    """
    return re.findall(r"[^\W_]+(?:['’-][^\W_]+)*", text.lower())


def occurrences(noun: str, text: str) -> int:
    """How often the words of `noun` stand in `text`, in order and next to each other; a plural or 's counts.

    >>> occurrences("hand bell", "a hand bell and the hand bell's handle")
    2
    """
    wanted, said = words(noun), [re.sub(r"['’]s?$", "", word) for word in words(text)]
    starts = range(len(said) - len(wanted) + 1)
    return sum(all(same(w, s) for w, s in zip(wanted, said[i : i + len(wanted)], strict=True)) for i in starts)


def same(noun: str, word: str) -> bool:
    """Whether `word` is `noun` or its plural."""
    return word in (noun, noun + "s", noun + "es")


def make_prompt(text: str | None, noun: str | None) -> Prompt:
    """The prompt with the word that names the object.

    Raises:
        InputError: if the prompt is empty, or names the object not once.
    """
    if not text or not words(text):
        raise InputError('what should the object do? Say it with prompt="a plant blooming"')
    if not noun:
        raise InputError(f"which word of {text!r} names the object? Say object.noun=<one of {words(text)}>")
    count = occurrences(noun, text)
    if count == 0:
        raise InputError(
            f"the prompt {text!r} never names the object {noun!r}, so the attention mask has no word to look at;\n"
            f"name it in the prompt, or pick its word with object.noun=<one of {words(text)}>"
        )
    if count > 1:
        raise InputError(
            f"the prompt {text!r} names {noun!r} {count} times, so the mask cannot know which is the object;\n"
            "name it once, or pick more of its words, as in object.noun='hand bell'"
        )
    return Prompt(text, noun)
