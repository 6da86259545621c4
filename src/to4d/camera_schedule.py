"""Camera azimuths over the progress of a phase (Appendix A), in degrees.

Every schedule is `schedule(progress, count, generator) -> (count,)` with progress in [0, 1);
`limit_deg(progress)`, for the log, is half the width of its range.
"""

from dataclasses import dataclass
from math import ceil

import torch
from torch import Generator, Tensor


def _uniform(limit_deg: float, count: int, generator: Generator) -> Tensor:
    """(count,) azimuths in [-limit, limit]."""
    return limit_deg * (2.0 * torch.rand(count, generator=generator) - 1.0)


@dataclass(frozen=True)
class Incremental:
    """Incremental viewpoint sampling (A.1): [-A, A] with A growing by `widen_deg` in equal intervals of the phase.

    With `widen_deg` 0 the range stays as it starts, with `until` 0 it is complete at once.

    >>> Incremental(start_deg=20, widen_deg=20).limit_deg(0.5)
    100.0
    """

    start_deg: float = 20.0
    widen_deg: float = 20.0
    until: float = 1.0  # progress from which the range is complete

    def limit_deg(self, progress: float) -> float:
        """Half the width of the range, at most 180."""
        level = int(self.levels * (progress / self.until if self.until else 1.0))
        return float(min(180.0, self.start_deg + self.widen_deg * level))

    @property
    def levels(self) -> int:
        """How many widths the range has on its way to 180 degrees."""
        return 1 + ceil((180.0 - self.start_deg) / self.widen_deg) if self.widen_deg else 1

    def __call__(self, progress: float, count: int, generator: Generator) -> Tensor:
        """(count,) azimuths in degrees."""
        return _uniform(self.limit_deg(progress), count, generator)


@dataclass(frozen=True)
class Uniform:
    """Uniform over all azimuths from the start (A.2)."""

    def limit_deg(self, progress: float) -> float:
        """180."""
        return 180.0

    def __call__(self, progress: float, count: int, generator: Generator) -> Tensor:
        """(count,) azimuths in degrees."""
        return _uniform(180.0, count, generator)


@dataclass(frozen=True)
class Fixed:
    """Always one azimuth: the front, for baselines that have one image of the object (Sec. 4.3).

    >>> Fixed()(0.5, 2, torch.Generator())
    tensor([0., 0.])
    """

    azimuth_deg: float = 0.0

    def limit_deg(self, progress: float) -> float:
        """Its distance from the front."""
        return abs(self.azimuth_deg)

    def __call__(self, progress: float, count: int, generator: Generator) -> Tensor:
        """(count,) azimuths in degrees."""
        return torch.full((count,), self.azimuth_deg)


@dataclass(frozen=True)
class FourViews:
    """One of front, right, back, left (A.3)."""

    def limit_deg(self, progress: float) -> float:
        """180."""
        return 180.0

    def __call__(self, progress: float, count: int, generator: Generator) -> Tensor:
        """(count,) azimuths in degrees."""
        return 90.0 * torch.randint(4, (count,), generator=generator)


@dataclass(frozen=True)
class Sweep:
    """A sweep through the range of each level, then uniform (A.4).

    Cameras go evenly from -A to A in each level of `Incremental`; after `until` azimuths are uniform.
    """

    start_deg: float = 20.0
    widen_deg: float = 20.0
    until: float = 0.8  # progress at which the sweep ends

    def limit_deg(self, progress: float) -> float:
        """Half the width of the range."""
        return self.ranges.limit_deg(progress)

    @property
    def ranges(self) -> Incremental:
        """The ranges that are swept."""
        return Incremental(self.start_deg, self.widen_deg, self.until)

    def __call__(self, progress: float, count: int, generator: Generator) -> Tensor:
        """(count,) azimuths in degrees."""
        if progress >= self.until:
            return _uniform(180.0, count, generator)
        along = progress / self.until * self.ranges.levels % 1.0
        return torch.full((count,), self.limit_deg(progress) * (2.0 * along - 1.0))
