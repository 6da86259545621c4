"""A run read from its folder for the viewer: the scene, how far training is, and its cameras. Nothing is written."""

import json
import time
from pathlib import Path

import torch
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from to4d.disk.checkpoint import load_into
from to4d.disk.run_state import LIVE, LIVE_MODEL
from to4d.errors import InputError
from to4d.runs.run import restore
from to4d.runs.settings import read_settings
from to4d.runs.trust import CAMERAS, check_parts
from to4d.types import Cameras, generator_at

MODEL = "model.safetensors"


class LiveRun:
    """A run that is finished, or is training with `view=true`.

    Attributes:
        scene: the mesh and the 4D model, as of the last `reload`.
        cameras: 24 training cameras of each phase.
    """

    def __init__(self, folder: Path, trust: bool = False, wait: float = 0.0) -> None:
        """Open it; wait up to `wait` seconds for the first state of a run that has just begun.

        Raises:
            InputError: if there is none.
        """
        self.folder, end = folder, time.monotonic() + wait
        while not any((folder / name).is_file() for name in (MODEL, LIVE)):
            if time.monotonic() >= end:
                raise InputError(f"{folder} holds no finished run, and none at work with view=true; name one: run=DIR")
            time.sleep(0.5)
        self.loaded_ns = self.model_file().stat().st_mtime_ns
        self.scene = restore(folder, trust, self.model_file().name)
        config = read_settings(folder / "config.yaml")
        self.cameras = {name: training_cameras(name, phase, config.seed, trust) for name, phase in config.phase.items()}

    def model_file(self) -> Path:
        """The newest model: of the finished run, else of the training."""
        return self.folder / (MODEL if (self.folder / MODEL).is_file() else LIVE_MODEL)

    def reload(self) -> bool:
        """Load the model into the scene if its file is newer; returns whether it was. Do not render meanwhile."""
        if (modified_ns := self.model_file().stat().st_mtime_ns) == self.loaded_ns:
            return False
        load_into(self.scene.renderer, self.model_file())
        self.loaded_ns = modified_ns
        return True

    def status(self) -> str:
        """Phase and step, the range of the cameras' azimuths, and the losses."""
        if self.model_file().name == MODEL or not (self.folder / LIVE).is_file():
            return "finished"
        state = json.loads((self.folder / LIVE).read_text())
        values = dict(state["values"])
        limit = values.pop("azimuth_limit_deg", 180.0)
        losses = ", ".join(f"{name} {value:.3g}" for name, value in values.items())
        return f"{state['phase']} {state['step']}/{state['steps']}; cameras within ±{limit:.0f}°; {losses}"


def training_cameras(name: str, phase: DictConfig, seed: int, trust: bool, count: int = 24) -> Cameras:
    """The first camera of `count` steps, evenly spread over the phase `name`, exactly as training uses it.

    Raises:
        InputError: if the settings call code that is not of to4d, and are not trusted.
    """
    if not trust:
        check_parts({part: OmegaConf.to_container(phase[part], resolve=True) for part in CAMERAS}, CAMERAS)
    schedule, lens, views = instantiate(phase.camera_schedule), instantiate(phase.lens), phase.get("views", 1)
    poses, fovs, size = [], [], (0, 0)
    for step in torch.linspace(0, max(0, phase.steps - 1), count).long().tolist():
        random = generator_at(seed, step, name)
        cameras = lens(schedule(step / max(1, phase.steps), views, random), random)
        poses.append(cameras.pose[0])
        fovs.append(cameras.fov[0])
        size = cameras.size
    return Cameras(torch.stack(poses), torch.stack(fovs), size)
