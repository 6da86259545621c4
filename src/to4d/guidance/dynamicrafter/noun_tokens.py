"""Which of CLIP's tokens name the object."""

import re

import torch
from torch import Tensor

from to4d.errors import InputError
from to4d.lexicon.clip_tokenizer import LENGTH, PIECES, cleaned, tokens_of


def clip_noun_marks(text: str, noun: str) -> Tensor:
    """(77,) ones at the tokens of the noun, wherever it stands in the text, as a plural too; else zeros.

    >>> clip_noun_marks("two handbells swinging", "handbell").nonzero().flatten().tolist()
    [2, 3]

    Raises:
        InputError: if the noun is not among the words that the prior reads.
    """
    text, marks, place = cleaned(text), torch.zeros(LENGTH), 1
    words = r"\s+".join(re.escape(word) for word in cleaned(noun).split())
    spans = [match.span() for match in re.finditer(rf"(?<![\w'-]){words}(?:e?s)?(?!\w|['-]\w\w)", text)]
    for piece in PIECES.finditer(text):
        count = len(tokens_of(piece.group()))
        if any(low <= piece.start() < high for low, high in spans):
            marks[place : place + count] = 1.0
        place += count
    marks[LENGTH - 1 :] = 0.0  # the end's place, in a text that is cut
    if not marks.any():
        raise InputError(
            f"the prompt {text!r} does not name {noun!r} within its first {LENGTH - 2} tokens, so the attention mask "
            "has no word to look at; name it there, or pick its word with object.noun=WORD"
        )
    return marks
