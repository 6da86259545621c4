"""One training loop for both stages: fixed steps, a cosine rate, averaged weights, checkpoints to go on from."""

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from to4d.disk.checkpoint import load_tree, save_tree
from to4d.guidance.mini.tensors import to_device
from to4d_lab.mini.learning_curves import Board, Curves

Loss = Callable[[int], tuple[Tensor, dict[str, float]]]
Show = Callable[[int, nn.Module], None]


@dataclass
class Average:
    """An exponential moving average of a module's weights."""

    weights: dict[str, Tensor]

    def update(self, module: nn.Module, step: int, keep: float = 0.998) -> None:
        """Move towards the module; quicker in the first steps."""
        share = 1.0 - min(keep, 1.0 - 5.0 / (step + 6.0))
        values = module.state_dict()
        torch._foreach_lerp_(list(self.weights.values()), [values[name] for name in self.weights], share)


def cosine(step: int, steps: int, warmup: int = 100) -> float:
    """A learning rate's share at a step: up over `warmup`, then down to 2% on a cosine."""
    return min(1.0, (step + 1) / warmup) * (0.02 + 0.98 * 0.5 * (1.0 + math.cos(math.pi * step / steps)))


@dataclass
class Trainer:
    """Runs one stage of `net`, wherever it lives. `folder`/`name`.ckpt is its checkpoint, which any device can read.

    A checkpoint is written whole or not at all, so the program can be killed at any moment.
    """

    name: str
    net: nn.Module
    groups: list[dict]  # for AdamW, each with its highest rate
    steps: int
    folder: Path
    show_every: int = 500
    board: Board | None = None
    show: Show | None = None  # gets the number of steps done and a copy of the net with the averaged weights
    save_every: int = 250

    @property
    def path(self) -> Path:
        """The checkpoint."""
        return self.folder / f"{self.name}.ckpt"

    def finished(self) -> bool:
        """Whether the stage is over; then the net takes its averaged weights from the checkpoint."""
        if not self.path.exists():
            return False
        state = load_tree(self.path)
        if state["step"] < self.steps:
            return False
        self.net.load_state_dict(state["average"])
        return True

    def run(self, loss: Loss, last: int | None = None) -> None:
        """Train to the last step, or stop after step `last`; the net ends with its averaged weights."""
        optimizer = torch.optim.AdamW(self.groups, betas=(0.9, 0.98), weight_decay=0.02, fused=True)
        rates = [group["lr"] for group in optimizer.param_groups]
        average = Average({name: value.clone() for name, value in self.net.state_dict().items()})
        first, seconds = self._resume(optimizer, average)
        curves = Curves(self.name, self.folder, self.steps, first, seconds, self.board)
        last = self.steps if last is None else last
        for step in range(first, last):
            for group, rate in zip(optimizer.param_groups, rates, strict=True):
                group["lr"] = rate * cosine(step, self.steps)
            value, figures = loss(step)
            optimizer.zero_grad(set_to_none=True)
            value.backward()
            nn.utils.clip_grad_norm_([p for group in self.groups for p in group["params"]], 1.0)
            optimizer.step()
            average.update(self.net, step)
            curves(step + 1, figures)
            if (step + 1) % self.save_every == 0 or step + 1 == last:
                self._save(step + 1, optimizer, average, curves.seconds)
            if self.show is not None and (step + 1) % self.show_every == 0:
                self.show(step + 1, self._averaged(average))
        self.net.load_state_dict(average.weights)

    def _averaged(self, average: Average) -> nn.Module:
        net = copy.deepcopy(self.net)
        net.load_state_dict(average.weights)
        return net.eval()

    def _save(self, step: int, optimizer: torch.optim.Optimizer, average: Average, seconds: float) -> None:
        state = {"step": step, "seconds": seconds, "net": self.net.state_dict(), "average": average.weights}
        save_tree(self.path, state | {"optimizer": optimizer.state_dict()})

    def _resume(self, optimizer: torch.optim.Optimizer, average: Average) -> tuple[int, float]:
        if not self.path.exists():
            return 0, 0.0
        state = load_tree(self.path)
        self.net.load_state_dict(state["net"])
        optimizer.load_state_dict(state["optimizer"])
        average.weights = {name: to_device(state["average"][name], old.device) for name, old in average.weights.items()}
        return state["step"], state["seconds"]
