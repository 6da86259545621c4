"""Load pretrained weights of the networks that metrics use: strictly by key, from local files only."""

from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

from safetensors.torch import load_file
from torch import Tensor, nn

from to4d.disk.files import sha256_of
from to4d.errors import InputError, NotComputed
from to4d.metrics.networks.pretrained_files import PretrainedFile
from to4d.metrics.networks.unpickle import tensors_of

Network = TypeVar("Network", bound=nn.Module)


def require_weights(path: str | None, setting: str, pretrained: PretrainedFile, names: Sequence[str]) -> Path:
    """Path of a file of weights.

    Args:
        path: as configured; None is where `python -m to4d.weights get metrics` writes it.
        setting: the config key of `path`.
        pretrained: the file that it should be.
        names: of the metrics that need it.

    Raises:
        NotComputed: if there is no such file.
    """
    found = pretrained.path if path is None else Path(path)
    if not found.is_file():
        said = f"{setting} names no file, and {found} is none" if path is None else f"{setting}={path} is no file"
        raise NotComputed(list(names), f"{said}; {pretrained.instructions}")
    return found


def read_weights(path: Path, strip: str = "", inside: str = "") -> dict[str, Tensor]:
    """Tensors by key from safetensors or from a checkpoint of PyTorch (tensors only).

    `strip` is cut off each key; `inside` is the part of the checkpoint that holds them.

    Raises:
        InputError: if it cannot be read as such.
    """
    try:
        found = load_file(path) if path.suffix == ".safetensors" else tensors_of(path, inside)
        return {key.removeprefix(strip): value for key, value in found.items()}
    except Exception as error:
        raise InputError(f"{path} cannot be read as weights ({error}); fetch it again") from error


def load_strictly(network: Network, tensors: dict[str, Tensor], path: Path, assign: bool = False) -> Network:
    """Put all tensors into a network, for use without gradients; with `assign`, they take the place of its own.

    Raises:
        InputError: if one is missing, too many, or of another shape.
    """
    try:
        network.load_state_dict(tensors, strict=True, assign=assign)
    except RuntimeError as error:
        raise InputError(f"{path} holds other weights than {type(network).__name__} has: {error}") from error
    return network.eval().requires_grad_(False)


def weights_record(path: str | None, pretrained: PretrainedFile) -> dict[str, str] | None:
    """Name and checksum of a file of weights for a recipe; None where it is not there."""
    found = pretrained.path if path is None else Path(path)
    if not found.is_file():
        return None
    return {"file": found.name, "sha256": sha256_of(found)}
