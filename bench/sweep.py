"""What a sweep costs beyond its cells' work: `python bench/sweep.py --cells 1000 --launcher basic` prints JSON.

The program, its configuration, sweeper and launcher are the real ones; the work of a cell is to write one file. Seconds
are of CPU, of all processes, and of the clock.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import hydra
from omegaconf import DictConfig

ROOT = Path(__file__).parents[1]


@hydra.main(version_base="1.3", config_path="../conf", config_name="train")
def cell(cfg: DictConfig) -> None:
    """The work of one cell."""
    (Path(cfg.out) / "metrics.json").write_text("{}")


def cost(work: Callable[[], object]) -> dict[str, float]:
    """Seconds that processes started by `work` take."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    work()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"cpu": round(cpu, 2), "clock": round(time.monotonic() - start, 2)}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the sweep, run it again, and ask how it stands."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cells", type=int, default=1000)
    parser.add_argument("--launcher", default="basic")
    parser.add_argument("settings", nargs="*", help="of the launcher")
    options = parser.parse_args(arguments)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT / "src"), *sys.path])}
    with tempfile.TemporaryDirectory() as folder:
        cells = [f"seed=range({options.cells})", "hydra.sweep.subdir=${seed}", f"hydra.sweep.dir={folder}/sweep"]
        command = [sys.executable, __file__, "cell", "-m", *cells, "prompt=x", "skip_finished=true"]
        command += [f"hydra/launcher={options.launcher}", *options.settings]

        def run(*words: str) -> None:
            subprocess.run(words, cwd=ROOT, env=environment, check=True, stdout=subprocess.DEVNULL)

        result = {"cells": options.cells, "launcher": options.launcher, "sweep": cost(lambda: run(*command))}
        result["one"] = {kind: round(seconds / options.cells, 3) for kind, seconds in result["sweep"].items()}
        result["again"] = cost(lambda: run(*command))
        result["status"] = cost(lambda: run(sys.executable, "-m", "to4d.runs.sweep", "status", f"{folder}/sweep"))
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    if sys.argv[1:2] == ["cell"]:
        del sys.argv[1]
        cell()
    else:
        main()
