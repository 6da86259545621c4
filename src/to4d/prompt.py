"""The prompt, checked before any work is done."""

import re

from to4d.errors import InputError
from to4d.lexicon.nouns import noun_starts
from to4d.lexicon.text import words
from to4d.types import Prompt


def make_prompt(text: str | None, noun: str | None) -> Prompt:
    """The prompt with the word that names the object.

    Raises:
        InputError: if the prompt is empty, or names the object not once.
    """
    if not text or not words(text):
        raise InputError('what should the object do? Say it with prompt="a plant blooming"')
    if not noun:
        raise InputError(f"which word of {text!r} names the object? Say object.noun=<one of {words(text)}>")
    count = len(noun_starts(words(text), noun))
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


def subject(text: str, name: str) -> str:
    """The noun of a prompt for an object whose file is called `name`, where there is no doubt.

    That is `name` itself where the prompt has it, or the word between article and participle of so simple a prompt:

    >>> subject("a hand bell swinging", "hand_bell"), subject("a robot jumping, slowly", "scan_03")
    ('hand bell', 'robot')

    Raises:
        InputError: if there is doubt.
    """
    called = " ".join(words(re.sub(r"[\W_]+", " ", name)))
    if called and noun_starts(words(text), called):
        return called
    if simple := re.match(r"(?:an?|the)\s+([^\W_]+)\s+[^\W_]*[aeiouy][^\W_]*ing(?:$|[^\w\s]|\s+\w+ly\b)", text.lower()):
        return simple[1]
    raise InputError(f"which word of {text!r} names the object? Say noun=<one of {words(text)}>")
