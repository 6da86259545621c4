"""Whether runs reproduce a kept table, figure by figure: `report.py against=FILE`."""

import csv
from collections.abc import Sequence
from pathlib import Path

from to4d.errors import InputError
from to4d.report.finished_runs import FinishedRun

KEYS = ("method", "object", "prompt", "seed")


def check_reproduction(runs: Sequence[FinishedRun], path: Path) -> None:
    """Compare every figure that was kept with the run's own, at full precision.

    Args:
        runs: made again; the table may hold more.
        path: the `runs.csv` that was kept.

    Raises:
        InputError: naming what differs, or a run that the table does not hold.
    """
    if not path.is_file():
        raise InputError(f"against={path} is no file; it is the runs.csv of a report")
    with path.open(newline="", errors="replace") as file:
        lines = list(csv.DictReader(file))
    if not lines or not lines[0].keys() >= set(KEYS):
        raise InputError(f"against={path} has no runs with {', '.join(KEYS)}; it should be the runs.csv of a report")
    kept = {tuple(line[key] for key in KEYS): line for line in lines}
    for run in runs:
        cell = (run.method, *map(str, run.cell))
        if cell not in kept:
            raise InputError(f"{path} holds no cell {', '.join(cell)}, which {run.folder} is")
        figures = {name: (csv_text(run, name), text) for name, text in kept[cell].items() if name not in KEYS}
        if differing := [f"{name}: {own}, not {text}" for name, (own, text) in figures.items() if own != text]:
            raise InputError(f"{run.folder} is not as in {path}: {'; '.join(differing)}")


def csv_text(run: FinishedRun, name: str) -> str:
    """A figure as a CSV file has it."""
    value = run.value(name)
    return "" if value is None else str(value)
