"""Several runs for one asset: one for each prompt and seed, the best of each prompt's seeds, one file with all clips.

Every run has a folder of its own below the common one, and is the same run that its prompt and seed make alone: killed
runs resume, finished ones are loaded, and prompts share the static fit of a seed (`cache`).
"""

import hashlib
import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra.utils import instantiate
from omegaconf import DictConfig, ListConfig, OmegaConf

from to4d.disk.locks import run_lock
from to4d.disk.run_state import record_failure
from to4d.errors import InputError
from to4d.export.sheet import write_sheet
from to4d.prompt import make_prompt
from to4d.runs.config_nodes import chosen
from to4d.runs.run import load_finished, restore, run
from to4d.runs.settings import check_folder, check_seed, write_metrics, write_settings

MAX_NAME = 80  # characters of a folder's name
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class RunSpec:
    """One run of several."""

    prompt: str
    seed: int
    folder: str  # below the common one


def animate(cfg: DictConfig) -> dict[str, Any]:
    """What `run` does, for every prompt of a list and `n_seeds` seeds; one prompt and one seed is one plain run.

    Returns:
        The metrics, which are also written to `metrics.json`: of several runs, how each stands and which were kept.

    Raises:
        InputError: if the configuration makes no sense, or another process is at work in the run folder.
    """
    with record_failure(Path(cfg.out)):
        prompts = list(cfg.prompt) if isinstance(cfg.prompt, ListConfig) else [cfg.prompt]
        specs = plan(prompts, check_seed(cfg.seed), cfg.n_seeds)
        if len(specs) == 1:
            return run(config_for(cfg, specs[0]))
        with run_lock(Path(cfg.out)):
            return load_finished(cfg) or run_all(cfg, specs)


def plan(prompts: Sequence[Any], seed: int, count: int) -> list[RunSpec]:
    """The runs and their folders: a folder a prompt, where there are several, and in it a folder a seed.

    Raises:
        InputError: if prompts are missing or alike, or the number of seeds makes no sense.
    """
    if not isinstance(count, int) or count < 1:
        raise InputError(f"n_seeds={count!r} is not a number of runs; say n_seeds=4 to keep the best of four")
    check_seed(seed + count - 1)
    if not prompts:
        raise InputError('prompt=[] asks for nothing; say prompt="a plant blooming", or list several')
    names = [folder_name(str(prompt)) for prompt in prompts]
    if len(set(names)) < len(names):
        twice = next(prompt for prompt, name in zip(prompts, names, strict=True) if names.count(name) > 1)
        raise InputError(f"the prompt {twice!r} is there twice (but for case and signs); each makes a clip of its name")
    seeds = range(seed, seed + count)
    parts = [([name] if len(prompts) > 1 else [], prompt) for name, prompt in zip(names, prompts, strict=True)]
    return [
        RunSpec(prompt, s, "/".join(above + ([f"seed_{s}"] if count > 1 else [])))
        for above, prompt in parts
        for s in seeds
    ]


def folder_name(prompt: str) -> str:
    """The words of a prompt; a name that would be too long ends in a hash of what is cut off.

    >>> folder_name("A plant's leaves, swaying!")
    'a_plant_s_leaves_swaying'
    """
    name = re.sub(r"[\W_]+", "_", prompt).strip("_").lower()
    if len(name) <= MAX_NAME:
        return name
    return f"{name[: MAX_NAME - 9]}_{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def config_for(cfg: DictConfig, spec: RunSpec, **changes: Any) -> DictConfig:
    """The configuration of one run, with other values of some top-level settings."""
    cfg = cfg.copy()
    for name, value in changes.items():
        cfg[name] = value
    cfg.prompt, cfg.seed, cfg.n_seeds, cfg.out = spec.prompt, spec.seed, 1, str(Path(cfg.out) / spec.folder)
    return cfg


def run_all(cfg: DictConfig, specs: list[RunSpec]) -> dict[str, Any]:
    """Make the runs that are not finished, rank them and combine the best; the folder is locked."""
    out, text = Path(cfg.out), OmegaConf.to_yaml(cfg, resolve=True)
    check_folder(out, text)
    mesh = instantiate(cfg.object)
    for spec in specs:  # before any work is lost
        make_prompt(spec.prompt, mesh.noun)
    files = write_settings(out, text)
    figures = {}
    for number, spec in enumerate(specs, 1):
        log.info("run %d of %d: %r, seed %d, in %s", number, len(specs), spec.prompt, spec.seed, out / spec.folder)
        figures[spec] = run(config_for(cfg, spec, skip_finished=True))
    best, metrics = [], {}
    for prompt in dict.fromkeys(spec.prompt for spec in specs):
        own = sorted(
            (spec for spec in specs if spec.prompt == prompt), key=lambda t: rank_key(figures[t]), reverse=True
        )
        best.append(own[0])
        metrics[prompt] = {"best": own[0].folder, "runs": {spec.folder: as_dict(figures[spec]) for spec in own}}
        if len(own) > 1:
            write_seed_sheet(own, out)
    scenes = [restore(out / spec.folder, trust=True) for spec in best]
    exporters = [instantiate(exporter) for exporter in chosen(cfg.export).values()]
    merged = {name: value for exporter in exporters for name, value in exporter.combine(scenes, out).items()}
    metrics = {"clips": metrics} | merged
    write_metrics(out, metrics, files)
    return metrics


def rank_key(metrics: dict[str, Any]) -> tuple[float, ...]:
    """A key to sort runs by, the most important figure first; larger is better.

    Whether the motion check passes, in how many views, how few frames of the asset were held back, the dynamic degree,
    and the PSNR at t = 0 of the worst view.
    """
    return tuple(as_dict(metrics).values())


def as_dict(metrics: dict[str, Any]) -> dict[str, float]:
    """The figures of `rank_key` by name."""
    names = ("eval/motion_passed", "eval/motion_views", "export/held_frames", "eval/dynamic_degree", "eval/psnr_t0_min")
    passed, views, held, moves, likeness = (float(metrics.get(name) or 0.0) for name in names)
    rest = {"minus_held_frames": -held, "dynamic_degree": moves, "psnr_t0_min": likeness}
    return {"motion_passed": passed, "motion_views": views, **rest}


def write_seed_sheet(specs: list[RunSpec], out: Path) -> None:
    """`seeds.png`: all seeds of a prompt, the best first."""
    scenes = [restore(out / spec.folder, trust=True) for spec in specs]
    names = [f"seed {spec.seed}" + ("\nbest" if spec is specs[0] else "") for spec in specs]
    path = write_sheet((out / specs[0].folder).parent / "seeds.png", scenes, names)
    log.info("the best seed for %r is %d; all are in %s", specs[0].prompt, specs[0].seed, path)
