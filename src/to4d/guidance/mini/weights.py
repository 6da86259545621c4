"""The prior's weights as one safetensors file in half precision, with the vocabulary in its header."""

import json
from pathlib import Path

import torch
from safetensors import safe_open

from to4d.guidance.mini.net import MiniNet
from to4d.guidance.mini.vocabulary import Vocabulary

SHIPPED = Path(__file__).with_name("mini.safetensors")


def load_weights(path: Path) -> tuple[MiniNet, Vocabulary]:
    """Read a net and its vocabulary; the net computes in single precision."""
    if not path.exists():
        raise FileNotFoundError(
            f"no weights of the embedded prior at {path}; train them with `python -m to4d_lab.mini.train --out DIR`"
        )
    with safe_open(path, "pt") as file:
        vocabulary = Vocabulary(tuple(json.loads(file.metadata()["vocabulary"])))
        state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
    with torch.random.fork_rng(devices=[]):
        net = MiniNet(len(vocabulary))
    net.load_state_dict({name: value.float() for name, value in state.items()})
    return net, vocabulary
