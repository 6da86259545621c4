"""A run: its folder is filled from a configuration, or opened again."""

import contextlib
import hashlib
import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from hydra.utils import get_class, instantiate
from lightning import seed_everything
from omegaconf import DictConfig, OmegaConf

from to4d.callbacks.phase_callback import runs_on_every_rank
from to4d.callbacks.progress import PhasePlan, RunProgress
from to4d.disk.checkpoint import load_into
from to4d.disk.files import backup_path, read_checked, stale_temporaries
from to4d.disk.folders import cache_folder
from to4d.disk.locks import run_lock
from to4d.disk.run_state import PROGRESS_FILE
from to4d.disk.source_hash import import_hash
from to4d.errors import InputError
from to4d.export.object_views import write_object_views
from to4d.prompt import make_prompt
from to4d.protocols import RiggedField, Scene
from to4d.runs.build import build_phases, build_scene, reopen_scene
from to4d.runs.config_nodes import chosen, plain_dict
from to4d.runs.object_file import make_object, save_object
from to4d.runs.preflight import check_settings
from to4d.runs.rig_file import RIG_FILE, make_rig, rig_key, save_rig
from to4d.runs.settings import (
    check_code,
    check_folder,
    check_same,
    check_seed,
    read_settings,
    write_metrics,
    write_settings,
)
from to4d.runs.training import quieten_lightning, save_model, train, worker_main
from to4d.runs.trust import check_parts, check_version, targets
from to4d.runs.worker_group import devices_of, worker_group
from to4d.types import Mesh, Rig

WRITTEN = (".", "checkpoints", "progress", "views")  # the folders of a run that it writes files to, below its own
log = logging.getLogger(__name__)


@runtime_checkable
class EndsRun(Protocol):
    """A logger with an end of the whole run: Lightning itself reports only the end of a phase."""

    def end_run(self) -> None:
        """Finish the run."""
        ...


def run(cfg: DictConfig) -> dict[str, Any]:
    """Train the phases of `cfg` in order on one scene, measure it, export it.

    Returns:
        The metrics, which are also written to `metrics.json` of the run folder.

    Raises:
        InputError: if the configuration makes no sense, or another process is at work in the run folder.
    """
    with run_lock(Path(cfg.out)):
        return load_finished(cfg) or make_run(cfg)


def load_finished(cfg: DictConfig) -> dict[str, Any] | None:
    """The metrics of a run that is finished, where it is to be taken as it is (`skip_finished`).

    Raises:
        InputError: if it had other settings, was made by other code, or is damaged.
    """
    path = Path(cfg.out) / "metrics.json"
    if not (cfg.skip_finished and path.is_file()):
        return None
    check_same(Path(cfg.out), OmegaConf.to_yaml(cfg, resolve=True))
    check_code(Path(cfg.out))
    log.info("%s is finished", cfg.out)
    return json.loads(read_checked(path))


def make_run(cfg: DictConfig) -> dict[str, Any]:
    """Train, export and measure the run of `cfg`, whose folder is locked."""
    quieten_lightning()
    out, text = Path(cfg.out), OmegaConf.to_yaml(cfg, resolve=True)
    check_folder(out, text)
    count = devices_of(cfg)
    check_settings(cfg, count)
    seed_everything(check_seed(cfg.seed), verbose=False)
    mesh = make_object(cfg.object, out)
    make_prompt(cfg.prompt, mesh.noun)  # refused before a rig is looked for
    rig = make_rig(cfg, mesh)
    scene = build_scene(cfg, mesh, rig)
    phases = build_phases(cfg, scene)
    measure, exports = instantiate(cfg.metrics), [instantiate(export) for export in chosen(cfg.export).values()]
    files = write_settings(out, text)
    save_rig(out / RIG_FILE, rig)
    save_object(out, mesh)
    write_object_views(out / "object_views.png", scene.reference)
    for temporary in (path for folder in WRITTEN for path in stale_temporaries(out / folder)):
        temporary.unlink()
    loggers = [instantiate(logger) for logger in chosen(cfg.logger).values()]
    moved_by = rig if isinstance(scene.renderer.field, RiggedField) else None
    plan = {name: PhasePlan(phase.steps, phase.cost, phase.views) for name, phase in phases.items()}
    progress = RunProgress(plan, out / PROGRESS_FILE)
    with worker_group(cfg, count, worker_main) as workers:
        for name, phase in phases.items():
            shared = cache_path(cfg, name, mesh, moved_by) if cfg.cache and phase.cached else None
            train(phase, scene, out / "checkpoints" / f"{name}.safetensors", shared, cfg, loggers, progress, workers)
    save_model(out / "model.safetensors", scene)
    pages = [export for export in exports if export.after_metrics]
    exported = export_all([export for export in exports if export not in pages], scene, out)
    metrics = measure(scene) | exported
    write_metrics(out, metrics, files)
    autosaves = [out / "checkpoints" / f"{name}.autosave" for name in phases]
    for unneeded in (out / PROGRESS_FILE, *autosaves, *map(backup_path, autosaves)):
        unneeded.unlink(missing_ok=True)
    export_all(pages, scene, out)
    close_loggers(loggers, metrics)
    return metrics


