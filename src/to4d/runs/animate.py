"""Several runs for one asset: one for each prompt and seed, the best of each prompt's seeds, one file with all clips.

Every run has a folder of its own below the common one, and is the very run that its prompt and its seed make alone. So
what was killed goes on, what is finished is not done again, and prompts share the static fit of a seed (`cache`).
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

from to4d.disk.locks import owned
from to4d.disk.run_state import telling
from to4d.errors import InputError
from to4d.export.sheet import write_sheet
from to4d.prompt import make_prompt
from to4d.runs.chosen_parts import chosen
from to4d.runs.run import restore, run, taken
from to4d.runs.settings import check_folder, check_seed, write_metrics, write_settings

MAX_NAME = 80  # characters of a folder's name
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Take:
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
    with telling(Path(cfg.out)):
        prompts = list(cfg.prompt) if isinstance(cfg.prompt, ListConfig) else [cfg.prompt]
        takes = plan(prompts, check_seed(cfg.seed), cfg.n_seeds)
        if len(takes) == 1:
            return run(one(cfg, takes[0]))
        with owned(Path(cfg.out)):
            return taken(cfg) or run_all(cfg, takes)


def plan(prompts: Sequence[Any], seed: int, count: int) -> list[Take]:
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
        Take(prompt, s, "/".join(above + ([f"seed_{s}"] if count > 1 else [])))
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


def one(cfg: DictConfig, take: Take) -> DictConfig:
    """The configuration of one run."""
    cfg = cfg.copy()
    cfg.prompt, cfg.seed, cfg.n_seeds, cfg.out = take.prompt, take.seed, 1, str(Path(cfg.out) / take.folder)
    return cfg


def run_all(cfg: DictConfig, takes: list[Take]) -> dict[str, Any]:
    """Do what is left to do, rank, keep the best, in a folder that is this process' own."""
    out, text = Path(cfg.out), OmegaConf.to_yaml(cfg, resolve=True)
    check_folder(out, text)
    mesh = instantiate(cfg.object)
    for take in takes:  # before any work is lost
        make_prompt(take.prompt, mesh.noun)
    files = write_settings(out, text)
    figures = {}
    for number, take in enumerate(takes, 1):
        log.info("run %d of %d: %r, seed %d, in %s", number, len(takes), take.prompt, take.seed, out / take.folder)
        figures[take] = run(OmegaConf.merge(one(cfg, take), {"skip_finished": True}))
    best, metrics = [], {}
    for prompt in dict.fromkeys(take.prompt for take in takes):
        own = sorted(
            (take for take in takes if take.prompt == prompt), key=lambda t: standing(figures[t]), reverse=True
        )
        best.append(own[0])
        metrics[prompt] = {"best": own[0].folder, "runs": {take.folder: told(figures[take]) for take in own}}
        if len(own) > 1:
            show(own, out)
    scenes = [restore(out / take.folder, trust=True) for take in best]
    joining = [export for export in map(instantiate, chosen(cfg.export).values()) if hasattr(export, "together")]
    merged = {name: value for export in joining for name, value in export.together(scenes, out).items()}
    metrics = {"clips": metrics} | merged
    write_metrics(out, metrics, files)
    return metrics


def standing(metrics: dict[str, Any]) -> tuple[float, ...]:
    """How well a run did, the most important first; larger is better.

    Whether it does what the prompt says, in how many views, how many frames of the asset had to be held back, whether
    it moves, how like the input it starts, in its worst view.
    """
    return tuple(told(metrics).values())


def told(metrics: dict[str, Any]) -> dict[str, float]:
    """`standing`, by name."""
    names = ("eval/motion_passed", "eval/motion_views", "export/held_frames", "eval/dynamic_degree", "eval/psnr_t0_min")
    passed, views, held, moves, likeness = (float(metrics.get(name) or 0.0) for name in names)
    rest = {"minus_held_frames": -held, "dynamic_degree": moves, "psnr_t0_min": likeness}
    return {"motion_passed": passed, "motion_views": views, **rest}


def show(takes: list[Take], out: Path) -> None:
    """`seeds.png`: all seeds of a prompt, the best first."""
    scenes = [restore(out / take.folder, trust=True) for take in takes]
    names = [f"seed {take.seed}" + ("\nbest" if take is takes[0] else "") for take in takes]
    path = write_sheet((out / takes[0].folder).parent / "seeds.png", scenes, names)
    log.info("the best seed for %r is %d; all are in %s", takes[0].prompt, takes[0].seed, path)
