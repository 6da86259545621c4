"""Times of the frames of a training clip (Sec. 3.4). Every sampler is `sampler(generator) -> (V,)`."""

from dataclasses import dataclass

import torch
from torch import Generator, Tensor


@dataclass(frozen=True)
class Anchored:
    """Frame i near i/V, the first exactly at the input object: t_0 = 0, t_i = i/V + eps_i (Sec. 3.4).

    The paper calls eps "small noise"; its second version bounds it by the gap, 0 <= eps < 1/V. `jitter` is eps V.
    """

    frames: int = 16
    jitter: float = 1.0

    def __call__(self, generator: Generator) -> Tensor:
        """(V,) rising times in [0, 1)."""
        noise = torch.rand(self.frames, generator=generator) * self.jitter
        noise[0] = 0.0
        return (torch.arange(self.frames) + noise) / self.frames


@dataclass(frozen=True)
class RandomWindow:
    """Evenly spaced frames from t_0 ~ U(0, 1/V): what 4D-fy's code does; the input object is hardly ever shown."""

    frames: int = 16

    def __call__(self, generator: Generator) -> Tensor:
        """(V,) rising times in [0, 1)."""
        return (torch.arange(self.frames) + torch.rand(1, generator=generator)) / self.frames


@dataclass(frozen=True)
class Even:
    """The same times at every step, i/V.

    >>> Even(frames=4)(torch.Generator())
    tensor([0.0000, 0.2500, 0.5000, 0.7500])
    """

    frames: int = 16

    def __call__(self, generator: Generator) -> Tensor:
        """(V,) rising times in [0, 1)."""
        return torch.arange(self.frames) / self.frames
