"""A low-rank adapter (LoRA, arXiv 2106.09685, Sec. 4.1) of the motion head, for the motions that it learnt least.

The head's linear layers W become W + B A, and nothing else of the net changes. Only a prompt whose first verb of motion
is of `ADAPTED_KINDS` is answered with it: all others get the answers of the net without it, to the bit.
`python -m to4d_lab.mini.fit_adapter` trains it.
"""

from copy import deepcopy
from functools import cache
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

from to4d.guidance.mini.head import Head, MotionHead, TextEmbeddings
from to4d.guidance.mini.vocabulary import FIRST_WORD, Tokens, Vocabulary
from to4d.lexicon.verbs import kinds_beginning_with

ADAPTED_KINDS = ("ripple", "swim", "flap", "rock", "dance")  # of motion
SHIPPED = Path(__file__).with_name("adapter.safetensors")


@torch.no_grad()
def load_adapted_head(head: MotionHead, path: Path = SHIPPED) -> MotionHead:
    """A copy of a head with the corrections of a file in its weights."""
    head, factors = deepcopy(head), load_file(path)
    for name in {key.rpartition(".")[0] for key in factors}:
        correction = factors[f"{name}.up"].float() @ factors[f"{name}.down"].float()
        head.get_parameter(f"{name}.weight").add_(correction)
    return head


@cache
def motion_codes(words: tuple[str, ...]) -> Tensor:
    """Which phrases each token begins: 0 of no motion, 1 also of others than `ADAPTED_KINDS`, 2 of those alone."""
    kinds = [kinds_beginning_with(word) for word in words]
    codes = [1 + found.issubset(ADAPTED_KINDS) if found else 0 for found in kinds]
    return torch.tensor([0] * FIRST_WORD + codes)


def needs_adapter(tokens: Tokens, vocabulary: Vocabulary) -> Tensor:
    """Which prompts (B,) have one of `ADAPTED_KINDS` for their first motion; words that name the object are none."""
    codes = motion_codes(vocabulary.words).to(tokens.words.device)[tokens.words] * ~tokens.noun
    return codes.gather(1, (codes > 0).int().argmax(1, keepdim=True))[:, 0] == 2


def select_head(rows: Tensor, one: Head, other: Head) -> Head:
    """Two heads as one, of which the `other` answers the chosen rows (B,)."""

    def head(evidence: Tensor, words: TextEmbeddings, *rest: Tensor) -> tuple[Tensor, Tensor]:
        answers = (each(evidence, words, *rest) for each in (one, other))
        pairs = zip(*answers, strict=True)
        coefficients, tokens = (torch.where(rows.view(-1, *[1] * (b.dim() - 1)), b, a) for a, b in pairs)
        return coefficients, tokens

    return head
