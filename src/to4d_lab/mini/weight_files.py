"""Write the weights of the embedded prior, and start a training from earlier ones."""

import json
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import nn

from to4d.guidance.mini.net import MiniNet
from to4d.guidance.mini.vocabulary import FIRST_WORD, Vocabulary
from to4d.guidance.mini.weights import load_weights

FULL_PRECISION = ("codec.", "bank.")  # small, and everything else rests on them


def save_weights(net: nn.Module, vocabulary: Vocabulary, path: Path) -> Path:
    """Write a net; loading it again gives the half-precision values."""
    state = {
        name: value.contiguous() if name.startswith(FULL_PRECISION) else value.half().contiguous()
        for name, value in net.state_dict().items()
    }
    save_file(state, path, metadata={"vocabulary": json.dumps(vocabulary.words)})
    return path


@torch.no_grad()
def adopt(net: MiniNet, vocabulary: Vocabulary, path: Path) -> None:
    """Take over the weights in a file, words by their spelling; words that it does not know stay as they are."""
    old, known = load_weights(path)
    state = old.state_dict()
    table, vectors = net.text.word.weight.clone(), state["text.word.weight"]
    table[:FIRST_WORD] = vectors[:FIRST_WORD]
    for row, word in enumerate(vocabulary.words):
        if word in known.words:
            table[FIRST_WORD + row] = vectors[FIRST_WORD + known.words.index(word)]
    net.load_state_dict(state | {"text.word.weight": table})


def write_weights(net: nn.Module, vocabulary: Vocabulary, path: Path) -> Path:
    """Write a net, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return save_weights(net, vocabulary, path.with_suffix(".part")).replace(path)
