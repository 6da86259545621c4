"""Learning curves: the means of a stage's figures every so often, printed, in a CSV file and on a dashboard."""

import csv
import io
import time
from pathlib import Path
from typing import Protocol

from to4d.disk.files import write_atomically


class Board(Protocol):
    """A dashboard, as Lightning's loggers are."""

    def log_metrics(self, metrics: dict[str, float], step: int) -> None:
        """Draw numbers at a step."""

    def log_image(self, key: str, images: list[str], step: int) -> None:
        """Show picture files at a step."""


def spell(seconds: float) -> str:
    """A time for people.

    >>> spell(75), spell(7500)
    ('1 min 15 s', '2 h 05 min')
    """
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60} h {minutes % 60:02d} min" if minutes >= 60 else f"{minutes} min {rest:02d} s"


def read_rows(path: Path, last: int) -> list[dict[str, str]]:
    """The rows of a curve up to step `last`, if there is one."""
    if not path.exists():
        return []
    with path.open(newline="") as file:
        return [row for row in csv.DictReader(file) if int(row["step"]) <= last]


class Curves:
    """Takes the figures of every step. A stage that goes on from step `first` drops what was drawn beyond it.

    Args:
        name: of the stage; the CSV file is `folder`/`name`.csv.
        folder: where.
        steps: of the whole stage.
        first: steps that were done before.
        seconds: that they took.
        board: a dashboard, or None.
        every: steps a row.
    """

    def __init__(
        self,
        name: str,
        folder: Path,
        steps: int,
        first: int = 0,
        seconds: float = 0.0,
        board: Board | None = None,
        every: int = 50,
    ) -> None:
        self.name, self.path, self.steps, self.board, self.every = name, folder / f"{name}.csv", steps, board, every
        self.first, self.before, self.begun = first, seconds, time.monotonic()
        self.rows, self.recent = read_rows(self.path, first), []

    @property
    def seconds(self) -> float:
        """Time in this stage, all its starts together."""
        return self.before + time.monotonic() - self.begun

    def __call__(self, done: int, figures: dict[str, float]) -> None:
        """Note the figures of step number `done`, counted from 1."""
        self.recent.append(figures)
        if done % self.every == 0 or done == self.steps:
            means = {key: sum(each[key] for each in self.recent) / len(self.recent) for key in figures}
            self.recent = []
            self._write(done, means)

    def _write(self, done: int, means: dict[str, float]) -> None:
        left = (self.seconds - self.before) / (done - self.first) * (self.steps - done)
        text = "  ".join(f"{key} {mean:.4f}" for key, mean in means.items())
        print(f"{self.name} {done}/{self.steps}  {spell(self.seconds)}, {spell(left)} left  {text}", flush=True)
        row = {"step": str(done), "seconds": f"{self.seconds:.1f}"} | {k: f"{mean:.6g}" for k, mean in means.items()}
        self.rows.append(row)
        table = io.StringIO(newline="")
        writer = csv.DictWriter(table, list(dict.fromkeys(key for row in self.rows for key in row)))
        writer.writeheader()
        writer.writerows(self.rows)
        write_atomically(self.path, table.getvalue().encode())
        if self.board is not None:
            self.board.log_metrics({f"{self.name}/{key}": mean for key, mean in means.items()}, done)
