"""The prompt, checked before any work is done."""

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
