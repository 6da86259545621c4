"""CLIP's byte-pair tokens.

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
    lines = lzma.decompress(MERGES.read_bytes()).decode().split("\n")
    merges = [(left, right) for left, right in map(str.split, lines)]
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


def tokenise(text: str, length: int = LENGTH) -> Tensor:
    """(length,) numbers: start, the text, end, zeros; what is too long is cut.

    >>> tokenise("a plant blooming")[:6].tolist()
    [49406, 320, 3912, 19266, 49407, 0]
    """
    start, end = start_and_end()
    numbers = [number for piece in PIECES.findall(cleaned(text)) for number in tokens_of(piece)]
    row = [start, *numbers[: length - 2], end]
    return torch.tensor(row + [0] * (length - len(row)))
