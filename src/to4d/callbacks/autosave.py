"""Save the phase by time, and at once when the machine asks the program to stop."""

import signal
import time
from pathlib import Path
from threading import current_thread, main_thread
from types import FrameType
from typing import Any

import torch
from lightning import Callback, LightningModule, Trainer


class Autosave(Callback):
    """Writes `path` every `seconds`, and on a signal to stop at the end of the running step.

    After SIGTERM it exits with status 143. SIGUSR2 is how launchers of clusters say that the machine is wanted back: it
    is handed on to theirs, which queues the run again; without one it means what SIGTERM does.
    A state that is not finite is never saved, so the last good one stays.
    """

    def __init__(self, path: str, seconds: float = 60.0) -> None:
        """Keep the settings."""
        self.path, self.seconds = Path(path), seconds
        self.saved_at, self.asked_to_stop = time.monotonic(), 0

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start the clock and listen, which Python allows in the main thread only."""
        self.saved_at = time.monotonic()
        signums = (signal.SIGTERM, signal.SIGUSR2) if current_thread() is main_thread() else ()
        self.previous = {signum: signal.signal(signum, self.stop) for signum in signums}

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Stop listening."""
        for signum, handler in self.previous.items():
            signal.signal(signum, handler)

    def stop(self, signum: int, frame: FrameType | None) -> None:
        """Remember that somebody wants the machine back."""
        self.asked_to_stop = signum

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *args: Any) -> None:
        """Save if it is time."""
        if not self.asked_to_stop and time.monotonic() - self.saved_at < self.seconds:
            return
        if all(torch.isfinite(value).all() for value in pl_module.state_dict().values()):
            trainer.save_checkpoint(self.path)
        self.saved_at = time.monotonic()
        if self.asked_to_stop:
            self.leave()

    def leave(self) -> None:
        """End the program."""
        launcher = self.previous[self.asked_to_stop]
        if self.asked_to_stop == signal.SIGUSR2 and callable(launcher):
            launcher(signal.SIGUSR2, None)
        raise SystemExit(143)
