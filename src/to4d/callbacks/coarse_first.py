"""Coarse levels of a motion learn first, finer ones when the noise has fallen so far that details can be told."""

from typing import Any

from lightning import Callback, LightningModule, Trainer


class CoarseFirst(Callback):
    """Keeps each level of a motion that has `levels()` still until the distillation's schedules have come to its start.

    It changes the 4D model, so every device does it, after their gradients were averaged.

    Args:
        starts: from coarse to fine, in [0, 1) of the schedules; levels beyond the last start with it.
    """

    everywhere = True

    def __init__(self, starts: tuple[float, ...] = (0.0, 0.1, 0.3)) -> None:
        """Keep the starts."""
        self.starts = tuple(starts)

    def on_before_optimizer_step(self, trainer: Trainer, pl_module: LightningModule, *args: Any) -> None:
        """Take the gradients away from levels that have not started; a function of the step alone."""
        for number, parameters in enumerate(pl_module.renderer.field.motion_levels()):
            if pl_module.schedule_progress < self.starts[min(number, len(self.starts) - 1)]:
                for parameter in parameters:
                    parameter.grad = None
