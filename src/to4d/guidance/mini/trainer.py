"""One training loop for both stages: fixed steps, a cosine rate, averaged weights, checkpoints to go on from."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

Loss = Callable[[int], tuple[Tensor, dict[str, float]]]


@dataclass
class Average:
    """An exponential moving average of a module's weights."""

    weights: dict[str, Tensor]

    def update(self, module: nn.Module, step: int, keep: float = 0.998) -> None:
        """Move towards the module; quicker in the first steps."""
        share = 1.0 - min(keep, 1.0 - 5.0 / (step + 6.0))
        for name, value in module.state_dict().items():
            self.weights[name].lerp_(value, share)


def cosine(step: int, steps: int, warmup: int = 100) -> float:
    """A learning rate's share at a step: up over `warmup`, then down to 2% on a cosine."""
    return min(1.0, (step + 1) / warmup) * (0.02 + 0.98 * 0.5 * (1.0 + math.cos(math.pi * step / steps)))


@dataclass
class Trainer:
    """Runs one stage of `net`; `folder`/`name`.pt is its checkpoint."""

    name: str
    net: nn.Module
    groups: list[dict]  # for AdamW, each with its highest rate
    steps: int
    folder: Path
    save_every: int = 250

    @property
    def path(self) -> Path:
        """The checkpoint."""
        return self.folder / f"{self.name}.pt"

    def finished(self) -> bool:
        """Whether the stage is over; then the net takes its averaged weights from the checkpoint."""
        if not self.path.exists():
            return False
        state = torch.load(self.path, weights_only=True)
        if state["step"] < self.steps:
            return False
        self.net.load_state_dict(state["average"])
        return True

    def run(self, loss: Loss, last: int | None = None) -> None:
        """Train to the last step, or stop after step `last`; the net ends with its averaged weights."""
        optimizer = torch.optim.AdamW(self.groups, betas=(0.9, 0.98), weight_decay=0.02)
        rates = [group["lr"] for group in optimizer.param_groups]
        average = Average({name: value.clone() for name, value in self.net.state_dict().items()})
        progress = Progress(self.name, self.steps)
        last = self.steps if last is None else last
        for step in range(self._resume(optimizer, average), last):
            for group, rate in zip(optimizer.param_groups, rates, strict=True):
                group["lr"] = rate * cosine(step, self.steps)
            value, figures = loss(step)
            optimizer.zero_grad(set_to_none=True)
            value.backward()
            nn.utils.clip_grad_norm_([p for group in self.groups for p in group["params"]], 1.0)
            optimizer.step()
            average.update(self.net, step)
            progress(step, figures)
            if (step + 1) % self.save_every == 0 or step + 1 == last:
                self._save(step + 1, optimizer, average)
        self.net.load_state_dict(average.weights)

    def _save(self, step: int, optimizer: torch.optim.Optimizer, average: Average) -> None:
        state = {"step": step, "net": self.net.state_dict(), "optimizer": optimizer.state_dict()}
        torch.save(state | {"average": average.weights}, self.path.with_suffix(".part"))
        self.path.with_suffix(".part").replace(self.path)

    def _resume(self, optimizer: torch.optim.Optimizer, average: Average) -> int:
        if not self.path.exists():
            return 0
        state = torch.load(self.path, weights_only=True)
        self.net.load_state_dict(state["net"])
        optimizer.load_state_dict(state["optimizer"])
        average.weights = state["average"]
        return state["step"]


class Progress:
    """Prints the mean of each figure every 50 steps."""

    def __init__(self, name: str, steps: int) -> None:
        self.name, self.steps = name, steps
        self.begun, self.seen = time.time(), []

    def __call__(self, step: int, figures: dict[str, float]) -> None:
        """Note one step."""
        self.seen.append(figures)
        if (step + 1) % 50 == 0:
            means = {key: sum(each[key] for each in self.seen) / len(self.seen) for key in figures}
            text = "  ".join(f"{key} {mean:.4f}" for key, mean in means.items())
            print(f"{self.name} {step + 1}/{self.steps}  {time.time() - self.begun:.0f} s  {text}", flush=True)
            self.seen = []
