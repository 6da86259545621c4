"""What was logged while training, as small charts in SVG: one for each quantity, over the steps of all phases."""

import csv
import logging
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from html import escape
from pathlib import Path

from to4d.export.report_figures import plain

logger = logging.getLogger(__name__)

WIDTH, HEIGHT = 360, 170
LEFT, RIGHT, TOP, BOTTOM = 52, 8, 18, 20  # margins around the curve
POINTS = 400  # more can't be seen

QUANTITIES = {  # those shown, in this order, and what they are
    "static": "Static loss: difference to the input at rest.",
    "flow": "Flow loss: distance to where the prior wants the surface.",
    "sds": "SDS loss: distance of the clip to what the prior would rather see.",
    "regularizer": "Roughness of the motion.",
    "azimuth_limit_deg": "Azimuth range: cameras stand within this of the front, in degrees.",
    "mask": "Share of the clip where the prior counts.",
    "timestep": "Noise level at which the prior was asked, a step of its schedule.",
}
LINEAR = {"azimuth_limit_deg", "mask", "timestep"}


@dataclass
class Log:
    """The values of each quantity, by phase and step; phases in the order in which they ran."""

    phases: list[str] = field(default_factory=list)
    values: dict[tuple[str, str], dict[int, float]] = field(default_factory=dict)  # (phase, quantity) -> by step

    def length(self, phase: str) -> int:
        """Steps of a phase, as far as logged."""
        return 1 + max(max(steps) for (name, _), steps in self.values.items() if name == phase)


def read_log(folder: Path) -> Log:
    """All `version_<n>/metrics.csv` below `folder`; what a resumed run logged again replaces what came before."""
    log = Log()
    versions = sorted(folder.glob("version_*/metrics.csv"), key=lambda path: int(path.parent.name.split("_")[1]))
    for name, step, value in (entry for path in versions for entry in _entries(path)):
        phase, _, quantity = name.partition("/")
        if phase not in log.phases:
            log.phases.append(phase)
        log.values.setdefault((phase, quantity), {})[step] = value
    return log


def _entries(path: Path) -> Iterator[tuple[str, int, float]]:
    """Finite values of the phases in one file: name, step, value. What cannot be read is left out, with a warning."""
    lines, lost = path.read_text(errors="replace").replace("\0", "").splitlines(), 0
    for row in csv.DictReader(lines, restkey="/", quoting=csv.QUOTE_NONE):
        for name, text in row.items():
            if text and name.partition("/")[2] in QUANTITIES and not name.startswith("eval/"):
                try:
                    value, step = float(text), int(row["step"])
                except (ValueError, KeyError, TypeError):
                    lost += 1
                    continue
                if math.isfinite(value):
                    yield name, step, value
    if lost:
        logger.warning("%s is damaged: %d of its values cannot be read and are not in the report", path, lost)


def charts(log: Log) -> str:
    """A chart for each quantity that was logged."""
    drawn = [_chart(log, quantity) for quantity in QUANTITIES if any(q == quantity for _, q in log.values)]
    return f'<div class="charts">{"".join(drawn)}</div>'


def _chart(log: Log, quantity: str) -> str:
    series = {p: sorted(log.values[p, quantity].items()) for p in log.phases if (p, quantity) in log.values}
    starts, total = _starts(log, series)
    values = [value for points in series.values() for _, value in points]
    logarithmic = quantity not in LINEAR and min(values) > 0 and max(values) > 20 * min(values)
    low, high = _span(values, logarithmic)

    def x(step: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * step / max(total, 1)

    def y(value: float) -> float:
        share = _share(value, low, high, logarithmic)
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * share

    marks = [_phase(p, x(starts[p]), x(starts[p] + log.length(p)), i % 2 == 0) for i, p in enumerate(series)]
    marks += [_tick(value, y(value)) for value in _ticks(low, high, logarithmic)]
    for phase, points in series.items():
        marks.append(_curve([(x(starts[phase] + step), y(value)) for step, value in thinned(points)]))
    marks.append(f'<text x="{WIDTH - RIGHT}" y="{HEIGHT - 5}" text-anchor="end">{total:,} steps</text>')
    told = f"{QUANTITIES[quantity]} From {plain(values[0])} to {plain(values[-1])}."
    picture = f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(told)}">{"".join(marks)}</svg>'
    scale = " (logarithmic)" if logarithmic else ""
    return f'<figure class="card">{picture}<figcaption>{escape(QUANTITIES[quantity])}{scale}</figcaption></figure>'


def _starts(log: Log, phases: Iterable[str]) -> tuple[dict[str, int], int]:
    """How many steps come before each phase, and how many there are."""
    starts, total = {}, 0
    for phase in phases:
        starts[phase] = total
        total += log.length(phase)
    return starts, total


def _span(values: Iterable[float], logarithmic: bool) -> tuple[float, float]:
    low, high = min(values), max(values)
    if not logarithmic and low > 0 and low < 0.5 * high:
        low = 0.0
    return (low, high) if high > low else (low - 0.5 * abs(low) - 1e-9, high + 0.5 * abs(high) + 1e-9)


def _share(value: float, low: float, high: float, logarithmic: bool) -> float:
    if logarithmic:
        value, low, high = math.log(value), math.log(low), math.log(high)
    return (value - low) / (high - low)


def _ticks(low: float, high: float, logarithmic: bool) -> list[float]:
    return [low, math.sqrt(low * high) if logarithmic else 0.5 * (low + high), high]


def thinned(points: list[tuple[int, float]], most: int = POINTS) -> list[tuple[int, float]]:
    """Every n-th point and the last one.

    >>> thinned([(0, 1.0), (1, 2.0), (2, 3.0), (3, 4.0)], most=2)
    [(0, 1.0), (2, 3.0), (3, 4.0)]
    """
    kept = points[:: math.ceil(len(points) / most)]
    return kept if kept[-1] == points[-1] else [*kept, points[-1]]


def _curve(places: list[tuple[float, float]]) -> str:
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in (places if len(places) > 1 else 2 * places))
    return f'<polyline class="curve" stroke-linecap="round" points="{path}"/>'


def _phase(name: str, start: float, end: float, dark: bool) -> str:
    band = f'<rect class="band" x="{start:.1f}" y="{TOP}" width="{end - start:.1f}" height="{HEIGHT - TOP - BOTTOM}"/>'
    label = f'<text x="{0.5 * (start + end):.1f}" y="{TOP - 6}" text-anchor="middle">{escape(name)}</text>'
    return (band if dark else "") + (label if end - start > 7 * len(name) else "")


def _tick(value: float, y: float) -> str:
    line = f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
    return f'{line}<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{plain(value)}</text>'