def export_all(exports: list[Callable], scene: Scene, out: Path) -> dict[str, Any]:
    """Call the exporters; returns the figures of those that have some, by name."""
    found = [export(scene, out) for export in exports]
    return {name: value for figures in found if isinstance(figures, dict) for name, value in figures.items()}


def restore(folder: Path, trust: bool = False, model: str = "model.safetensors") -> Scene:
    """The scene of a finished run, without its prior; or as it was when `model` was written.

    Raises:
        InputError: if there is none in `folder`, if an earlier version of to4d made it, or, without `trust`, if its
            configuration calls code that is not of to4d.
    """
    missing = [name for name in ("config.yaml", model) if not (folder / name).is_file()]
    if missing:
        raise InputError(f"{folder} holds no finished run (it has no {missing[0]}); name the folder of one: run=DIR")
    cfg = read_settings(folder / "config.yaml")
    cfg.phase = {}
    settings = plain_dict(cfg)
    check_version(settings, folder)
    if not trust:
        check_parts(settings)
    scene = reopen_scene(cfg, folder)
    load_into(scene.renderer, folder / model)
    return scene


def restore_for_command(folder: Path, trust: bool = False) -> Scene:
    """`restore` for a command: Hydra has made a folder even of a misspelt name, and an empty one is deleted again."""
    try:
        return restore(folder, trust)
    except InputError:
        with contextlib.suppress(OSError):
            folder.rmdir()
        raise


def cache_path(cfg: DictConfig, name: str, mesh: Mesh, moved_by: Rig | None = None) -> Path:
    """Where this phase's result for this mesh, these settings and this code is shared by all runs.

    It is that of one rig where the model moves by the joints of one.
    """
    settings = plain_dict(cfg, resolve=True)
    parts = {key: settings[key] for key in ("model", "renderer", "reference", "seed")}
    for key in ("chunk", "recompute"):  # of memory alone
        parts["renderer"].pop(key, None)
    names = list(chosen(cfg.phase))
    parts["phases"] = [[each, settings["phase"][each]] for each in names[: names.index(name) + 1]]
    parts["trainer"] = {k: v for k, v in settings["trainer"].items() if k not in ("accelerator", "devices")}
    callbacks = [settings["callbacks"][each] for each in chosen(cfg.callbacks)]
    parts["callbacks"] = [c for c in callbacks if runs_on_every_rank(get_class(c["_target_"]))]
    code = import_hash([train.__module__, *(target.rpartition(".")[0] for target in targets(parts))])
    if moved_by is not None:
        parts["rig"] = rig_key(moved_by)
    content = json.dumps([parts, mesh.content_key(), code], sort_keys=True)
    return cache_folder() / name / f"{hashlib.sha256(content.encode()).hexdigest()[:32]}.safetensors"


def close_loggers(loggers: list, metrics: dict[str, Any]) -> None:
    """Send the numbers to the loggers and close them."""
    numbers = {key: value for key, value in metrics.items() if isinstance(value, (int, float))}
    for logger in loggers:
        logger.log_metrics(numbers)
        logger.finalize("success")
        if isinstance(logger, EndsRun):
            logger.end_run()
