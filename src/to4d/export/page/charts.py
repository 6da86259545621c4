"""Line charts of what was logged while training: a chart for each quantity, over the steps of all phases."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

from to4d.export.page.formatting import format_number
from to4d.export.page.training_log import QUANTITIES, TrainingLog

MAX_POINTS = 400  # of a curve; more can't be seen
ALWAYS_LINEAR = {"azimuth_limit_deg", "mask", "timestep"}


class ChartArea(NamedTuple):
    """The size of a chart and where its curves lie, in pixels from its upper left corner."""

    width: int = 360
    height: int = 170
    left: int = 52
    right: int = 352
    top: int = 18
    bottom: int = 150


@dataclass(frozen=True)
class PhaseCurve:
    """The part of a chart that belongs to a phase, in pixels."""

    name: str
    start: float
    end: float
    curve: list[tuple[float, float]]


@dataclass(frozen=True)
class LineChart:
    """What the template `charts.html` draws."""

    caption: str
    description: str
    phases: list[PhaseCurve]
    ticks: list[tuple[float, float]]  # a value, and its height in pixels
    steps: int
    area: ChartArea = ChartArea()


@dataclass(frozen=True)
class Scale:
    """From values to heights, linear or logarithmic."""

    low: float
    high: float
    logarithmic: bool

    @classmethod
    def of(cls, values: Iterable[float], linear: bool) -> "Scale":
        """A scale that holds all values."""
        low, high = min(values), max(values)
        if not linear and low > 0 and high > 20 * low:
            return cls(low, high, True)
        if 0 < low < 0.5 * high:
            low = 0.0
        if high > low:
            return cls(low, high, False)
        return cls(low - 0.5 * abs(low) - 1e-9, high + 0.5 * abs(high) + 1e-9, False)

    def fraction(self, value: float) -> float:
        """0 at the lower end, 1 at the upper end."""
        f: Callable[[float], float] = math.log if self.logarithmic else float
        return (f(value) - f(self.low)) / (f(self.high) - f(self.low))

    def ticks(self) -> list[float]:
        """Both ends and the middle."""
        middle = math.sqrt(self.low * self.high) if self.logarithmic else 0.5 * (self.low + self.high)
        return [self.low, middle, self.high]


def line_charts(log: TrainingLog) -> list[LineChart]:
    """A chart for each quantity that was logged."""
    return [line_chart(log, quantity) for quantity in QUANTITIES if any(q == quantity for _, q in log.values)]


def line_chart(log: TrainingLog, quantity: str) -> LineChart:
    """A quantity over the steps of the phases that have it."""
    series = {p: sorted(log.values[p, quantity].items()) for p in log.phases if (p, quantity) in log.values}
    values = [value for points in series.values() for _, value in points]
    scale, area = Scale.of(values, quantity in ALWAYS_LINEAR), ChartArea()
    total = sum(log.length(phase) for phase in series)

    def x(step: float) -> float:
        return area.left + (area.right - area.left) * step / max(total, 1)

    def y(value: float) -> float:
        return area.bottom - (area.bottom - area.top) * scale.fraction(value)

    phases, start = [], 0
    for phase, points in series.items():
        end = start + log.length(phase)
        curve = [(x(start + step), y(value)) for step, value in downsampled(points)]
        phases.append(PhaseCurve(phase, x(start), x(end), curve if len(curve) > 1 else 2 * curve))
        start = end
    meaning = QUANTITIES[quantity]
    description = f"{meaning} From {format_number(values[0])} to {format_number(values[-1])}."
    caption = f"{meaning} (logarithmic)" if scale.logarithmic else meaning
    return LineChart(caption, description, phases, [(value, y(value)) for value in scale.ticks()], total)


def downsampled(points: list[tuple[int, float]], most: int = MAX_POINTS) -> list[tuple[int, float]]:
    """Every n-th point and the last one.

    >>> downsampled([(0, 1.0), (1, 2.0), (2, 3.0), (3, 4.0)], most=2)
    [(0, 1.0), (2, 3.0), (3, 4.0)]
    """
    kept = points[:: math.ceil(len(points) / most)]
    return kept if kept[-1] == points[-1] else [*kept, points[-1]]
