"""Measure a finished run again, the way the paper does: `python evaluate.py run=outputs/demo`."""

import json
from pathlib import Path

import hydra
from hydra.utils import instantiate
from omegaconf import DictConfig

from to4d.cli import command, friendly
from to4d.evaluation import evaluate, recipe, write_frames
from to4d.files import write_atomically
from to4d.locks import owned
from to4d.run import reopen


@hydra.main(version_base="1.3", config_path="conf", config_name="evaluate")
@friendly
def main(cfg: DictConfig) -> None:
    """Write evaluation.json and lossless frames into the run's folder, or to `out`."""
    views, measures = instantiate(cfg.views), {name: instantiate(part) for name, part in cfg.measures.items()}
    run, out = Path(cfg.run), Path(cfg.out)
    scene = reopen(run, cfg.trust)
    with owned(out):
        seen, figures = evaluate(scene, views, cfg.frames, measures)
        write_frames(seen, out / "frames")
        told = figures | {"recipe": recipe(run, views, cfg.frames, measures)}
        write_atomically(out / "evaluation.json", json.dumps(told, indent=1).encode())
    print(out / "evaluation.json")


if __name__ == "__main__":
    command(main, Path(__file__).parent / "conf", "evaluate")
