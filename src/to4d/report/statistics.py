"""Statistics of many runs: means and standard errors over objects, and paired differences.

A run is one draw of prompt and seed; an object is what results are meant to hold for. So runs are averaged inside an
object first, and errors are over objects (the paper's "SEM over objects").
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from to4d.report.finished_runs import FinishedRun

RESAMPLES = 10_000
CONFIDENCE = 0.95


@dataclass(frozen=True)
class Mean:
    """A mean over objects."""

    value: float
    sem: float | None  # standard error over objects; None for one object
    objects: int
    runs: int


@dataclass(frozen=True)
class Difference:
    """How one method differs from another, over the cells that both have."""

    value: float
    low: float | None  # bounds of a bootstrap interval over objects; None for one object
    high: float | None
    objects: int
    runs: int

    @property
    def excludes_zero(self) -> bool:
        """Whether the interval says that there is a difference."""
        return self.low is not None and self.high is not None and (self.low > 0.0 or self.high < 0.0)


def by_method(runs: Sequence[FinishedRun]) -> dict[str, list[FinishedRun]]:
    """The runs of each method, in the order in which methods first appear."""
    return {name: [run for run in runs if run.method == name] for name in dict.fromkeys(run.method for run in runs)}


def mean_over_objects(runs: Sequence[FinishedRun], name: str) -> Mean | None:
    """Of a figure, over the runs that have it; None if none has."""
    pairs = [(run.object, value) for run in runs if (value := run.value(name)) is not None]
    if not pairs:
        return None
    objects = object_means(pairs)
    return Mean(float(objects.mean()), standard_error(objects), len(objects), len(pairs))


def paired_difference(runs: Sequence[FinishedRun], reference: Sequence[FinishedRun], name: str) -> Difference | None:
    """`runs` minus `reference` of a figure, cell by cell; None if they share no cell that has it."""
    other = {run.cell: value for run in reference if (value := run.value(name)) is not None}
    pairs = [(r.object, v - other[r.cell]) for r in runs if r.cell in other and (v := r.value(name)) is not None]
    if not pairs:
        return None
    objects = object_means(pairs)
    low, high = bootstrap_interval(objects)
    return Difference(float(objects.mean()), low, high, len(objects), len(pairs))


def object_means(pairs: Sequence[tuple[str, float]]) -> np.ndarray:
    """The mean of each object's values.

    >>> object_means([("plant", 1.0), ("bell", 4.0), ("plant", 3.0)]).tolist()
    [2.0, 4.0]
    """
    objects: Mapping[str, list[float]] = {name: [] for name, _ in pairs}
    for name, value in pairs:
        objects[name].append(value)
    return np.array([np.mean(values) for values in objects.values()])


def standard_error(values: np.ndarray) -> float | None:
    """Of the mean; None for a single value.

    >>> standard_error(np.array([1.0, 2.0, 3.0]))  # 1 / sqrt(3)
    0.5773502691896258
    """
    return float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else None


def bootstrap_interval(values: np.ndarray) -> tuple[float, float] | tuple[None, None]:
    """The bootstrap percentile interval of the mean, the same at every call; none for a single value.

    >>> bootstrap_interval(np.array([2.0, 2.0, 2.0]))
    (2.0, 2.0)
    """
    if len(values) < 2:
        return None, None
    drawn = np.random.default_rng(0).integers(len(values), size=(RESAMPLES, len(values)))
    low, high = np.quantile(values[drawn].mean(1), [0.5 - CONFIDENCE / 2, 0.5 + CONFIDENCE / 2])
    return float(low), float(high)
