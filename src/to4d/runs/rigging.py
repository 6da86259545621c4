"""Rigging alone: a mesh becomes a skinned asset, a description of its skeleton, and a picture. Nothing is trained."""

import json
import logging
from dataclasses import dataclass, field
from pathlib import Path
from typing import get_args

from hydra.utils import instantiate
from omegaconf import DictConfig

from to4d.disk.files import write_atomically
from to4d.disk.locks import run_lock
from to4d.errors import InputError
from to4d.export.gltf.bone_names import Convention
from to4d.export.gltf.rigged import write_rigged
from to4d.export.rig_picture import write_rig_picture
from to4d.rig.choose import Choice
from to4d.rig.describe import describe
from to4d.runs.config_nodes import plain_dict
from to4d.runs.setting_types import check_types
from to4d.types import Mesh, Rig

MIN_PX = 100  # of a picture in which limbs can be told apart
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class RiggedAsset:
    """What rigging a mesh has made.

    Attributes:
        folder: of the files.
        rig: the skeleton; None if the object has none, or none that is sure enough.
        reason: why it is that.
    """

    folder: Path
    rig: Rig | None = field(repr=False)
    reason: str

    @property
    def json(self) -> Path:
        """The description: joints, roles, body, confidence."""
        return self.folder / "rig.json"

    @property
    def glb(self) -> Path | None:
        """The skinned mesh in its rest pose; None without a rig."""
        return self.folder / "rigged.glb" if self.rig else None

    @property
    def picture(self) -> Path | None:
        """The picture of skeleton, weights and limbs; None without a rig."""
        return self.folder / "rig.png" if self.rig else None

    @property
    def files(self) -> list[Path]:
        """All that was written."""
        return [path for path in (self.json, self.glb, self.picture) if path is not None]


def rig_object(cfg: DictConfig) -> RiggedAsset:
    """Rig the object of a configuration `rig`, and write the files into `cfg.out`.

    Raises:
        InputError: if the mesh or a setting cannot be used.
    """
    check_settings(cfg)
    mesh: Mesh = instantiate(cfg.object)
    choice: Choice = instantiate(cfg.rig).choose(mesh)
    log.info(choice.line())
    asset = RiggedAsset(Path(cfg.out), choice.rig, choice.reason)
    with run_lock(asset.folder):
        write_atomically(asset.json, json.dumps(describe(mesh, choice), indent=1).encode())
        if choice.rig is not None:
            write_rigged(mesh, choice.rig, asset.folder / "rigged.glb", cfg.bone_names)
            write_rig_picture(asset.folder / "rig.png", mesh, choice.rig, cfg.picture_size)
    return asset


def check_settings(cfg: DictConfig) -> None:
    """Raise an InputError for the first setting that cannot work."""
    check_types(plain_dict(cfg, resolve=True))
    if cfg.bone_names not in get_args(Convention):
        raise InputError(f"bone_names={cfg.bone_names!r}: bones can be called {', '.join(get_args(Convention))}")
    if not isinstance(cfg.picture_size, int) or cfg.picture_size < MIN_PX:
        raise InputError(f"picture_size={cfg.picture_size!r} is not a number of pixels from {MIN_PX} on")
