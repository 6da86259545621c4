"""Where the cameras stand at a moment of a phase (Appendix A). Angles are azimuths in degrees.

Every schedule is `schedule(progress, count, generator) -> (count,)` with progress in [0, 1), and tells how wide it
looks by `limit_deg(progress)`: half the width of its range, for the log.
"""

from dataclasses import dataclass
from math import ceil

import torch
from torch import Generator, Tensor


def _within(limit_deg: float, count: int, generator: Generator) -> Tensor:
    return limit_deg * (2.0 * torch.rand(count, generator=generator) - 1.0)


@dataclass(frozen=True)
class Incremental:
    """Near the front first, then ever wider (A.1): [-A, A] with A growing by `widen_deg` in equal shares of the phase.

    >>> Incremental(start_deg=20, widen_deg=20).limit_deg(0.5)
    100.0
    """

    start_deg: float = 20.0
    widen_deg: float = 20.0
    until: float = 1.0  # share of the phase after which the range is complete

    def limit_deg(self, progress: float) -> float:
        """Half the width of the range, at most 180."""
        levels = 1 + ceil((180.0 - self.start_deg) / self.widen_deg)
        level = int(progress / self.until * levels)
        return float(min(180.0, self.start_deg + self.widen_deg * level))

    def __call__(self, progress: float, count: int, generator: Generator) -> Tensor:
        """(count,) azimuths in degrees."""
        return _within(self.limit_deg(progress), count, generator)


@dataclass(frozen=True)
class Uniform:
    """Anywhere around the object from the start (A.2)."""

    def limit_deg(self, progress: float) -> float:
        """Always all around."""
        return 180.0

    def __call__(self, progress: float, count: int, generator: Generator) -> Tensor:
        """(count,) azimuths in degrees."""
        return _within(180.0, count, generator)


@dataclass(frozen=True)
class Fixed:
    """Always the same place: the front, for baselines that know the object by one picture (Sec. 4.3).

    >>> Fixed()(0.5, 2, torch.Generator())
    tensor([0., 0.])
    """

    azimuth_deg: float = 0.0

    def limit_deg(self, progress: float) -> float:
        """How far that is from the front."""
        return abs(self.azimuth_deg)

    def __call__(self, progress: float, count: int, generator: Generator) -> Tensor:
        """(count,) azimuths in degrees."""
        return torch.full((count,), self.azimuth_deg)


@dataclass(frozen=True)
class FourViews:
    """One of front, right, back, left (A.3)."""

    def limit_deg(self, progress: float) -> float:
        """Always all around."""
        return 180.0

    def __call__(self, progress: float, count: int, generator: Generator) -> Tensor:
        """(count,) azimuths in degrees."""
        return 90.0 * torch.randint(4, (count,), generator=generator)


@dataclass(frozen=True)
class Sweep:
    """In order through the interval of each level, then anywhere (A.4).

    Each level of `Incremental` is walked from -A to A with evenly spaced cameras; the last share is uniform.
    """

    start_deg: float = 20.0
    widen_deg: float = 20.0
    until: float = 0.8  # share of the phase that sweeps

    def limit_deg(self, progress: float) -> float:
        """Half the width of the range."""
        return Incremental(self.start_deg, self.widen_deg, self.until).limit_deg(progress)

    def __call__(self, progress: float, count: int, generator: Generator) -> Tensor:
        """(count,) azimuths in degrees."""
        if progress >= self.until:
            return _within(180.0, count, generator)
        levels = 1 + ceil((180.0 - self.start_deg) / self.widen_deg)
        along = progress / self.until * levels % 1.0
        return torch.full((count,), self.limit_deg(progress) * (2.0 * along - 1.0))
