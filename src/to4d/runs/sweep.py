"""How a sweep stands: `python -m to4d.runs.sweep status DIR`."""

import argparse
import contextlib
import os
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from to4d.disk.run_state import DONE, FAILED, INTERRUPTED, RUNNING, State, state_of
from to4d.errors import InputError

COUNT = ".cells"  # in the folder of a sweep: how many cells it was started with
STAMP = ".cell"  # in the folder of a finished cell: which one it is


def cells_under(root: Path) -> Iterator[Path]:
    """The folders of all runs that were started below a folder (Hydra leaves `.hydra` in each)."""
    for folder, below, _ in os.walk(root):
        below.sort()
        if ".hydra" in below:
            yield Path(folder)
            below.clear()


def finished_cells(root: Path) -> dict[str, Path]:
    """The folders of finished cells, by stamp."""
    stamps = ((folder / STAMP, folder) for folder in cells_under(root) if (folder / "metrics.json").exists())
    return {stamp.read_text(errors="replace"): folder for stamp, folder in stamps if stamp.exists()}


def table(root: Path) -> tuple[str, int]:
    """A line for each cell that was started and the totals; the number of cells that failed.

    Raises:
        InputError: if there is none.
    """
    states = {str(folder.relative_to(root)): state_of(folder) for folder in cells_under(root)}
    if not states:
        raise InputError(f"no run was started in {root}; name the folder of a sweep, the DIR of its out=DIR")
    width = max(len(name) for name in states)
    lines = [f"{name:<{width}}  {describe(state)}" for name, state in states.items()]
    counts = Counter(state.name for state in states.values())
    with contextlib.suppress(FileNotFoundError, ValueError):  # of a sweep that is older, or damaged
        counts["not started"] = max(0, int((root / COUNT).read_text()) - len(states))
    names = (DONE, RUNNING, INTERRUPTED, FAILED, "not started")
    totals = ", ".join(f"{counts[name]} {name}" for name in names if counts[name])
    return "\n".join([*lines, f"{len(states) + counts['not started']} cells: {totals}"]), counts[FAILED]


def describe(state: State) -> str:
    """A state in words.

    >>> describe(State("running", "dynamic 120/300", 200.4))
    'running      dynamic 120/300, 3:20 left'
    """
    left = "" if state.seconds_left is None else f", {clock(round(state.seconds_left))} left"
    return f"{state.name:<11}  {state.detail}{left}".rstrip()


def clock(seconds: int) -> str:
    """Minutes and seconds, and hours if there are any.

    >>> clock(200), clock(7261)
    ('3:20', '2:01:01')
    """
    minutes, hours = seconds // 60 % 60, seconds // 3600
    return f"{hours}:{minutes:02d}:{seconds % 60:02d}" if hours else f"{minutes}:{seconds % 60:02d}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Print how a sweep stands; status 1 if a cell failed."""
    parser = argparse.ArgumentParser(prog="python -m to4d.runs.sweep", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    status = commands.add_parser("status", help="all cells below a folder: done, running, interrupted, failed")
    status.add_argument("folder", type=Path)
    try:
        text, failures = table(parser.parse_args(arguments).folder)
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(text)
    return int(failures > 0)


if __name__ == "__main__":
    sys.exit(main())
