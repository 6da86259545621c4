"""Save the phase by time, and at once when the machine asks the program to stop."""

import signal
import time
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from lightning import Callback, LightningModule, Trainer


class Autosave(Callback):
    """Writes `path` every `seconds`, and on SIGTERM at the end of the running step, then exits with status 143.

    A state that is not finite is never saved, so the last good one stays.
    """

    def __init__(self, path: str, seconds: float = 60.0) -> None:
        """Keep the settings."""
        self.path, self.seconds = Path(path), seconds
        self.saved_at, self.asked_to_stop = time.monotonic(), False

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start the clock and listen."""
        self.saved_at = time.monotonic()
        self.previous = signal.signal(signal.SIGTERM, self.stop)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Stop listening."""
        signal.signal(signal.SIGTERM, self.previous)

    def stop(self, signum: int, frame: FrameType | None) -> None:
        """Remember that somebody wants the machine back."""
        self.asked_to_stop = True

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *args: Any) -> None:
        """Save if it is time."""
        if not self.asked_to_stop and time.monotonic() - self.saved_at < self.seconds:
            return
        if all(torch.isfinite(value).all() for value in pl_module.state_dict().values()):
            trainer.save_checkpoint(self.path)
        self.saved_at = time.monotonic()
        if self.asked_to_stop:
            raise SystemExit(143)
