"""Measure a finished run again, or what a peer made, the way the paper does: `to4d-evaluate run=outputs/demo`."""

import json
from pathlib import Path

import hydra
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from to4d.cli import CONF, command, report_user_errors
from to4d.disk.files import write_atomically
from to4d.disk.locks import run_lock
from to4d.errors import InputError
from to4d.metrics.renders import render_for_evaluation
from to4d.runs.evaluation import evaluate, recipe, write_frames
from to4d.runs.run import restore_for_command


@hydra.main(version_base="1.3", config_path=str(CONF), config_name="evaluate")
@report_user_errors
def task(cfg: DictConfig) -> None:
    """Write evaluation.json and lossless frames into the run's folder, or to `out`; for a peer, who it is too."""
    views, measures = instantiate(cfg.views), {name: instantiate(part) for name, part in cfg.measures.items()}
    run, out = Path(cfg.run), Path(cfg.out)
    if cfg.peer is not None and out.resolve() == Path.cwd():
        raise InputError("out=DIR is missing: where the figures of a peer go, for report.py")
    if cfg.peer is None:
        renders, sources = (
            render_for_evaluation(restore_for_command(run, cfg.trust), views, cfg.frames),
            [run / "model.safetensors"],
        )
    else:
        peer = instantiate(cfg.peer)
        renders, sources = peer(views, cfg.frames), peer.sources()
    with run_lock(out):
        renders, figures = evaluate(renders, measures)
        write_frames(renders, out / "frames")
        evaluation = figures | {"recipe": recipe(sources, views, cfg.frames, measures)}
        if cfg.peer is not None:
            write_atomically(out / "config.yaml", OmegaConf.to_yaml(cfg.metadata, resolve=True).encode())
        write_atomically(out / "evaluation.json", json.dumps(evaluation, indent=1).encode())
    print(out / "evaluation.json")


def main() -> None:
    """The command `to4d-evaluate`."""
    command(task, "evaluate")
