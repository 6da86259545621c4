"""What can be known of a run before any work is done: settings that cannot work are refused with one clear line."""

from collections.abc import Mapping
from typing import Any

from hydra.utils import instantiate
from omegaconf import DictConfig

from to4d.errors import InputError
from to4d.rig.choose import NoRig
from to4d.runs.config_nodes import chosen, plain_dict
from to4d.runs.setting_types import check_types

NO_RIG = f"{NoRig.__module__}.{NoRig.__qualname__}"


def check_settings(cfg: DictConfig, devices: int) -> None:
    """Check what the settings say by themselves.

    Args:
        cfg: of the run.
        devices: how many it has; the trainers of several are made within their processes.

    Raises:
        InputError: naming the first setting that cannot work.
    """
    settings = plain_dict(cfg, resolve=True)
    check_types(settings)
    if not isinstance(cfg.autosave_seconds, (int, float)):
        raise InputError(f"autosave_seconds={cfg.autosave_seconds!r} is not a number of seconds")
    if "without_rig" in settings["model"] and settings["rig"]["_target_"] == NO_RIG:
        raise InputError(f"rig=none, but {settings['model']['_target_']} moves by a rig; say rig=auto, or model=nodes")
    for name in chosen(cfg.phase):
        check_phase(name, settings["phase"][name])
    for callback in chosen(cfg.callbacks).values():
        instantiate(callback)  # only to find out that it can be done: every phase has its own
    if devices == 1:
        instantiate(cfg.trainer)


def check_phase(name: str, phase: Mapping[str, Any]) -> None:
    """Check the numbers of a phase.

    Raises:
        InputError: if there is nothing to do, or to see.
    """
    if phase["steps"] < 1:
        raise InputError(f"phase.{name}.steps={phase['steps']} trains nothing; leave the phase out: phase=[...]")
    if phase.get("views", 1) < 1:
        raise InputError(f"phase.{name}.views={phase['views']} shows nothing; it takes 1 or more")
    size = phase["lens"].get("size", [1, 1])
    if min(size) < 1:
        raise InputError(f"phase.{name}.lens.size={size} has no pixels; say phase.{name}.lens.size=[64,64]")
    if phase.get("flow_weight") and size[0] != size[1]:
        raise InputError(
            f"phase.{name}.flow_weight={phase['flow_weight']} lifts flow from square pictures, and "
            f"phase.{name}.lens.size={size}; say phase.{name}.lens.size=[{min(size)},{min(size)}], or flow_weight=0"
        )
