"""A large recipe gone through in small, as a user would: `python train.py experiments=RECIPE +tiny=true`."""

import os
import subprocess
import sys
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage

ROOT = Path(__file__).parents[1]
LIMIT_SECONDS = 180  # of processor time


def phases_of_dry_run(recipe, folder):
    """The phases that were trained; fails if the run does, or takes too long."""
    settings = [f"experiments={recipe}", "+tiny=true", "object=gso/plant", "prompt=a plant blooming"]
    before = getrusage(RUSAGE_CHILDREN)
    command = [sys.executable, "train.py", *settings, f"out={folder}", "cache=false"]
    subprocess.run(command, cwd=ROOT, check=True, env=os.environ | {"WANDB_MODE": "offline", "OMP_NUM_THREADS": "1"})
    assert getrusage(RUSAGE_CHILDREN).ru_utime - before.ru_utime < LIMIT_SECONDS
    assert (folder / "metrics.json").exists()
    return {path.stem for path in (folder / "checkpoints").iterdir()}
