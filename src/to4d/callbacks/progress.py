"""How far the run is and when all its phases will be over: a bar on a terminal, lines elsewhere, a file for others."""

import json
import logging
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Any

from lightning import Callback, LightningModule, Trainer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress

from to4d.disk.files import write_atomically

COLUMNS = ("{task.description}", BarColumn(), MofNCompleteColumn(), "{task.fields[values]}", "{task.fields[left]} left")
VALUES = ("static", "sds", "azimuth_limit_deg")  # what is shown of the values that a phase logs
EVERY, PRINT_EVERY, WRITE_EVERY = 0.5, 10.0, 10.0  # seconds between updates of the bar, lines, and states of the file


@dataclass(frozen=True)
class PhasePlan:
    """What a phase takes."""

    steps: int
    cost: float  # of a step, relative to those of the other phases
    views: int  # a step


class RunProgress(Callback):
    """Shows step, values and remaining time of the run, and writes them to `path` (see `to4d.disk.run_state`).

    The remaining time is that of all phases: their remaining cost, at the speed of all steps so far.
    """

    def __init__(self, plan: Mapping[str, PhasePlan], path: Path, console: Console | None = None) -> None:
        """Expect the phases of `plan` in its order. `console` is where to show them, by default stderr."""
        self.plan, self.path, self.console = dict(plan), path, console or Console(stderr=True)
        self.seconds = self.cost = 0.0  # of all steps so far
        self.shown = self.written = -inf
        self.bar: Progress | None = None

    def skip(self, name: str) -> None:
        """Remove a phase that is finished already."""
        del self.plan[name]

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start the clock of a phase, and its bar on a terminal."""
        self.step_began = time.monotonic()
        if self.console.is_terminal:
            self.bar = Progress(*COLUMNS, console=self.console, auto_refresh=False)
            name, plan = self.current()
            self.bar.add_task(f"{name}, {plan.views} views", total=plan.steps, values="", left="?")
            self.bar.start()
            redirect_logging(sys.__stderr__, sys.stderr)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Count a step; show and write the state if it is time, and at the end of a phase."""
        now, (_, plan) = time.monotonic(), self.current()
        self.seconds, self.cost, self.step_began = self.seconds + now - self.step_began, self.cost + plan.cost, now
        last = trainer.global_step >= plan.steps
        if last or now - self.shown > (EVERY if self.bar else PRINT_EVERY):
            self.shown = now
            self.show(trainer)
        if last or now - self.written > WRITE_EVERY:
            self.written = now
            self.write(trainer.global_step)

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Go on to the next phase."""
        self.close_bar()
        del self.plan[self.current()[0]]

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Give the terminal back."""
        self.close_bar()

    def current(self) -> tuple[str, PhasePlan]:
        """The phase that is training: the first that is not finished."""
        return next(iter(self.plan.items()))

    def seconds_left(self, step: int) -> int:
        """Seconds that all phases will still take, when the current one has done `step` steps."""
        cost = sum(plan.steps * plan.cost for plan in self.plan.values()) - step * self.current()[1].cost
        return round(self.seconds / self.cost * cost)

    def show(self, trainer: Trainer) -> None:
        """Update the bar, or print a line where there is none."""
        step, (name, plan) = trainer.global_step, self.current()
        left = "{}:{:02d}".format(*divmod(self.seconds_left(step), 60))
        logged = {key.split("/")[-1]: float(value) for key, value in trainer.callback_metrics.items()}
        values = "  ".join(f"{key} {logged[key]:.4g}" for key in VALUES if key in logged)
        if self.bar:
            self.bar.update(self.bar.task_ids[0], completed=step, values=values, left=left, refresh=True)
        else:
            print(f"{name} {step}/{plan.steps}  views {plan.views}  {values}  {left} left", file=sys.stderr, flush=True)

    def write(self, step: int) -> None:
        """Let other processes know where the run stands."""
        name, plan = self.current()
        left = self.seconds_left(step)
        state = {"phase": name, "step": step, "steps": plan.steps, "seconds_left": left, "at": time.time()}
        write_atomically(self.path, json.dumps(state).encode())

    def close_bar(self) -> None:
        """Leave the bar as it is and print below it from now on."""
        if self.bar:
            redirect_logging(sys.stderr, sys.__stderr__)
            self.bar.stop()
            self.bar = None


def redirect_logging(source: Any, target: Any) -> None:
    """Let log handlers that write to one stream write to another: rich prints above its bar what goes to its own."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, logging.StreamHandler) and handler.stream is source:
            handler.setStream(target)
