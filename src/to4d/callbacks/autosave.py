"""Save the phase periodically, and at once on a signal to stop."""

import signal
import time
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from lightning import Callback, LightningModule, Trainer


class Autosave(Callback):
    """Writes `path` every `seconds`, and on a signal to stop at the end of the current step.

    After SIGTERM it exits with status 143. SIGUSR2 is how launchers of clusters announce preemption: it is passed on to
    their handler, which requeues the run; without one it means the same as SIGTERM.
    A state that is not finite is never saved, so the last good one stays.
    """

    def __init__(self, path: str | Path, seconds: float = 60.0) -> None:
        """Keep the settings."""
        self.path, self.seconds = Path(path), seconds
        self.saved_at, self.stop_signal = time.monotonic(), 0

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start the clock and listen."""
        self.saved_at = time.monotonic()
        self.previous = {signum: signal.signal(signum, self.stop) for signum in (signal.SIGTERM, signal.SIGUSR2)}

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Restore the former signal handlers."""
        for signum, handler in self.previous.items():
            signal.signal(signum, handler)

    def stop(self, signum: int, frame: FrameType | None) -> None:
        """Note the signal; the step is finished first."""
        self.stop_signal = signum

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Save if it is time."""
        if not self.stop_signal and time.monotonic() - self.saved_at < self.seconds:
            return
        if all(torch.isfinite(value).all() for value in pl_module.state_dict().values()):
            trainer.save_checkpoint(self.path)
        self.saved_at = time.monotonic()
        if self.stop_signal:
            self.leave()

    def leave(self) -> None:
        """End the program."""
        launcher = self.previous[signal.Signals(self.stop_signal)]
        if self.stop_signal == signal.SIGUSR2 and callable(launcher):
            launcher(signal.SIGUSR2, None)
        raise SystemExit(143)
