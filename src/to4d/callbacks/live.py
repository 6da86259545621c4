"""Leave the 4D model of now in the run's folder for a page that shows it live (`to4d.viewer`)."""

import json
import time
from pathlib import Path
from typing import Any

from lightning import Callback, LightningModule, Trainer

from to4d.disk.checkpoint import save_tree
from to4d.disk.files import write_atomically
from to4d.disk.run_state import LIVE, LIVE_MODEL


class Live(Callback):
    """If it is `enabled`, writes the model and what is told of it to files in `out`, at most every `seconds`.

    Looking from another process changes nothing here, and what goes wrong there does not end the run.
    """

    def __init__(self, out: str, enabled: bool, seconds: float = 10.0) -> None:
        """Keep the settings."""
        self.out, self.enabled, self.seconds, self.at = Path(out), enabled, seconds, -float("inf")

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *args: Any) -> None:
        """Write if it is time, and at the end of a phase."""
        due = time.monotonic() - self.at >= self.seconds or trainer.global_step >= pl_module.steps
        if not (self.enabled and due):
            return
        save_tree(self.out / LIVE_MODEL, dict(pl_module.renderer.state_dict()))
        values = {name.split("/")[-1]: float(value) for name, value in trainer.callback_metrics.items()}
        told = {"phase": pl_module.name, "step": trainer.global_step, "steps": pl_module.steps, "values": values}
        write_atomically(self.out / LIVE, json.dumps(told).encode())  # last: who reads it finds the model
        self.at = time.monotonic()
