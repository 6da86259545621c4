"""Animate one mesh with one prompt: `to4d-train object=gso/plant prompt="a plant blooming"`."""

from contextlib import nullcontext
from typing import Any

import hydra
from omegaconf import DictConfig

from to4d.cli import CONF, command, report_user_errors
from to4d.viewer.background import background_viewer


def animate(cfg: DictConfig) -> dict[str, Any]:
    """Run what the configuration says, beside its page with `view=true`; returns the metrics."""
    from to4d.runs.animate import (
        animate,  # not above: a sweep needs none of it where cells are finished, or done elsewhere
    )

    with background_viewer(cfg.out) if cfg.view else nullcontext():
        return animate(cfg)


@hydra.main(version_base="1.3", config_path=str(CONF), config_name="train")
@report_user_errors
def task(cfg: DictConfig) -> None:
    """Run what the command line says."""
    animate(cfg)


def main() -> None:
    """The command `to4d-train`."""
    command(task, "train")
