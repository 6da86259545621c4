"""The prior's weights as one safetensors file in half precision, with the vocabulary in its header."""

import json
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file

from to4d.guidance.mini.net import MiniNet
from to4d.guidance.mini.vocabulary import FIRST_WORD, Vocabulary

SHIPPED = Path(__file__).with_name("mini.safetensors")
FULL_PRECISION = ("codec.", "bank.")  # small, and everything else rests on them


def save_weights(net: MiniNet, vocabulary: Vocabulary, path: Path) -> Path:
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


def load_weights(path: Path) -> tuple[MiniNet, Vocabulary]:
    """Read a net and its vocabulary; the net computes in single precision."""
    if not path.exists():
        raise FileNotFoundError(
            f"no weights of the embedded prior at {path}; "
            "train them with `python -m to4d.guidance.mini.train --out DIR`"
        )
    with safe_open(path, "pt") as file:
        vocabulary = Vocabulary(tuple(json.loads(file.metadata()["vocabulary"])))
        state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
    with torch.random.fork_rng(devices=[]):
        net = MiniNet(len(vocabulary))
    net.load_state_dict({name: value.float() for name, value in state.items()})
    return net, vocabulary
