"""Weights & Biases: the one place that talks to it. Offline unless the user says otherwise."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import wandb
from lightning import Trainer
from lightning.pytorch.loggers import WandbLogger

from to4d.errors import InputError

STEP = "trainer/global_step"  # Lightning's name for the step of a phase


def wandb_logger(
    out: str,
    project: str,
    name: str | None,
    tags: Sequence[str],
    group: str | None,
    config: Mapping[str, Any],
    offline: bool = True,
) -> WandbLogger:
    """A run on the dashboard, kept in `out/wandb`; nothing about this computer or its user goes along.

    The run before it in this process, if there is one, is finished: the jobs of a sweep don't run into each other.
    """
    settings = wandb.Settings(silent=True, console="off", disable_git=True, x_disable_meta=True)
    try:
        run = wandb.init(
            dir=out,
            project=project,
            name=name,
            tags=list(tags),
            group=group,
            config=dict(config),
            mode="offline" if offline else "online",
            reinit="finish_previous",
            settings=settings,
        )
    except wandb.Error as error:
        raise InputError(
            f"cannot reach Weights & Biases: {str(error).splitlines()[0]}; "
            "log in by `wandb login`, or keep logger.wandb.offline=true"
        ) from error
    run.define_metric(STEP)
    run.define_metric("*", step_metric=STEP, step_sync=True)
    return WandbLogger(experiment=run)


def show_files(trainer: Trainer, files: Mapping[str, Path]) -> None:
    """Put videos (.mp4) and pictures on the dashboard, if there is one, under their names at the trainer's step."""
    for logger in trainer.loggers:
        if isinstance(logger, WandbLogger):
            media = {name: _medium(path) for name, path in files.items()}
            logger.experiment.log(media | {STEP: trainer.global_step})


def _medium(path: Path) -> wandb.Video | wandb.Image:
    """A file as W&B wants it; by its path, which needs no encoder."""
    return wandb.Video(str(path), format="mp4") if path.suffix == ".mp4" else wandb.Image(str(path))
