"""Coarse-to-fine training of a motion: fine levels start when the noise level is low enough for details."""

from lightning import LightningModule, Trainer
from torch.optim import Optimizer

from to4d.callbacks.phase_callback import PhaseCallback, phase_of


class CoarseFirst(PhaseCallback):
    """Freezes each of the field's `motion_levels` until the distillation's schedules have come to its start.

    It changes the 4D model, so every rank does it, after gradients were averaged.

    Args:
        starts: from coarse to fine, in [0, 1) of the schedules; levels beyond the last start with it.
    """

    on_every_rank = True

    def __init__(self, starts: tuple[float, ...] = (0.0, 0.1, 0.3)) -> None:
        """Keep the starts."""
        self.starts = tuple(starts)

    def on_before_optimizer_step(self, trainer: Trainer, pl_module: LightningModule, optimizer: Optimizer) -> None:
        """Drop the gradients of levels that have not started; a function of the step alone."""
        phase = phase_of(pl_module)
        for number, parameters in enumerate(phase.renderer.field.motion_levels()):
            if phase.schedule_progress < self.starts[min(number, len(self.starts) - 1)]:
                for parameter in parameters:
                    parameter.grad = None
