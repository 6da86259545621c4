"""The progress line of the whole run, with the estimated time left."""

import json
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lightning import LightningModule, Trainer

from to4d.callbacks.phase_callback import PhaseCallback, phase_of
from to4d.disk.files import write_atomically
from to4d.phases import Phase


class Progress(PhaseCallback):
    """Prints `dynamic 120/300  views 1  static ...  3:20 left`, over all phases, at most twice a second.

    `plan` maps each phase of the run to (steps, relative cost of a step): the time left is estimated from the time that
    a unit of cost has taken so far. The same goes to the file `path` at most every ten seconds, for others to
    read (`to4d.disk.run_state`).
    """

    def __init__(self, plan: Mapping[str, tuple[int, float]], path: Path) -> None:
        """Keep the plan."""
        self.plan, self.path = dict(plan), path
        self.spent = self.done = 0.0
        self.printed = self.written = 0.0

    def skip(self, name: str) -> None:
        """Forget a phase that was already done."""
        del self.plan[name]

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start the clock of a phase."""
        self.before = time.monotonic()

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Count a step and show the line."""
        phase, now = phase_of(pl_module), time.monotonic()
        self.spent, self.done, self.before = (
            self.spent + now - self.before,
            self.done + self.plan[phase.name][1],
            now,
        )
        last = trainer.global_step >= phase.steps
        if now - self.printed > (0.5 if sys.stderr.isatty() else 10.0) or last:
            self.printed = now
            self.show(self.line(trainer, phase), last)
        if now - self.written > 10.0 or last:
            self.written = now
            self.write(trainer, phase)

    def left(self, trainer: Trainer, phase: Phase) -> int:
        """Seconds that all phases will still take."""
        names = list(self.plan)
        later = names[names.index(phase.name) + 1 :]
        cost = (phase.steps - trainer.global_step) * self.plan[phase.name][1]
        cost += sum(self.plan[name][0] * self.plan[name][1] for name in later)
        return round(self.spent / self.done * cost)

    def write(self, trainer: Trainer, phase: Phase) -> None:
        """Write the progress for other processes."""
        progress = {"phase": phase.name, "step": trainer.global_step, "steps": phase.steps}
        timing = {"seconds_left": self.left(trainer, phase), "at": time.time()}
        write_atomically(self.path, json.dumps(progress | timing).encode())

    def line(self, trainer: Trainer, phase: Phase) -> str:
        """The text of the line."""
        left = self.left(trainer, phase)
        values = {key.split("/")[-1]: float(value) for key, value in trainer.callback_metrics.items()}
        shown = "  ".join(f"{key} {values[key]:.4g}" for key in ("static", "sds", "azimuth_limit_deg") if key in values)
        where = f"{phase.name} {trainer.global_step}/{phase.steps}  views {phase.views}"  # of a step: the batch
        return f"{where}  {shown}  {left // 60}:{left % 60:02d} left"

    def show(self, text: str, last: bool) -> None:
        """Overwrite the line on a terminal; print it elsewhere."""
        end = "\n" if last or not sys.stderr.isatty() else "\r"
        print(f"{text:<100}", end=end, file=sys.stderr, flush=True)
