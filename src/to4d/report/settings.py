"""On which settings rows differ, and whether a row mixes settings."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from to4d.report.runs import Run
from to4d.runs.settings import FREE, leaves

CELL = {"object", "prompt", "motion", "seed", "row"}  # what a cell is, not how it is done
BESIDE = {
    "out",
    "tags",
    "group",
    "logger",
    "callbacks",
    "export",
    "cache",
    "autosave_seconds",
}  # changes no result


def results_settings(run: Run) -> dict[str, Any]:
    """The settings that a result depends on, other than object, prompt and seed."""
    kept = {key: value for key, value in run.settings.items() if key not in CELL | BESIDE}
    return {key: value for key, value in leaves(kept).items() if key not in FREE and not key.endswith("seed")}


def between_rows(rows: Mapping[str, Sequence[Run]]) -> dict[str, dict[str, Any]]:
    """Setting -> row -> value, where rows differ; of each row's first run, None where it has no such setting."""
    own = {row: results_settings(runs[0]) for row, runs in rows.items()}
    return {key: {row: told.get(key) for row, told in own.items()} for key in differing(own.values())}


def within_rows(rows: Mapping[str, Sequence[Run]]) -> dict[str, list[str]]:
    """Row -> settings that are not the same in all its runs; rows that are of one kind are left out."""
    mixed = {row: differing([results_settings(run) for run in runs]) for row, runs in rows.items()}
    return {row: keys for row, keys in mixed.items() if keys}


def differing(told: Iterable[Mapping[str, Any]]) -> list[str]:
    """Names whose values are not all equal.

    >>> differing([{"a": 1, "b": 2}, {"a": 1, "b": 3, "c": 4}])
    ['b', 'c']
    """
    told = list(told)
    keys = sorted({key for one in told for key in one})
    return [key for key in keys if any(one.get(key, ...) != told[0].get(key, ...) for one in told)]
