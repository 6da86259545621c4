"""Checkpoints that hold no pickle and are never half written.

A file is a safetensors file whose metadata holds the plain rest of the tree as JSON and a checksum of everything.
It is written under a temporary name, flushed to the disk, and renamed.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch.plugins.io import CheckpointIO
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from to4d.disk.files import backup_path, write_atomically
from to4d.errors import BROKEN, InputError
from to4d.protocols import Stateful

SCHEMA = "to4d-2"


def flatten(tree: Any, tensors: dict[str, Tensor]) -> Any:
    """`tree` with every tensor moved into `tensors` and only JSON left; dicts keep their keys' types and order."""
    if isinstance(tree, Tensor):
        name = f"{len(tensors)}"
        tensors[name] = tree.detach().cpu().contiguous().clone()
        return {"tensor": name}
    if isinstance(tree, dict):
        return {"dict": [[key, flatten(value, tensors)] for key, value in tree.items()]}
    if isinstance(tree, (list, tuple)):
        return {type(tree).__name__: [flatten(value, tensors) for value in tree]}
    if tree is None or isinstance(tree, (bool, int, float, str)):
        return tree
    raise TypeError(f"a checkpoint holds tensors, numbers, strings, lists and dicts, not {type(tree).__name__}")


def unflatten(tree: Any, tensors: dict[str, Tensor]) -> Any:
    """The inverse of `flatten`."""
    if not isinstance(tree, dict):
        return tree
    ((kind, content),) = tree.items()
    if kind == "tensor":
        return tensors[content]
    if kind == "dict":
        return {key: unflatten(value, tensors) for key, value in content}
    values = [unflatten(value, tensors) for value in content]
    return tuple(values) if kind == "tuple" else values


def checksum(schema: str, body: str, tensors: dict[str, Tensor]) -> str:
    """SHA-256 over the schema, the JSON and the bytes of all tensors."""
    digest = hashlib.sha256((schema + body).encode())
    for name in sorted(tensors):
        digest.update(name.encode())
        digest.update(tensors[name].reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def save_tree(path: Path, tree: Any, keep: bool = False) -> None:
    """Write `tree` (nested dicts and lists of tensors and plain values) to `path`, all or nothing.

    If `keep`, the previous version stays as `to4d.disk.files.backup_path(path)`.

    Raises:
        InputError: if the disk refuses; the file that was there stays.
    """
    tensors: dict[str, Tensor] = {}
    body = json.dumps(flatten(tree, tensors))
    data = save(tensors, {"schema": SCHEMA, "tree": body, "checksum": checksum(SCHEMA, body, tensors)})
    write_atomically(path, data, keep)


class Damaged(InputError):
    """A file that does not say what was written, and may be deleted."""


def load_tree(path: Path) -> Any:
    """Read what `save_tree` wrote.

    Raises:
        Damaged: if the file is damaged, truncated or not ours.
        InputError: if it cannot be read, or is of another version of to4d.
    """
    try:
        data = path.read_bytes()
        size = int.from_bytes(data[:8], "little")
        metadata = json.loads(data[8 : 8 + size])["__metadata__"]
        tensors, schema = load(data), str(metadata["schema"])
        whole = metadata["checksum"] == checksum(schema, metadata["tree"], tensors)
        if whole and schema == SCHEMA:
            return unflatten(json.loads(metadata["tree"]), tensors)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from None
    except (SafetensorError, *BROKEN):
        whole = False
    if whole:
        raise InputError(f"{path} is of another version of to4d: it has schema {schema}, and this one reads {SCHEMA}")
    raise Damaged(f"{path} is damaged or not a to4d checkpoint")


def load_into(module: Stateful, path: Path) -> None:
    """Put what `save_tree` wrote into a module.

    Raises:
        InputError: as `load_tree` and `fill` do.
    """
    fill(module, load_tree(path), str(path))


def fill(module: Stateful, state: Mapping[str, Tensor], name: str) -> None:
    """Put tensors into a module, all of them and no others; `name` is what the user knows them by.

    Raises:
        InputError: naming those that are missing, unknown or of another shape.
    """
    try:
        module.load_state_dict(state)
    except (RuntimeError, TypeError) as error:
        reason = " ".join(str(error).partition(":\n")[2].split()) or str(error)
        raise InputError(f"{name} does not fit these settings and this version of to4d: {reason}") from None


class TreeIO(CheckpointIO):
    """Lightning's checkpoints in this format; the one before the last is kept."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None) -> None:
        """Write a checkpoint."""
        save_tree(Path(path), checkpoint, keep=True)

    def load_checkpoint(self, path: str | Path, map_location: Any = None, weights_only: bool | None = None) -> Any:
        """Read a checkpoint."""
        return load_tree(Path(path))

    def remove_checkpoint(self, path: str | Path) -> None:
        """Delete a checkpoint."""
        Path(path).unlink(missing_ok=True)
        backup_path(Path(path)).unlink(missing_ok=True)
