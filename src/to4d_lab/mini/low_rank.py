"""The low-rank corrections of the motion head in training (LoRA, arXiv 2106.09685, Sec. 4.1), and their file."""

from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn.utils.parametrize import register_parametrization

from to4d.disk.files import sha256_of
from to4d.guidance.mini.head import MotionHead

RANK = 8


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
