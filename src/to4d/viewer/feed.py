"""A run as someone sees it who looks into its folder: the scene of now, how far it is, and where its cameras stand."""

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


class Feed:
    """A run that is finished, or at work with `view=true`; nothing is written.

    Attributes:
        scene: the object and its 4D double, as they were when last renewed.
    """

    def __init__(self, folder: Path, trust: bool = False, wait: float = 0.0) -> None:
        """Open it; wait so many seconds for the first state of one that begins.

        Raises:
            InputError: if there is none.
        """
        self.folder, end = folder, time.monotonic() + wait
        while not any((folder / name).is_file() for name in (MODEL, LIVE)):
            if time.monotonic() >= end:
                raise InputError(f"{folder} holds no finished run, and none at work with view=true; name one: run=DIR")
            time.sleep(0.5)
        self.stamp = self.newest().stat().st_mtime_ns
        self.scene = restore(folder, trust, self.newest().name)
        config = read_settings(folder / "config.yaml")
        self.cameras = {name: cameras_of(name, phase, config.seed, trust) for name, phase in config.phase.items()}

    def newest(self) -> Path:
        """The file that holds the model of now."""
        return self.folder / (MODEL if (self.folder / MODEL).is_file() else LIVE_MODEL)

    def renew(self) -> bool:
        """Take over a newer model, if there is one; the caller sees to it that nobody looks meanwhile."""
        if (stamp := self.newest().stat().st_mtime_ns) == self.stamp:
            return False
        load_into(self.scene.renderer, self.newest())
        self.stamp = stamp
        return True

    def text(self) -> str:
        """Where it stands, what it loses, and how wide its cameras look."""
        if self.newest().name == MODEL or not (self.folder / LIVE).is_file():
            return "finished"
        told = json.loads((self.folder / LIVE).read_text())
        values = dict(told["values"])
        limit = values.pop("azimuth_limit_deg", 180.0)
        shown = ", ".join(f"{name} {value:.3g}" for name, value in values.items())
        return f"{told['phase']} {told['step']}/{told['steps']}; cameras within ±{limit:.0f}°; {shown}"


def cameras_of(name: str, phase: DictConfig, seed: int, trust: bool, count: int = 24) -> Cameras:
    """The very cameras of `count` steps of a phase, evenly spread over it, one of each step."""
    if not trust:
        check_parts({part: OmegaConf.to_container(phase[part], resolve=True) for part in CAMERAS}, CAMERAS)
    schedule, lens, views = instantiate(phase.camera_schedule), instantiate(phase.lens), phase.get("views", 1)
    poses, fovs = [], []
    for step in torch.linspace(0, max(0, phase.steps - 1), count).long().tolist():
        random = generator_at(seed, step, name)
        cameras = lens(schedule(step / max(1, phase.steps), views, random), random)
        poses.append(cameras.pose[0])
        fovs.append(cameras.fov[0])
    return Cameras(torch.stack(poses), torch.stack(fovs), cameras.size)
