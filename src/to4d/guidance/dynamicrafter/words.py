"""CLIP's byte-pair tokens, and which of them name the object.

`clip_merges.txt.xz` holds the 48,894 merges of OpenAI's CLIP (MIT licence), most frequent first.
"""

import html
import lzma
import re
from functools import cache
from itertools import pairwise
from pathlib import Path

import torch
from torch import Tensor

from to4d.errors import InputError

MERGES = Path(__file__).with_name("clip_merges.txt.xz")
LENGTH, END_OF_WORD = 77, "</w>"
# As in open_clip, but for raised digits, which are letters here.
PIECES = re.compile(r"'(?:s|t|re|ve|m|ll|d)|[^\W\d_]+|\d|(?:[^\s\w]|_)+")
STRAIGHT = str.maketrans("‘’“”", "''\"\"")


@cache
def alphabet() -> tuple[str, ...]:
    """A visible character for each of the 256 bytes: itself if it has one."""
    visible = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    hidden = [byte for byte in range(256) if byte not in visible]
    stand_ins = {byte: chr(256 + index) for index, byte in enumerate(hidden)}
    return tuple(chr(byte) if byte in visible else stand_ins[byte] for byte in range(256))


@cache
def tables() -> tuple[dict[tuple[str, str], int], dict[str, int]]:
    """The rank of each merge, and the number of each token."""
    merges = [tuple(line.split()) for line in lzma.decompress(MERGES.read_bytes()).decode().split("\n")]
    single = sorted(alphabet())
    tokens = [*single, *(c + END_OF_WORD for c in single), *("".join(merge) for merge in merges)]
    return {merge: rank for rank, merge in enumerate(merges)}, {token: number for number, token in enumerate(tokens)}


def start_and_end() -> tuple[int, int]:
    """The numbers of the tokens before and after a text."""
    count = len(tables()[1])
    return count, count + 1


@cache
def tokens_of(piece: str) -> tuple[int, ...]:
    """The numbers of a piece's tokens: its best-ranked neighbours are merged until none can be."""
    ranks, numbers = tables()
    parts = [alphabet()[byte] for byte in piece.encode()]
    parts[-1] += END_OF_WORD
    while len(parts) > 1:
        best = min(pairwise(parts), key=lambda pair: ranks.get(pair, len(ranks)))
        if best not in ranks:
            break
        parts = _merged(parts, best)
    return tuple(numbers[part] for part in parts)


def _merged(parts: list[str], pair: tuple[str, str]) -> list[str]:
    out: list[str] = []
    for part in parts:
        if out and (out[-1], part) == pair:
            out[-1] += part
        else:
            out.append(part)
    return out


def cleaned(text: str) -> str:
    """Lower case, single spaces, straight quotes."""
    return " ".join(html.unescape(html.unescape(text)).translate(STRAIGHT).split()).lower()


def tokenise(text: str) -> Tensor:
    """(77,) numbers: start, the text, end, zeros; what is too long is cut.

    >>> tokenise("a plant blooming")[:6].tolist()
    [49406, 320, 3912, 19266, 49407, 0]
    """
    start, end = start_and_end()
    numbers = [number for piece in PIECES.findall(cleaned(text)) for number in tokens_of(piece)]
    row = [start, *numbers[: LENGTH - 2], end]
    return torch.tensor(row + [0] * (LENGTH - len(row)))


def noun_marks(text: str, noun: str) -> Tensor:
    """(77,) ones at the tokens of the noun, wherever it stands in the text, as a plural too; else zeros.

    >>> noun_marks("two handbells swinging", "handbell").nonzero().flatten().tolist()
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
