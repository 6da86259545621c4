"""Weights & Biases, which no other module uses. Offline by default.

Its own process writes everything to a file and sends it, so a network failure costs a run `patience_seconds`.
"""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import wandb
from lightning import Trainer
from lightning.pytorch.loggers import WandbLogger

from to4d.errors import InputError

log = logging.getLogger(__name__)
STEP = "trainer/global_step"  # Lightning's name for the step of a phase


class Dashboard(WandbLogger):
    """Lightning's logger with an end of the run: Lightning itself knows only the end of a phase."""

    def end_run(self) -> None:
        """Finish the run and send what is left."""
        end(self.experiment)


def end(run: wandb.Run) -> None:
    """Finish a run on the dashboard, or log how to send the rest later if the network fails."""
    try:
        run.finish()
    except TimeoutError:
        folder = Path(run.dir).parent
        log.warning("the dashboard lacks the end of this run; `wandb sync --no-skip-online %s` sends the rest", folder)


def private_settings(patience_seconds: float) -> wandb.Settings:
    """Nothing about this computer or its user goes along; see `wandb_logger`."""
    return wandb.Settings(
        silent=True,
        console="off",
        finish_timeout=patience_seconds,
        finish_timeout_raises=True,
        host="",  # from here on: nothing about this computer
        program="train.py",
        disable_git=True,
        x_disable_meta=True,
        x_disable_stats=True,
        x_disable_machine_info=True,
        x_save_requirements=False,
    )


def wandb_logger(
    out: str,
    project: str,
    name: str | None,
    tags: Sequence[str],
    group: str | None,
    config: Mapping[str, Any],
    offline: bool = True,
    patience_seconds: float = 60.0,
) -> Dashboard:
    """A run on the dashboard, kept in `out/wandb`; nothing about this computer or its user goes along.

    A former run in this process is finished first: the jobs of a sweep stay separate. At its end a run waits at most
    `patience_seconds` for what is still to be sent.

    Raises:
        InputError: if the dashboard cannot be reached when the run starts.
    """
    if wandb.run is not None:
        end(wandb.run)
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
            settings=private_settings(patience_seconds),
        )
    except wandb.Error as error:
        raise InputError(
            f"cannot reach Weights & Biases: {str(error).splitlines()[0]}; "
            "log in by `wandb login`, or keep logger.wandb.offline=true"
        ) from error
    run.define_metric(STEP)
    run.define_metric("*", step_metric=STEP, step_sync=True)
    return Dashboard(experiment=run)


def show_files(trainer: Trainer, files: Mapping[str, Path]) -> None:
    """Put videos (.mp4) and pictures on the dashboard, if there is one, under their names at the trainer's step."""
    for logger in trainer.loggers:
        if isinstance(logger, WandbLogger):
            media = {name: _medium(path) for name, path in files.items()}
            logger.experiment.log(media | {STEP: trainer.global_step})


def _medium(path: Path) -> wandb.Video | wandb.Image:
    """A file as W&B's type for it; by its path, which needs no encoder."""
    return wandb.Video(str(path), format="mp4") if path.suffix == ".mp4" else wandb.Image(str(path))
