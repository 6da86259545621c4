"""Seconds of the parts of a step, on devices that work while the program goes on."""

import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn


class Clock:
    """Seconds of the parts of a step, by name; it waits for the device."""

    def __init__(self, device: torch.device) -> None:
        self.device, self.seconds = device, defaultdict(float)
        self.started: dict[str, float] = {}

    def now(self) -> float:
        """When all that was asked for is done."""
        if self.device.type == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter()

    def start(self, part: str) -> None:
        """Begin."""
        self.started[part] = self.now()

    def stop(self, part: str) -> None:
        """End."""
        self.seconds[part] += self.now() - self.started.pop(part)

    def of(self, call: Callable[[], object]) -> float:
        """Seconds of a call."""
        began = self.now()
        call()
        return self.now() - began

    def around(self, owner: Any, name: str, part: str) -> None:
        """Time all calls of a method."""
        call = getattr(owner, name)

        def timed(*args: Any, **kwargs: Any) -> Any:
            self.start(part)
            out = call(*args, **kwargs)
            self.stop(part)
            return out

        setattr(owner, name, timed)

    def back_through(self, prior: nn.Module) -> None:
        """Time the gradient's way through the autoencoder: from when that of the latents is known to that of pixels."""
        encode = prior.encode

        def watched(frames: Tensor) -> Tensor:
            latents = encode(frames)
            if latents.requires_grad:
                latents.register_hook(lambda grad: self.start("back"))
                frames.register_hook(lambda grad: self.stop("back"))
            return latents

        prior.encode = watched
