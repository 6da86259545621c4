"""Which of a tokenizer's tokens name the object."""

import re
from typing import Any

import torch
from torch import Tensor

from to4d.errors import InputError


def single_spaced(text: str) -> str:
    """The text with single spaces: what tokenizer and search both see."""
    return " ".join(text.split())


def noun_spans(text: str, noun: str) -> list[tuple[int, int]]:
    """Where the noun stands in the text, as a plural or with 's too.

    >>> noun_spans("a plant by the plants", "plant")
    [(2, 7), (15, 21)]
    """
    words = r"\s+".join(re.escape(word) for word in noun.split())
    found = re.finditer(rf"(?<![\w'-]){words}(?:e?s)?(?!\w|['-]\w\w)", text, re.IGNORECASE)
    return [match.span() for match in found]


def token_noun_marks(tokenizer: Any, text: str, noun: str, length: int) -> Tensor:
    """(length,) ones at the noun's tokens, else zeros.

    Raises:
        InputError: if the noun is not among the words that the prior reads.
    """
    text = single_spaced(text)
    read = tokenizer(text, max_length=length, truncation=True, return_offsets_mapping=True)["offset_mapping"]
    spans = noun_spans(text, noun)
    named = [any(low < end and start < high for low, high in spans) for start, end in read]
    marks = torch.zeros(length)
    marks[: len(named)] = torch.tensor(named, dtype=torch.float32)
    if not marks.any():
        raise InputError(
            f"the prompt {text!r} does not name {noun!r} within its first {length} tokens, so the attention mask has "
            "no word to look at; name it there, or pick its word with object.noun=WORD"
        )
    return marks
