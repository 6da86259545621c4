"""How the object of a run was turned, on the disk: a run that is opened again is turned as when it was trained."""

import json
import logging
from pathlib import Path

from hydra.utils import instantiate
from omegaconf import DictConfig

from to4d.disk.files import write_atomically
from to4d.rig.orientation.axes import placing_of
from to4d.types import Mesh

OBJECT_FILE = "object.json"  # in the folder of a run
log = logging.getLogger(__name__)


def make_object(settings: DictConfig, folder: Path) -> Mesh:
    """The object of a run. What its settings leave to `auto` is as in the folder, if the run was begun before.

    Raises:
        InputError: if the object cannot be used.
    """
    found = {name: value for name, value in _load(folder / OBJECT_FILE).items() if settings.get(name) == "auto"}
    return instantiate(settings, **found)


def save_object(folder: Path, mesh: Mesh) -> None:
    """Write the upward axis and the front of an object that comes from a file; nothing for any other."""
    if mesh.source is not None:
        up, front_deg = placing_of(mesh.transform[:3, :3].numpy())
        write_atomically(folder / OBJECT_FILE, json.dumps({"up": up, "front_deg": front_deg}).encode())


def _load(path: Path) -> dict[str, str | float]:
    try:
        return json.loads(path.read_text()) if path.is_file() else {}
    except ValueError:
        log.warning("%s is damaged; the orientation is found again", path)
        return {}
