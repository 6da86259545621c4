"""The one place where configs become objects, and a run folder is filled."""

import contextlib
import hashlib
import json
import logging
import warnings
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

from hydra.utils import get_class, instantiate
from lightning import Trainer, seed_everything
from omegaconf import DictConfig, OmegaConf

from to4d.callbacks.autosave import Autosave
from to4d.callbacks.progress import Progress
from to4d.checkpoint import TreeIO, load_tree, save_tree
from to4d.errors import InputError
from to4d.files import write_atomically
from to4d.folders import cache_folder
from to4d.locks import making, owned
from to4d.phases import Phase
from to4d.prompt import make_prompt, same, words
from to4d.render.occupancy import sample_surface
from to4d.state import PROGRESS
from to4d.trust import HOMES, check_parts
from to4d.types import Mesh, Prompt, Scene, generator_at

log = logging.getLogger(__name__)

WATCHING = {"view", "callbacks.live.enabled"}  # settings that change nothing about a run


def run(cfg: DictConfig) -> dict[str, Any]:
    """Train the phases of `cfg` in order on one scene, measure it, export it.

    Returns:
        The metrics, which are also written to `metrics.json` of the run folder.

    Raises:
        InputError: if the configuration makes no sense, or another process is at work in the run folder.
    """
    with owned(Path(cfg.out)):
        return taken(cfg) or fill_folder(cfg)


def taken(cfg: DictConfig) -> dict[str, Any] | None:
    """The metrics of a run that is finished, where it is to be taken as it is (`skip_finished`).

    Raises:
        InputError: if it had other settings.
    """
    path = Path(cfg.out) / "metrics.json"
    if not (cfg.skip_finished and path.is_file()):
        return None
    check_same(Path(cfg.out), OmegaConf.to_yaml(cfg, resolve=True))
    log.info("%s is finished", cfg.out)
    return json.loads(path.read_text())


def fill_folder(cfg: DictConfig) -> dict[str, Any]:
    """What `run` does, in a folder that is this process' own."""
    quieten_lightning()
    out, text = Path(cfg.out), OmegaConf.to_yaml(cfg, resolve=True)
    check_folder(out, text)
    seed_everything(check_seed(cfg.seed), verbose=False)
    mesh = instantiate(cfg.object)
    scene = build_scene(cfg, mesh)
    phases = {name: instantiate(node, name=name, scene=scene, seed=cfg.seed) for name, node in cfg.phase.items()}
    measure, exports = instantiate(cfg.metrics), [instantiate(export) for export in cfg.export.values()]
    write_atomically(out / "config.yaml", text.encode())
    for unfinished in out.rglob(".*.tmp"):  # of a run that was killed while it wrote
        unfinished.unlink()
    loggers = list(instantiate(cfg.logger).values())
    progress = Progress({name: (phase.steps, phase.cost) for name, phase in phases.items()}, out / PROGRESS)
    for name, phase in phases.items():
        shared = cache_path(cfg, name, mesh) if cfg.cache and phase.cached else None
        train(phase, scene, out / "checkpoints" / f"{name}.safetensors", shared, cfg, loggers, progress)
    save_model(out / "model.safetensors", scene)
    pages = [export for export in exports if getattr(export, "of_finished_run", False)]
    figures = export_all([export for export in exports if export not in pages], scene, out)
    metrics = measure(scene) | figures
    write_atomically(out / "metrics.json", json.dumps(metrics, indent=1).encode())
    (out / PROGRESS).unlink(missing_ok=True)
    finish(loggers, metrics)
    export_all(pages, scene, out)
    return metrics


def quieten_lightning() -> None:
    """What it says at each start, of TPUs and of the inner workings of its own, is no news."""
    warnings.filterwarnings("ignore", module="lightning")
    for name in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.ERROR)


def check_folder(out: Path, text: str) -> None:
    """Find out whether the run folder is new or can be resumed with the configuration `text`.

    Raises:
        InputError: if it holds a finished run, or one of another configuration.
    """
    if (out / "metrics.json").exists():
        raise InputError(f"{out} holds a finished run; choose another out=DIR, or delete it to start again")
    check_same(out, text)


def check_same(out: Path, text: str) -> None:
    """Compare the configuration of the run in a folder, if there is one, with the configuration `text`.

    Raises:
        InputError: naming settings that differ.
    """
    path = out / "config.yaml"
    differing = differences(OmegaConf.load(path), OmegaConf.create(text)) if path.exists() else []
    if differing := [name for name in differing if name not in WATCHING]:
        raise InputError(
            f"{out} belongs to a run with another configuration, different in {', '.join(differing[:5])};\n"
            "give the same settings to resume it, or choose another out=DIR"
        )


def check_seed(seed: Any) -> int:
    """The seed.

    Raises:
        InputError: if it is no natural number.
    """
    if not isinstance(seed, int) or not 0 <= seed < 2**32:
        raise InputError(f"seed={seed!r} is not a whole number from 0 to {2**32 - 1}")
    return seed


def differences(a: DictConfig, b: DictConfig) -> list[str]:
    """Dotted names of the leaves on which two configs differ."""

    def leaves(node: Any, prefix: str = "") -> dict[str, Any]:
        if not isinstance(node, dict):
            return {prefix: node}
        return {k: v for key, child in node.items() for k, v in leaves(child, f"{prefix}.{key}".strip(".")).items()}

    left, right = leaves(OmegaConf.to_container(a)), leaves(OmegaConf.to_container(b))
    return sorted(key for key in left.keys() | right.keys() if left.get(key, ...) != right.get(key, ...))


