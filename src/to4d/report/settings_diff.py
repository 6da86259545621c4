"""The settings in which methods differ, and whether the runs of one method have different settings."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from to4d.report.finished_runs import FinishedRun
from to4d.runs.settings import FREE, leaves

TASK = {"object", "prompt", "motion", "seed", "method"}  # what is done, not how
NO_EFFECT = {
    "out",
    "tags",
    "group",
    "logger",
    "callbacks",
    "export",
    "cache",
    "autosave_seconds",
}  # on results


def result_settings(run: FinishedRun) -> dict[str, Any]:
    """The settings that a result depends on, other than object, prompt and seed."""
    kept = {key: value for key, value in run.settings.items() if key not in TASK | NO_EFFECT}
    return {key: value for key, value in leaves(kept).items() if key not in FREE and not key.endswith("seed")}


def between_methods(methods: Mapping[str, Sequence[FinishedRun]]) -> dict[str, dict[str, Any]]:
    """Setting -> method -> value, where methods differ; of each one's first run, None where it has no such setting."""
    own = {method: result_settings(runs[0]) for method, runs in methods.items()}
    return {key: {method: settings.get(key) for method, settings in own.items()} for key in differing(own.values())}


def within_methods(methods: Mapping[str, Sequence[FinishedRun]]) -> dict[str, list[str]]:
    """Method -> settings that are not the same in all its runs; consistent methods are left out."""
    mixed = {method: differing([result_settings(run) for run in runs]) for method, runs in methods.items()}
    return {method: keys for method, keys in mixed.items() if keys}


def differing(settings: Iterable[Mapping[str, Any]]) -> list[str]:
    """Names whose values are not all equal.

    >>> differing([{"a": 1, "b": 2}, {"a": 1, "b": 3, "c": 4}])
    ['b', 'c']
    """
    first, *others = settings
    keys = sorted(set(first).union(*others))
    return [key for key in keys if any(other.get(key, ...) != first.get(key, ...) for other in others)]
