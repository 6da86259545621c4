"""Motion against identity, as in the paper's Fig. 4: a mark for each run, a larger one for each method's mean."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from to4d.export.page.charts import ChartArea
from to4d.export.page.formatting import format_number
from to4d.report.columns import Column
from to4d.report.finished_runs import FinishedRun
from to4d.report.statistics import Mean, mean_over_objects

MARKS = (
    "M-5 0A5 5 0 1 0 5 0A5 5 0 1 0 -5 0Z",
    "M-5 -5H5V5H-5Z",
    "M0 -6L6 5H-6Z",
    "M0 -6L6 0L0 6L-6 0Z",
    "M-6 -5H6L0 6Z",
)

AREA = ChartArea(width=640, height=360, left=56, right=626, top=14, bottom=316)


@dataclass(frozen=True)
class Axis:
    """From a column's values to pixels."""

    column: Column
    low: float  # value at `start`, in the column's unit
    high: float  # value at `end`
    start: float  # pixels
    end: float

    @classmethod
    def of(cls, column: Column, values: Sequence[float], start: float, end: float) -> "Axis":
        """From a little below the smallest value to a little above the largest."""
        low, high = min(values) * column.scale, max(values) * column.scale
        room = 0.06 * (high - low) or 0.5 * abs(high) or 1.0
        return cls(column, low - room, high + room, start, end)

    def at(self, value: float) -> float:
        """The pixel of a value, which may lie outside."""
        fraction = (value * self.column.scale - self.low) / (self.high - self.low)
        return self.start + fraction * (self.end - self.start)

    def error_bar(self, mean: Mean) -> tuple[float, float]:
        """The pixels a standard error below and above a mean."""
        error = mean.sem or 0.0
        return self.at(mean.value - error), self.at(mean.value + error)

    def ticks(self) -> list[tuple[float, float]]:
        """Five pixels and their values in the column's unit."""
        values = [self.low + quarter / 4 * (self.high - self.low) for quarter in range(5)]
        return [(self.at(value / self.column.scale), value) for value in values]


@dataclass(frozen=True)
class Series:
    """A method's marks, in pixels."""

    method: str
    description: str
    shape: str  # SVG path about the origin
    points: list[tuple[float, float]]
    mean: tuple[float, float]
    left: float  # ends of the error bars
    right: float
    low: float
    high: float


@dataclass(frozen=True)
class ScatterPlot:
    """What the template `scatter.html` draws."""

    description: str
    across: Axis
    up: Axis
    series: list[Series]
    area: ChartArea = AREA


def scatter_plot(methods: Mapping[str, Sequence[FinishedRun]], x: Column, y: Column) -> ScatterPlot | None:
    """The plot of all runs that have both figures; None if none has."""
    points = {method: own for method, runs in methods.items() if (own := values_of(runs, x, y))}
    everything = [point for own in points.values() for point in own]
    if not everything:
        return None
    area = AREA
    across = Axis.of(x, [point[0] for point in everything], area.left, area.right)
    up = Axis.of(y, [point[1] for point in everything], area.bottom, area.top)
    description = f"{y.label} against {x.label} of {len(everything)} runs"
    series = [
        series_of(method, methods[method], own, MARKS[number % len(MARKS)], across, up)
        for number, (method, own) in enumerate(points.items())
    ]
    return ScatterPlot(description, across, up, series)


def values_of(runs: Sequence[FinishedRun], x: Column, y: Column) -> list[tuple[float, float]]:
    """Both figures of the runs that have both."""
    pairs = [(run.value(x.name), run.value(y.name)) for run in runs]
    return [(a, b) for a, b in pairs if a is not None and b is not None]


def series_of(
    method: str, runs: Sequence[FinishedRun], values: Sequence[tuple[float, float]], shape: str, across: Axis, up: Axis
) -> Series:
    """A method's runs and their mean over objects with standard errors."""
    x, y = mean_over_objects(runs, across.column.name), mean_over_objects(runs, up.column.name)
    assert x and y, "a method with points has means"
    texts = [format_number(m.value * axis.column.scale) for m, axis in ((x, across), (y, up))]
    left, right = across.error_bar(x)
    low, high = up.error_bar(y)
    return Series(
        method=method,
        description=f"{method}: {', '.join(texts)}",
        shape=shape,
        points=[(across.at(a), up.at(b)) for a, b in values],
        mean=(across.at(x.value), up.at(y.value)),
        left=left,
        right=right,
        low=low,
        high=high,
    )