def build_scene(cfg: DictConfig, mesh: Mesh) -> Scene:
    """The object, an untrained 4D model around it, a renderer for each, the prompt; a prior if a phase needs one."""
    prompt = make_prompt(cfg.prompt, mesh.noun)
    reference = instantiate(cfg.reference)(mesh)
    field = instantiate(cfg.model)
    if hasattr(field, "bind"):
        field.bind(mesh)
    renderer = instantiate(cfg.renderer)(field)
    renderer.start_from(sample_surface(mesh, 200_000, generator_at(cfg.seed, 0, "surface")))
    needs_prior = any(get_class(node._target_).needs_prior for node in cfg.phase.values())
    scene = Scene(reference, renderer, prompt, instantiate(cfg.guidance) if needs_prior else None)
    if needs_prior:
        warn_of_words(scene.prior.unknown_words(prompt.text), prompt)
    return scene


def warn_of_words(unknown: list[tuple[str, str]], prompt: Prompt) -> None:
    """Say which words mean nothing to the prior; the noun may be any word."""
    for word, nearest in unknown:
        if word == prompt.text:
            log.warning("the prior finds no motion that it knows in %r; it knows: %s", word, nearest)
        elif not any(same(noun, word) for noun in words(prompt.noun)):
            advice = f"the nearest that it knows is {nearest!r}" if nearest else "it knows none like it"
            log.warning("the prior has never seen the word %r; %s", word, advice)


def train(
    phase: Phase, scene: Scene, done: Path, shared: Path | None, cfg: DictConfig, loggers: list, progress: Progress
) -> None:
    """Train one phase, unless this run, or for a shared result any run, has done so before."""
    with making(shared):
        for path in (done, shared):
            if path is not None and path.exists() and take(path, scene):
                log.info("%s: taken from %s", phase.name, path)
                progress.skip(phase.name)
                if path != done:
                    save_model(done, scene)
                return
        fit(phase, scene, done, shared, cfg, loggers, progress)


def fit(
    phase: Phase, scene: Scene, done: Path, shared: Path | None, cfg: DictConfig, loggers: list, progress: Progress
) -> None:
    """Train one phase, from its autosave if there is one."""
    autosave = done.with_suffix(".autosave")
    callbacks = [*instantiate(cfg.callbacks).values(), Autosave(autosave, cfg.autosave_seconds), progress]
    trainer: Trainer = instantiate(
        cfg.trainer, max_steps=phase.steps, logger=loggers, callbacks=callbacks, plugins=[TreeIO()]
    )
    trainer.fit(phase, ckpt_path=resumable(autosave))
    for path in (done, shared):
        if path is not None:
            save_model(path, scene)
    autosave.unlink(missing_ok=True)


def resumable(autosave: Path) -> Path | None:
    """The autosave, if there is one; a damaged one is set aside and the phase starts again.

    Autosaves replace each other atomically, so damage comes from outside.
    """
    if not autosave.exists():
        return None
    try:
        load_tree(autosave)
    except InputError as error:
        log.warning("%s; this phase starts again", error)
        return None
    return autosave


def take(path: Path, scene: Scene) -> bool:
    """Load a trained 4D model into the scene; a damaged file is deleted and not taken."""
    try:
        scene.renderer.load_state_dict(load_tree(path))
    except InputError as error:
        log.warning("%s; it is rebuilt", error)
        path.unlink()
        return False
    return True


def save_model(path: Path, scene: Scene) -> None:
    """Write the 4D model, field and occupancy."""
    save_tree(path, dict(scene.renderer.state_dict()))


def export_all(exports: list[Callable], scene: Scene, out: Path) -> dict[str, Any]:
    """Call the exporters; some return figures, by name, the others what they wrote."""
    told = [export(scene, out) for export in exports]
    return {name: value for figures in told if isinstance(figures, dict) for name, value in figures.items()}


def restore(folder: Path, trust: bool = False, model: str = "model.safetensors") -> Scene:
    """The scene of a finished run, without its prior; or as it was when `model` was written.

    Raises:
        InputError: if there is none in `folder`, or, without `trust`, its configuration calls code that is not of to4d.
    """
    missing = [name for name in ("config.yaml", model) if not (folder / name).is_file()]
    if missing:
        raise InputError(f"{folder} holds no finished run (it has no {missing[0]}); name the folder of one: run=DIR")
    cfg = OmegaConf.load(folder / "config.yaml")
    cfg.phase = {}
    if not trust:
        check_parts({group: OmegaConf.to_container(cfg[group], resolve=True) for group in HOMES})
    scene = build_scene(cfg, instantiate(cfg.object))
    scene.renderer.load_state_dict(load_tree(folder / model))
    return scene


def reopen(folder: Path, trust: bool = False) -> Scene:
    """`restore` for a command, for which Hydra has made a folder of any name: a wrong one is taken away again."""
    try:
        return restore(folder, trust)
    except InputError:
        with contextlib.suppress(OSError):
            folder.rmdir()
        raise


def cache_path(cfg: DictConfig, name: str, mesh: Mesh) -> Path:
    """Where this phase's result for this very mesh and these very settings is shared by all runs."""
    parts = {key: OmegaConf.to_container(cfg[key], resolve=True) for key in ("model", "renderer", "reference")}
    parts["phase"] = OmegaConf.to_container(cfg.phase[name], resolve=True)
    content = json.dumps([parts, cfg.seed, mesh.content_key(), version("to4d")], sort_keys=True)
    return cache_folder() / name / f"{hashlib.sha256(content.encode()).hexdigest()[:32]}.safetensors"


def finish(loggers: list, metrics: dict[str, Any]) -> None:
    """Send the numbers to the loggers and close them."""
    numbers = {key: value for key, value in metrics.items() if isinstance(value, (int, float))}
    for logger in loggers:
        logger.log_metrics(numbers)
        logger.finalize("success")
