"""Motion against identity, as in the paper's Fig. 4: a mark for each run, a larger one for each row's mean."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from to4d.export.report_figures import plain
from to4d.report.columns import Column
from to4d.report.runs import Run
from to4d.report.summary import Mean, mean

WIDTH, HEIGHT, LEFT, BOTTOM, EDGE = 640, 360, 56, 44, 14
MARKS = (
    "M-5 0A5 5 0 1 0 5 0A5 5 0 1 0 -5 0Z",
    "M-5 -5H5V5H-5Z",
    "M0 -6L6 5H-6Z",
    "M0 -6L6 0L0 6L-6 0Z",
    "M-6 -5H6L0 6Z",
)


@dataclass(frozen=True)
class Axis:
    """From a column's values to pixels."""

    column: Column
    low: float
    high: float
    start: float  # pixels
    end: float

    def at(self, value: float) -> float:
        """Its pixel, which may lie outside."""
        share = (value * self.column.scale - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)

    def ticks(self) -> list[tuple[float, str]]:
        """Five pixels and what stands there."""
        values = [self.low + share / 4 * (self.high - self.low) for share in range(5)]
        return [(self.at(value / self.column.scale), plain(value)) for value in values]


def scatter(rows: Mapping[str, Sequence[Run]], x: Column, y: Column) -> str:
    """An SVG with a legend; empty if no run has both figures."""
    points = {row: own for row, runs in rows.items() if (own := places(runs, x, y))}
    every = [place for own in points.values() for place in own]
    if not every:
        return ""
    across = axis(x, [place[0] for place in every], LEFT, WIDTH - EDGE)
    up = axis(y, [place[1] for place in every], HEIGHT - BOTTOM, EDGE)
    marks = "".join(series(i, row, rows[row], points[row], across, up) for i, row in enumerate(points))
    text = escape(f"{y.label} against {x.label} of {len(every)} runs")
    names = "".join(f'<span class="s{i % 8}">{_mark(i, None)} {escape(row)}</span>' for i, row in enumerate(points))
    frame = f'<svg id="scatter" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{text}">'
    return f'{frame}{grid(across, up)}{marks}</svg><p class="legend">{names}</p>'


def places(runs: Sequence[Run], x: Column, y: Column) -> list[tuple[float, float]]:
    """Where the runs are that have both figures."""
    pairs = [(run.value(x.name), run.value(y.name)) for run in runs]
    return [(a, b) for a, b in pairs if a is not None and b is not None]


def axis(column: Column, values: Sequence[float], start: float, end: float) -> Axis:
    """From a little below the smallest value to a little above the largest."""
    low, high = min(values) * column.scale, max(values) * column.scale
    room = 0.06 * (high - low) or 0.5 * abs(high) or 1.0
    return Axis(column, low - room, high + room, start, end)


def grid(across: Axis, up: Axis) -> str:
    """Lines, numbers and names of both axes."""
    right, bottom = WIDTH - EDGE, HEIGHT - BOTTOM
    lines = [
        f'<line class="grid" x1="{x:.1f}" y1="{EDGE}" x2="{x:.1f}" y2="{bottom}"/>'
        f'<text x="{x:.1f}" y="{bottom + 16}" text-anchor="middle">{text}</text>'
        for x, text in across.ticks()
    ]
    lines += [
        f'<line class="grid" x1="{LEFT}" y1="{y:.1f}" x2="{right}" y2="{y:.1f}"/>'
        f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{text}</text>'
        for y, text in up.ticks()
    ]
    heads = f'<text x="{right}" y="{HEIGHT - 6}" text-anchor="end">{escape(across.column.head)}</text>'
    heads += f'<text x="{EDGE}" y="{HEIGHT - 6}">upwards: {escape(up.column.head)}</text>'
    return "".join(lines) + heads


def series(
    number: int, row: str, runs: Sequence[Run], own: Sequence[tuple[float, float]], across: Axis, up: Axis
) -> str:
    """A row's marks at its runs' places `own`, and its mean over objects with standard errors."""
    dots = "".join(_mark(number, (across.at(a), up.at(b))) for a, b in own)
    x, y = mean(runs, across.column.name), mean(runs, up.column.name)
    assert x and y, "a row with places has means"
    place, (left, right), (low, high) = (across.at(x.value), up.at(y.value)), _reach(x, across), _reach(y, up)
    bars = f'<path class="bar" d="M{left:.1f} {place[1]:.1f}H{right:.1f}M{place[0]:.1f} {low:.1f}V{high:.1f}"/>'
    told = f"{row}: {plain(x.value * across.column.scale)}, {plain(y.value * up.column.scale)}"
    whole = _mark(number, place, "mean")
    return f'<g class="s{number % 8}"><g class="dots">{dots}</g>{bars}{whole}<title>{escape(told)}</title></g>'


def _reach(mean: Mean, axis: Axis) -> tuple[float, float]:
    """A standard error to both sides, in pixels."""
    error = mean.sem or 0.0
    return axis.at(mean.value - error), axis.at(mean.value + error)


def _mark(number: int, place: tuple[float, float] | None, kind: str = "dot") -> str:
    """The shape of a row, in a drawing or, without a place, in a line of text."""
    shape = MARKS[number % len(MARKS)]
    if place is None:
        return f'<svg class="key" viewBox="-8 -8 16 16" aria-hidden="true"><path class="mean" d="{shape}"/></svg>'
    size = 1.7 if kind == "mean" else 0.8
    move = f"translate({place[0]:.1f} {place[1]:.1f}) scale({size})"
    return f'<path class="{kind}" transform="{move}" d="{shape}"/>'
