"""Prompts become tokens: known words have a number of their own, and every word has the letters it is made of.

The prior was trained on nonsense nouns, so any noun can name the object; any other word that it has never seen it would
take for something else, so it is left out, and `unknown_words` lists it.
"""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from to4d.errors import InputError
from to4d.guidance.mini.word_matching import is_misspelt_motion, is_motion, known_motions, nearest, read_as
from to4d.lexicon.nouns import noun_positions
from to4d.lexicon.text import words as words_of

MAX_TOKENS, MAX_TRIGRAMS, TRIGRAM_BUCKETS = 32, 12, 2048
PAD, START, UNKNOWN, FIRST_WORD = 0, 1, 2, 3


@dataclass(frozen=True)
class Tokens:
    """B prompts, padded to the same length L. Token 0 is the start; a dropped prompt is the start alone."""

    words: Tensor  # (B, L) numbers of words
    trigrams: Tensor  # (B, L, 12) buckets of letter triples, 0 where there is none
    noun: Tensor  # (B, L) whether the token is of the noun

    @property
    def present(self) -> Tensor:
        """(B, L) whether there is a token."""
        return self.words != PAD

    def __getitem__(self, rows: Tensor | slice) -> "Tokens":
        return Tokens(self.words[rows], self.trigrams[rows], self.noun[rows])

    def dropped(self, rows: Tensor) -> "Tokens":
        """The same with the prompts of `rows` (B,) left out."""
        keep = ~rows[:, None] | (torch.arange(self.words.shape[1], device=rows.device) == 0)
        return Tokens(self.words * keep, self.trigrams * keep[..., None], self.noun & keep)


def trigram_buckets(word: str) -> list[int]:
    """Buckets of the letter triples of a word, its ends marked, at most 12 of them."""
    marked = f"<{word}>"
    triples = [marked[i : i + 3] for i in range(max(1, len(marked) - 2))][:MAX_TRIGRAMS]
    return [1 + zlib.crc32(triple.encode()) % (TRIGRAM_BUCKETS - 1) for triple in triples]


@dataclass(frozen=True)
class Vocabulary:
    """The words with a number of their own."""

    words: tuple[str, ...]

    def __len__(self) -> int:
        return FIRST_WORD + len(self.words)

    def unknown_words(self, text: str) -> list[tuple[str, str]]:
        """The words of `text` that were never seen in training, each with the known word closest to it, or "".

        If no word is a motion that is known, and none is near to one, the last pair is `text` and all known motions.
        """
        said = list(dict.fromkeys(words_of(text)))
        pairs = [(word, nearest(word, self.words)) for word in said if word not in self.words]
        known = [word for word in said if word in self.words] + [like.split()[0] for _, like in pairs if like]
        if not any(is_motion(word) for word in known):
            pairs.append((text, ", ".join(known_motions(self.words).values())))
        return pairs

    def encode(self, texts: Sequence[str], nouns: Sequence[str | None]) -> Tokens:
        """Tokens of prompts; a noun of None marks no token.

        At most 31 words are read: those that are known, verbs that mean the same as a known one
        (`word_matching.read_as`), misspelt motions, and the noun. The others would say anything.

        Raises:
            InputError: if a noun is not among the words read.
        """
        numbers = {word: FIRST_WORD + index for index, word in enumerate(self.words)}
        rows = [self._read(text, noun, numbers) for text, noun in zip(texts, nouns, strict=True)]
        shape = len(texts), 1 + max(map(len, rows))
        ids, marks = torch.zeros(shape, dtype=torch.long), torch.zeros(shape, dtype=torch.bool)
        trigrams = torch.zeros(*shape, MAX_TRIGRAMS, dtype=torch.long)
        ids[:, 0] = START
        for row, read in enumerate(rows):
            for column, (word, named) in enumerate(read, start=1):
                ids[row, column] = numbers.get(word, UNKNOWN)
                buckets = trigram_buckets(word)
                trigrams[row, column, : len(buckets)] = torch.tensor(buckets)
                marks[row, column] = named
        return Tokens(ids, trigrams, marks)

    def _read(self, text: str, noun: str | None, numbers: dict[str, int]) -> list[tuple[str, bool]]:
        """The words of a prompt that mean something, each with whether it names the object."""
        words = words_of(text)
        places = [] if noun is None else noun_positions(words, noun)
        read = []
        for at, word in enumerate(words):
            named = at in places
            if not named and word not in numbers:
                word = read_as(word, self.words)
            if named or word in numbers or is_misspelt_motion(word, self.words):
                read.append((word, named))
        read = read[: MAX_TOKENS - 1]
        if noun is not None and not any(named for _, named in read):
            raise InputError(
                f"the prompt does not name {noun!r} within the first {MAX_TOKENS - 1} words that the embedded prior "
                f"reads; name it earlier, or shorten the prompt: {text!r}"
            )
        return read
