"""A table of methods and figures, before it is written in any format."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from to4d.errors import InputError
from to4d.report.columns import COLUMNS, Column
from to4d.report.finished_runs import FinishedRun
from to4d.report.statistics import Difference, Mean, by_method, mean_over_objects, paired_difference


@dataclass(frozen=True)
class TableRow:
    """One method: ours with means and errors, or the paper's with its numbers."""

    method: str
    of_paper: bool
    runs: int
    objects: int
    seeds: int
    means: Mapping[str, Mean | None]  # by column; the paper's are in the unit of the column, without an error


@dataclass(frozen=True)
class Table:
    """Rows, and which of ours is best in each column (not the paper's: they come from other objects and networks)."""

    columns: tuple[Column, ...]
    rows: tuple[TableRow, ...]
    best: Mapping[str, frozenset[str]]  # column -> methods
    reference: str  # the method that differences are taken to
    differences: Mapping[str, Mapping[str, Difference | None]]  # method -> column


def make_table(
    runs: Sequence[FinishedRun], names: Sequence[str], paper: Mapping[str, Mapping[str, float]], reference: str | None
) -> Table:
    """Our methods, each with the paper's beside it where it has one; then what only the paper has.

    A column that neither has is left out.

    Raises:
        InputError: if a column or the reference method is unknown.
    """
    methods = by_method(runs)
    reference = reference or ("ours" if "ours" in methods else next(iter(methods)))
    if reference not in methods:
        raise InputError(f"baseline={reference} is no method of these runs; known: {', '.join(methods)}")
    columns = columns_of(names)
    rows: list[TableRow] = []
    for method, cells in methods.items():
        rows += [measured_row(method, cells, columns), *paper_row(method, paper)]
    rows += [row for method in paper if method not in methods for row in paper_row(method, paper)]
    columns = tuple(c for c in columns if any(row.means.get(c.name) for row in rows))
    differences = {
        method: {c.name: paired_difference(cells, methods[reference], c.name) for c in columns}
        for method, cells in methods.items()
        if method != reference
    }
    return Table(columns, tuple(rows), {c.name: best(rows, c) for c in columns}, reference, differences)


def columns_of(names: Sequence[str]) -> tuple[Column, ...]:
    """The columns of these names."""
    if unknown := [name for name in names if name not in COLUMNS]:
        raise InputError(f"columns: no figure is called {', '.join(unknown)}; known: {', '.join(COLUMNS)}")
    return tuple(COLUMNS[name] for name in names)


def measured_row(method: str, runs: Sequence[FinishedRun], columns: Sequence[Column]) -> TableRow:
    """A method's runs."""
    means = {column.name: mean_over_objects(runs, column.name) for column in columns}
    return TableRow(method, False, len(runs), len({r.object for r in runs}), len({r.seed for r in runs}), means)


def paper_row(method: str, paper: Mapping[str, Mapping[str, float]]) -> list[TableRow]:
    """The paper's method of that name, if it has one, in the units of metrics.json."""
    if method not in paper:
        return []
    means = {name: Mean(value / COLUMNS[name].scale, None, 0, 0) for name, value in paper[method].items()}
    return [TableRow(method, True, 0, 0, 0, means)]


def best(rows: Sequence[TableRow], column: Column) -> frozenset[str]:
    """Our methods with the best mean; none where no end is better, or where there is nothing to compare."""
    values = {row.method: m.value for row in rows if not row.of_paper and (m := row.means.get(column.name))}
    if column.better is None or len(set(values.values())) < 2:
        return frozenset()
    top = (max if column.better == "high" else min)(values.values())
    return frozenset(method for method, value in values.items() if value == top)
