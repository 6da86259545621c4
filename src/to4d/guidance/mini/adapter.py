"""What the motion head learnt once more: a low-rank correction for motions that it knew least.

The head's linear layers W become W + B A (LoRA, arXiv 2106.09685, Sec. 4.1), and nothing else of the net changes. Only
a prompt whose first verb of motion is one of `RELEARNT` is answered with it: all others get the answers of the net as
it was, to the bit. `fit_adapter.py` trains it, in minutes.
"""

from copy import deepcopy
from functools import cache
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn.utils.parametrize import register_parametrization

from to4d.disk.files import sha256_of
from to4d.guidance.mini.data.verbs import RELEARNT
from to4d.guidance.mini.head import Head, MotionHead, Words
from to4d.guidance.mini.motion_words import kinds_begun
from to4d.guidance.mini.vocabulary import FIRST_WORD, Tokens, Vocabulary

RANK = 8
SHIPPED = Path(__file__).with_name("adapter.safetensors")


class LowRank(nn.Module):
    """The weight (out, in) of a linear layer with its correction, at first zero."""

    def __init__(self, weight: Tensor, rank: int) -> None:
        super().__init__()
        self.down = nn.Parameter(torch.randn(rank, weight.shape[1]) * weight.shape[1] ** -0.5)
        self.up = nn.Parameter(torch.zeros(weight.shape[0], rank))

    def forward(self, weight: Tensor) -> Tensor:
        """(out, in) -> (out, in)."""
        return weight + self.up @ self.down


def give_corrections(head: MotionHead, rank: int = RANK) -> dict[str, LowRank]:
    """Put corrections on all linear layers of a head; layer -> correction."""
    layers = {name: layer for name, layer in head.named_modules() if isinstance(layer, nn.Linear)}
    found = {name: LowRank(layer.weight, rank) for name, layer in layers.items()}
    for name, layer in layers.items():
        register_parametrization(layer, "weight", found[name])
    return found


def save_corrections(corrections: dict[str, LowRank], path: Path, made_for: Path) -> Path:
    """Write corrections in half precision, with the checksum of the file of weights whose head they correct."""
    factors = {f"{name}.{key}": x for name, each in corrections.items() for key, x in each.state_dict().items()}
    save_file({name: x.half() for name, x in factors.items()}, path, {"weights_sha256": sha256_of(made_for)})
    return path


@torch.no_grad()
def adapted(head: MotionHead, path: Path = SHIPPED) -> MotionHead:
    """A copy of a head with the corrections of a file in its weights."""
    head, factors = deepcopy(head), load_file(path)
    for name in {key.rpartition(".")[0] for key in factors}:
        head.get_submodule(name).weight += factors[f"{name}.up"].float() @ factors[f"{name}.down"].float()
    return head


@cache
def begins_motion(words: tuple[str, ...]) -> Tensor:
    """What each token of a vocabulary may begin: 0 is no motion, 1 also others than `RELEARNT`, 2 those alone."""
    kinds = kinds_begun()
    told = [1 + kinds[word].issubset(RELEARNT) if word in kinds else 0 for word in words]
    return torch.tensor([0] * FIRST_WORD + told)


def asked_for(tokens: Tokens, vocabulary: Vocabulary) -> Tensor:
    """Which prompts (B,) have one of `RELEARNT` for their first motion; words that name the object are none."""
    said = begins_motion(vocabulary.words).to(tokens.words.device)[tokens.words] * ~tokens.noun
    return said.gather(1, (said > 0).int().argmax(1, keepdim=True))[:, 0] == 2


def by_row(rows: Tensor, one: Head, other: Head) -> Head:
    """Two heads as one, of which the `other` answers the chosen rows (B,)."""

    def head(evidence: Tensor, words: Words, *rest: Tensor) -> tuple[Tensor, Tensor]:
        answers = (each(evidence, words, *rest) for each in (one, other))
        return tuple(torch.where(rows.view(-1, *[1] * (b.dim() - 1)), b, a) for a, b in zip(*answers, strict=True))

    return head
