"""Training one phase, from where it stands: done, shared by another run, saved halfway, or new."""

import logging
import warnings
from collections.abc import Iterator
from pathlib import Path

import torch
from hydra.utils import instantiate
from lightning import Trainer, seed_everything
from lightning.pytorch.callbacks import LambdaCallback
from omegaconf import DictConfig

from to4d.callbacks.autosave import Autosave
from to4d.callbacks.phase_callback import runs_on_every_rank
from to4d.callbacks.progress import RunProgress
from to4d.disk.checkpoint import Damaged, TreeIO, load_into, load_tree, save_tree
from to4d.disk.files import backup_path
from to4d.disk.locks import build_lock
from to4d.distributed import assert_in_sync, broadcast_state
from to4d.errors import InputError
from to4d.phases import Phase
from to4d.protocols import Scene
from to4d.runs.build import build_phases, reopen_scene
from to4d.runs.config_nodes import chosen, plain_dict
from to4d.runs.out_of_memory import advice
from to4d.runs.worker_group import Task, WorkerGroup, device_of_rank, ignore_signals

log = logging.getLogger(__name__)


def train(
    phase: Phase,
    scene: Scene,
    done: Path,
    shared: Path | None,
    cfg: DictConfig,
    loggers: list,
    progress: RunProgress,
    workers: WorkerGroup,
) -> None:
    """Train one phase, unless this run, or for a shared result any run, has done so before."""
    with build_lock(shared):
        for path in (done, shared):
            if path is not None and path.exists() and load_cached(path, scene):
                log.info("%s: taken from %s", phase.name, path)
                progress.skip(phase.name)
                if path != done:
                    save_model(done, scene)
                return
        autosave = done.with_suffix(".autosave")
        callbacks = [
            *map(instantiate, chosen(cfg.callbacks).values()),
            Autosave(autosave, cfg.autosave_seconds),
            progress,
        ]
        resumed = resumable(autosave)
        workers.train_phase((phase.name, resumed))
        fit(phase, cfg, resumed, callbacks, loggers)
        for path in (done, shared):
            if path is not None:
                save_model(path, scene)
        backup_path(autosave).unlink(missing_ok=True)  # the last one stays while the run does: should `done` be damaged


def fit(phase: Phase, cfg: DictConfig, resumed: Path | None, callbacks: list, loggers: list) -> None:
    """Train one phase, from its autosave if there is one; on several devices, what each of them does."""
    broadcast_state(phase.renderer)
    parts = {"logger": loggers, "callbacks": callbacks, "plugins": [TreeIO()], **device_of_rank(cfg)}
    trainer: Trainer = instantiate(cfg.trainer, max_steps=phase.steps, **parts)
    try:
        trainer.fit(phase, ckpt_path=resumed)
    except torch.OutOfMemoryError as error:
        raise InputError(advice(error, plain_dict(cfg, resolve=True), phase.name)) from error
    assert_in_sync(phase.renderer.state_dict())


def worker_main(cfg: DictConfig, tasks: Iterator[Task]) -> None:
    """The work of ranks 1 and up: train the phases that rank 0 names, and write nothing."""
    warnings.filterwarnings("ignore", module="lightning")
    seed_everything(cfg.seed, verbose=False)
    phases = build_phases(cfg, reopen_scene(cfg, Path(cfg.out)))
    for name, resumed in tasks:
        changing = [c for c in map(instantiate, chosen(cfg.callbacks).values()) if runs_on_every_rank(type(c))]
        deaf = LambdaCallback(on_train_start=lambda *_: ignore_signals())  # Lightning has begun to listen
        fit(phases[name], cfg, resumed, [*changing, deaf], [])


def resumable(autosave: Path) -> Path | None:
    """The newest autosave that is whole, if there is one; a damaged one is deleted.

    Autosaves replace each other atomically, so damage comes from outside.
    """
    for path in (autosave, backup_path(autosave)):
        if not path.exists():
            continue
        try:
            load_tree(path)
        except Damaged as error:
            log.warning("%s; this phase goes on from what was saved before it", error)
            path.unlink()
        else:
            return path
    return None


def load_cached(path: Path, scene: Scene) -> bool:
    """Load a trained 4D model into the scene; a damaged file is deleted and not taken.

    Raises:
        InputError: if it is whole, and of another model.
    """
    try:
        load_into(scene.renderer, path)
    except Damaged as error:
        log.warning("%s; it is rebuilt", error)
        path.unlink()
        return False
    return True


def save_model(path: Path, scene: Scene) -> None:
    """Write the 4D model, field and occupancy."""
    save_tree(path, dict(scene.renderer.state_dict()))


def quieten_lightning() -> None:
    """What it says at each start, of TPUs and of the inner workings of its own, is no news."""
    warnings.filterwarnings("ignore", module="lightning")
    for name in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.ERROR)
