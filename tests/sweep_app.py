"""A program with the sweeper and the launchers of train.py whose cells do nothing, fail, die, or wait for a signal."""

import json
import os
import signal
import sys
import time
from pathlib import Path

import hydra

from to4d.disk.locks import run_lock
from to4d.disk.run_state import record_failure


@hydra.main(version_base="1.3", config_path="conf", config_name="app")
def main(cfg):
    """Do what the cell's name says."""
    out = Path(cfg.out)
    with record_failure(out), run_lock(out):
        with (out / "starts.txt").open("a") as file:
            file.write("start\n")
        (out / "pid").write_text(str(os.getpid()))
        if str(cfg.x).startswith("bad") and not Path("mended").exists():
            raise ValueError("x is bad\nand stays so")
        if cfg.x == "dies":
            os.kill(os.getpid(), signal.SIGKILL)
        if cfg.x == "waits" and (out / "starts.txt").read_text().count("start") == 1:
            time.sleep(60)
        if cfg.x == "stops":
            sys.exit(143)
        score = (cfg.x - 2.0) ** 2 if isinstance(cfg.x, float) else 9.0
        (out / "metrics.json").write_text(json.dumps({"score": score}))


if __name__ == "__main__":
    main()
