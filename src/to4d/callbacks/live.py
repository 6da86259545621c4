"""Write the current 4D model to the run's folder for a page that shows it live (`to4d.viewer`)."""

import json
import time
from pathlib import Path
from typing import Any

from lightning import LightningModule, Trainer

from to4d.callbacks.phase_callback import PhaseCallback, phase_of
from to4d.disk.checkpoint import save_tree
from to4d.disk.files import write_atomically
from to4d.disk.run_state import LIVE, LIVE_MODEL


class Live(PhaseCallback):
    """If `enabled`, writes the model and the progress to files in `out`, at most every `seconds`.

    A viewer in another process does not affect the run, nor do its errors.
    """

    def __init__(self, out: str, enabled: bool, seconds: float = 10.0) -> None:
        """Keep the settings."""
        self.out, self.enabled, self.seconds, self.at = Path(out), enabled, seconds, -float("inf")

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Write if it is time, and at the end of a phase."""
        phase = phase_of(pl_module)
        due = time.monotonic() - self.at >= self.seconds or trainer.global_step >= phase.steps
        if not (self.enabled and due):
            return
        save_tree(self.out / LIVE_MODEL, dict(phase.renderer.state_dict()))
        values = {name.split("/")[-1]: float(value) for name, value in trainer.callback_metrics.items()}
        progress = {"phase": phase.name, "step": trainer.global_step, "steps": phase.steps, "values": values}
        write_atomically(self.out / LIVE, json.dumps(progress).encode())  # last: its reader finds the model
        self.at = time.monotonic()
