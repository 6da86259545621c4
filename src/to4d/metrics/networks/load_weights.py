"""Official weights of networks that measure: files, loaded strictly by key, never fetched while measuring."""

from collections.abc import Sequence
from pathlib import Path

from safetensors.torch import load_file
from torch import Tensor, nn

from to4d.disk.files import sha256_of
from to4d.errors import InputError, NotComputed
from to4d.metrics.networks.pretrained_files import PretrainedFile
from to4d.metrics.networks.unpickle import tensors_of


def require_weights(path: str | None, setting: str, official: PretrainedFile, names: Sequence[str]) -> Path:
    """The file of weights.

    Args:
        path: where the user says it is; None is where `python -m to4d.weights get metrics` puts it.
        setting: how they say it.
        official: what it should be.
        names: of the figures that need it.

    Raises:
        NotComputed: if there is none.
    """
    found = official.path if path is None else Path(path)
    if not found.is_file():
        said = f"{setting} names no file, and {found} is none" if path is None else f"{setting}={path} is no file"
        raise NotComputed(list(names), f"{said}; {official.way}")
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


def load_strictly(network: nn.Module, tensors: dict[str, Tensor], path: Path, assign: bool = False) -> nn.Module:
    """Put all tensors into a network, for use without gradients; with `assign`, they take the place of its own.

    Raises:
        InputError: if one is missing, too many, or of another shape.
    """
    try:
        network.load_state_dict(tensors, strict=True, assign=assign)
    except RuntimeError as error:
        raise InputError(f"{path} holds other weights than {type(network).__name__} has: {error}") from error
    return network.eval().requires_grad_(False)


def weights_record(path: str | None, official: PretrainedFile) -> dict[str, str] | None:
    """Name and checksum of a file of weights for a recipe; None where it is not there."""
    found = official.path if path is None else Path(path)
    if not found.is_file():
        return None
    return {"file": found.name, "sha256": sha256_of(found)}
