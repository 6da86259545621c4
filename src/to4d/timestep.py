"""Sampling of the diffusion timestep. Every strategy is `strategy(progress, generator) -> u` in [0, 1].

u = 0 is the low end of the range of noise levels, u = 1 the high end; the range itself is the distillation's.
"""

from dataclasses import dataclass

import torch
from torch import Generator


@dataclass(frozen=True)
class UniformTimesteps:
    """Uniform over the range (DreamFusion, 4D-fy)."""

    def __call__(self, progress: float, generator: Generator) -> float:
        """A uniform sample."""
        return float(torch.rand((), generator=generator))


@dataclass(frozen=True)
class DecreasingTimesteps:
    """Annealing from the high end to the low end along the phase: first the motion, then its details.

    `jitter` is the half-width of a uniform draw about it.

    >>> DecreasingTimesteps()(0.25, torch.Generator())
    0.75
    """

    jitter: float = 0.0

    def __call__(self, progress: float, generator: Generator) -> float:
        """The level at this progress."""
        level = 1.0 - progress
        if self.jitter:
            level += self.jitter * (2.0 * float(torch.rand((), generator=generator)) - 1.0)
        return min(1.0, max(0.0, level))


@dataclass(frozen=True)
class StratifiedTimesteps:
    """Through the whole range `rounds` times, from high to low, by `steps / rounds` steps of one stratum each.

    Every part of the phase sees all levels equally often, where independent draws leave some out for long. With
    `strata` equal to `steps / rounds` the levels of all steps together are uniform.
    """

    rounds: float = 1000.0
    strata: int = 10

    def __call__(self, progress: float, generator: Generator) -> float:
        """A sample from the stratum at this progress."""
        stratum = int(progress * self.rounds * self.strata + 1e-6) % self.strata  # an edge belongs to the next stratum
        return 1.0 - (stratum + float(torch.rand((), generator=generator))) / self.strata
