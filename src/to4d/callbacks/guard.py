"""Stop a run that diverges before it overwrites a good state."""

from collections.abc import Mapping
from typing import Any

import torch
from lightning import LightningModule, Trainer
from torch import Tensor

from to4d.callbacks.phase_callback import PhaseCallback, phase_of
from to4d.errors import InputError
from to4d.phases import Phase


class Guard(PhaseCallback):
    """Stops on a loss or gradient that is not finite, or on a static loss above `static_limit` after the first steps.

    `static_limit` is in units of the loss itself: a field that shows nothing of the object scores about 1.
    """

    def __init__(self, static_limit: float = 2.0, patience: int = 20) -> None:
        """Keep the settings; `patience` is how many steps in a row may be above the limit."""
        self.static_limit, self.patience, self.above = static_limit, patience, 0

    def on_train_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Tensor | Mapping[str, Any] | None,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Check the losses."""
        phase, loss = phase_of(pl_module), outputs["loss"] if isinstance(outputs, Mapping) else outputs
        static = trainer.callback_metrics.get(f"{phase.name}/static", torch.zeros(()))
        self.above = self.above + 1 if static > self.static_limit else 0
        if loss is None or not torch.isfinite(loss) or not torch.isfinite(static):
            self.fail(trainer, phase, "the loss is not a finite number")
        if self.above > self.patience:
            self.fail(trainer, phase, f"the object is lost: static loss {float(static):.2f}")

    def on_before_optimizer_step(self, trainer: Trainer, pl_module: LightningModule, optimizer: Any) -> None:
        """Check the gradients before they are applied."""
        phase = phase_of(pl_module)
        for group in optimizer.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None and not torch.isfinite(parameter.grad).all():
                    self.fail(trainer, phase, "a gradient is not a finite number")

    def fail(self, trainer: Trainer, phase: Phase, what: str) -> None:
        """Raise an `InputError` that names the step and what to change."""
        raise InputError(
            f"phase {phase.name} diverged at step {trainer.global_step}: {what}; the last good state is kept. "
            f"Lower phase.{phase.name}.lr or distillation.guidance_scale and start again with another out=DIR"
        )
