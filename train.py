"""Animate one mesh with one prompt: `python train.py object=gso/plant prompt="a plant blooming"`."""

from contextlib import nullcontext
from pathlib import Path

import hydra
from omegaconf import DictConfig

from to4d.cli import command, report_user_errors
from to4d.viewer.watch import watched

HERE = Path(__file__).parent


@hydra.main(version_base="1.3", config_path="conf", config_name="train")
@report_user_errors
def main(cfg: DictConfig) -> None:
    """Run what the command line says."""
    from to4d.runs.animate import (
        animate,  # not above: a sweep needs none of it where cells are finished, or done elsewhere
    )

    with watched(HERE / "view.py", cfg.out) if cfg.view else nullcontext():
        animate(cfg)


if __name__ == "__main__":
    command(main, HERE / "conf", "train")
