"""Official weights of networks that measure: given as files, loaded strictly by key, never fetched."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from to4d.errors import InputError, NotComputed


def need(path: str | None, setting: str, what: str, names: Sequence[str]) -> Path:
    """The file of weights.

    Args:
        path: where the user says it is.
        setting: how they say it.
        what: file and where it is from.
        names: of the figures that need it.

    Raises:
        NotComputed: if there is none.
    """
    if path is None:
        raise NotComputed(list(names), f"{setting} names no file; it needs {what}")
    if not Path(path).is_file():
        raise NotComputed(list(names), f"{setting}={path} is no file; it needs {what}")
    return Path(path)


def read(path: Path, strip: str = "") -> dict[str, Tensor]:
    """Tensors by key from safetensors or from a checkpoint of PyTorch (tensors only); `strip` is cut off each key.

    Raises:
        InputError: if it cannot be read as such.
    """
    try:
        if path.suffix == ".safetensors":
            found = load_file(path)
        else:
            found = torch.load(path, map_location="cpu", weights_only=True)
        return {key.removeprefix(strip): value for key, value in found.items()}
    except Exception as error:
        raise InputError(f"{path} cannot be read as weights ({error}); fetch it again") from error


def fill(network: nn.Module, tensors: dict[str, Tensor], path: Path) -> nn.Module:
    """Put all tensors into a network, for use without gradients.

    Raises:
        InputError: if one is missing, too many, or of another shape.
    """
    try:
        network.load_state_dict(tensors, strict=True)
    except RuntimeError as error:
        raise InputError(f"{path} holds other weights than {type(network).__name__} has: {error}") from error
    return network.eval().requires_grad_(False)


def told(path: str | None) -> dict[str, str] | None:
    """Name and checksum of a file of weights for a recipe; None where it is not there."""
    if path is None or not Path(path).is_file():
        return None
    return {"file": Path(path).name, "sha256": hashlib.sha256(Path(path).read_bytes()).hexdigest()}
