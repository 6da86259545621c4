"""Numbers that change over a phase, as functions of progress in [0, 1]."""

from dataclasses import dataclass
from math import cos, pi


@dataclass(frozen=True)
class Constant:
    """Always `value`."""

    value: float

    def __call__(self, progress: float) -> float:
        """The value."""
        return self.value


@dataclass(frozen=True)
class Linear:
    """From `start` to `end` over the first `until` of the phase, then `end`; with `until` 0 always `end`.

    >>> Linear(1.0, 0.0, until=0.5)(0.25)
    0.5
    """

    start: float
    end: float
    until: float = 1.0

    def __call__(self, progress: float) -> float:
        """The value at `progress`."""
        fraction = min(1.0, progress / self.until) if self.until else 1.0
        return self.start + (self.end - self.start) * fraction


@dataclass(frozen=True)
class Cosine:
    """From `start` to `end` along half a cosine; after a linear rise from 0 over the first `warm_up` of the phase.

    >>> Cosine(1.0, 0.0)(0.5)
    0.5
    """

    start: float
    end: float
    warm_up: float = 0.0

    def __call__(self, progress: float) -> float:
        """The value at `progress`."""
        rise = min(1.0, progress / self.warm_up) if self.warm_up else 1.0
        value = self.end + (self.start - self.end) * 0.5 * (1.0 + cos(pi * min(1.0, progress)))
        return round(rise * value, 12)
