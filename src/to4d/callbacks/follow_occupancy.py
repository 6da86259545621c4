"""Let the renderer, that is its occupancy grid, follow the field."""

from typing import Any

from lightning import LightningModule, Trainer

from to4d.callbacks.phase_callback import PhaseCallback, phase_of
from to4d.types import generator_at


class FollowOccupancy(PhaseCallback):
    """Updates the renderer every `every` steps, before the step, with that step's random numbers.

    It changes the 4D model, so every rank does it.
    """

    on_every_rank = True

    def __init__(self, every: int = 16) -> None:
        """Keep the period."""
        self.every = every

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        """Update if it is time; a resumed run does so at the same steps."""
        phase = phase_of(pl_module)
        if trainer.global_step % self.every == 0:
            random = generator_at(phase.seed, trainer.global_step, f"{phase.name}/occupancy")
            phase.renderer.update(random)
