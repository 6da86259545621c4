"""Let the renderer's occupancy grid follow the field."""

from typing import Any

from lightning import Callback, LightningModule, Trainer

from to4d.types import generator_at


class FollowOccupancy(Callback):
    """Updates the renderer's occupancy every `every` steps, before the step, from that step's randomness.

    It changes the 4D model, so every device does it.
    """

    everywhere = True

    def __init__(self, every: int = 16) -> None:
        """Keep the period."""
        self.every = every

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, *args: Any) -> None:
        """Update if it is time; a resumed run does so at the same steps."""
        if trainer.global_step % self.every == 0:
            random = generator_at(pl_module.seed, trainer.global_step, f"{pl_module.name}/occupancy")
            pl_module.renderer.occupancy.update(pl_module.renderer.field, random)
