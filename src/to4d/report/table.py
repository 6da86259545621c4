"""A table of rows and figures, before it is written in any format."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from to4d.errors import InputError
from to4d.report.columns import COLUMNS, Column
from to4d.report.runs import Run
from to4d.report.summary import Difference, Mean, by_row, difference, mean


@dataclass(frozen=True)
class Line:
    """One row: ours with means and errors, or the paper's with its numbers."""

    row: str
    of_paper: bool
    runs: int
    objects: int
    seeds: int
    means: Mapping[str, Mean | None]  # by column; the paper's are in the unit of the column, without an error


@dataclass(frozen=True)
class Table:
    """Lines, and which of ours is best in each column (not the paper's: they come from other objects and networks)."""

    columns: tuple[Column, ...]
    lines: tuple[Line, ...]
    best: Mapping[str, frozenset[str]]  # column -> rows
    reference: str  # the row that differences are taken to
    differences: Mapping[str, Mapping[str, Difference | None]]  # row -> column


def make_table(
    runs: Sequence[Run], names: Sequence[str], paper: Mapping[str, Mapping[str, float]], reference: str | None
) -> Table:
    """Our rows, each with the paper's beside it where it has one; then what only the paper has.

    A column that neither has is left out.

    Raises:
        InputError: if a column or the reference row is unknown.
    """
    rows = by_row(runs)
    reference = reference or ("ours" if "ours" in rows else next(iter(rows)))
    if reference not in rows:
        raise InputError(f"baseline={reference} is no row of these runs; known: {', '.join(rows)}")
    columns = known(names)
    lines: list[Line] = []
    for row, cells in rows.items():
        lines += [our_line(row, cells, columns), *paper_line(row, paper)]
    lines += [line for row in paper if row not in rows for line in paper_line(row, paper)]
    columns = tuple(c for c in columns if any(line.means.get(c.name) for line in lines))
    changes = {
        row: {c.name: difference(cells, rows[reference], c.name) for c in columns}
        for row, cells in rows.items()
        if row != reference
    }
    return Table(columns, tuple(lines), {c.name: best(lines, c) for c in columns}, reference, changes)


def known(names: Sequence[str]) -> tuple[Column, ...]:
    """The columns of these names."""
    if unknown := [name for name in names if name not in COLUMNS]:
        raise InputError(f"columns: no figure is called {', '.join(unknown)}; known: {', '.join(COLUMNS)}")
    return tuple(COLUMNS[name] for name in names)


def our_line(row: str, runs: Sequence[Run], columns: Sequence[Column]) -> Line:
    """A row of runs."""
    means = {column.name: mean(runs, column.name) for column in columns}
    return Line(row, False, len(runs), len({r.object for r in runs}), len({r.seed for r in runs}), means)


def paper_line(row: str, paper: Mapping[str, Mapping[str, float]]) -> list[Line]:
    """The paper's row of that name, if it has one; numbers come back from hundredths."""
    if row not in paper:
        return []
    means = {name: Mean(value / COLUMNS[name].scale, None, 0, 0) for name, value in paper[row].items()}
    return [Line(row, True, 0, 0, 0, means)]


def best(lines: Sequence[Line], column: Column) -> frozenset[str]:
    """Our rows with the best mean; none where no end is better, or where there is nothing to compare."""
    values = {line.row: m.value for line in lines if not line.of_paper and (m := line.means.get(column.name))}
    if column.better is None or len(set(values.values())) < 2:
        return frozenset()
    top = (max if column.better == "high" else min)(values.values())
    return frozenset(row for row, value in values.items() if value == top)
