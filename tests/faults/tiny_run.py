"""Real runs, tiny, as forks of this process, which has loaded everything and run nothing: a start costs no imports."""

import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from hydra import compose, initialize_config_dir
from lightning import Callback
from omegaconf import DictConfig

from to4d.cli import report_user_errors
from to4d.runs.animate import animate

ROOT = Path(__file__).parents[2]
TINY = ["prompt=a plant jumping", "export=[]", "logger=[csv]", "callbacks=[guard,occupancy]", "autosave_seconds=0"]
TINY += ["phase.static.steps=12", "phase.static.lens.size=[8,8]", "renderer.samples=32", "renderer.resolution=16"]
TINY += ["metrics.views.size=32", "metrics.frames=2", "metrics.views.azimuths_deg=[0]", "metrics.views.antialias=1"]
TINY += ["skip_finished=true", "model.static.levels=4", "model.static.log2_rows=10"]
PROGRAMS = {  # phase -> steps
    "static": {"static": 12},
    "all": {"static": 12, "dynamic": 3, "refine": 2},
}
STATIC, ALL = ["phase=[static]"], ["phase.dynamic.steps=3", "phase.refine.steps=2", "distillation.steps=1"]
OVERRIDES = {"static": STATIC, "all": ALL}
FINISHED, CRASHED, REFUSED = 0, 1, 2
STARTS = 4  # that a run may need until it is finished


class Trace(Callback):
    """Notes every step that is done, outside the run's folder."""

    def __init__(self, path: str) -> None:
        self.path = path

    def on_train_batch_end(self, trainer, pl_module, *args) -> None:
        with open(self.path, "a") as file:
            file.write(f"{pl_module.name} {trainer.global_step}\n")


@dataclass(frozen=True)
class Run:
    """A run and where it leaves what."""

    folder: Path
    program: str

    @property
    def out(self) -> Path:
        return self.folder / "disk" / "run"

    @property
    def trace(self) -> Path:
        return self.folder / "trace.txt"

    @property
    def said(self) -> Path:
        return self.folder / "said.txt"

    def config(self) -> DictConfig:
        own = [f"out={self.out}", f"+callbacks.trace={{_target_: tiny_run.Trace, path: {self.trace}}}"]
        with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
            return compose("train", [*TINY, *OVERRIDES[self.program], *own])

    def done(self) -> list[int]:
        """The steps in the order in which they were done, counted over all phases."""
        plan = PROGRAMS[self.program]
        before = {name: sum(list(plan.values())[:number]) for number, name in enumerate(plan)}
        lines = self.trace.read_text().splitlines() if self.trace.exists() else []
        return [before[line.split()[0]] + int(line.split()[1]) for line in lines]

    def start(self, prepare: Callable[[], None] = lambda: None) -> int:
        """Let a process of its own do it; its number."""
        pid = os.fork()
        if pid:
            return pid
        status = CRASHED
        try:
            with self.said.open("a") as said:
                os.dup2(said.fileno(), 1)
                os.dup2(said.fileno(), 2)
            os.environ["TO4D_CACHE"] = str(self.folder / "disk" / "cache")
            prepare()
            report_user_errors(animate)(self.config())
            status = FINISHED
        except SystemExit as end:
            status = int(end.code)
        except BaseException:
            sys.excepthook(*sys.exc_info())
        finally:
            sys.stderr.flush()
            os._exit(status)

    def wait_for_step(self, pid: int, step: int) -> None:
        """Until a step is done, or the process has ended."""
        while len(self.done()) < step and os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
            time.sleep(0.01)

    def finish(self) -> tuple[int, list[str]]:
        """Start it until it is finished, as its messages advise; the last status, and what it refused on the way."""
        refused = []
        for _ in range(STARTS):
            length = self.said.stat().st_size if self.said.exists() else 0
            status = ended(self.start())
            if status != REFUSED:
                break
            message = self.said.read_text()[length:].split("error: ")[-1]
            refused.append(message.strip())
            for name in ("config.yaml", "metrics.json"):
                if str(self.out / name) in message:
                    (self.out / name).unlink(missing_ok=True)
                    (self.out / "SHA256SUMS").unlink(missing_ok=True)
        return status, refused


def ended(pid: int) -> int:
    """The status of a process once it has ended; minus the signal that ended it."""
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
