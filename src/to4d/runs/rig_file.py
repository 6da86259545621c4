"""The rig of a run on the disk: a run that is opened again moves by the rig that it was trained with."""

import hashlib
import logging
from dataclasses import fields
from pathlib import Path
from typing import Any

from hydra.utils import instantiate
from omegaconf import DictConfig

from to4d.disk.checkpoint import Damaged, load_tree, save_tree
from to4d.types import Mesh, Rig

RIG_FILE = "rig.safetensors"  # in the folder of a run
log = logging.getLogger(__name__)


def make_rig(cfg: DictConfig, mesh: Mesh) -> Rig | None:
    """The rig of a run: that in its folder if it was begun before, else a new one."""
    path = Path(cfg.out) / RIG_FILE
    try:
        if path.is_file():
            return load_rig(path)
    except Damaged as error:
        log.warning("%s; it is made again", error)
    return instantiate(cfg.rig)(mesh)


def save_rig(path: Path, rig: Rig | None) -> None:
    """Write a rig, or that there is none."""
    save_tree(path, None if rig is None else as_dict(rig))


def load_rig(path: Path) -> Rig | None:
    """What `save_rig` wrote; None too where there is no file, as in runs of versions that made no rigs.

    Raises:
        InputError: as `load_tree` does.
    """
    tree = load_tree(path) if path.is_file() else None
    return None if tree is None else Rig(**tree)


def as_dict(rig: Rig) -> dict[str, Any]:
    """The fields of a rig by name."""
    return {field.name: getattr(rig, field.name) for field in fields(rig)}


def rig_key(rig: Rig) -> str:
    """A hash of all that a rig says about motion: equal keys move a mesh alike."""
    digest = hashlib.sha256(repr((rig.parents, rig.roles, rig.ranks, rig.body)).encode())
    offsets = () if rig.rest_offsets is None else (rig.rest_offsets,)
    for tensor in (rig.joints, rig.influences, rig.weights, *offsets):
        digest.update(tensor.contiguous().numpy().tobytes())
    return digest.hexdigest()
