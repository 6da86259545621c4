"""The comparison page: one HTML file, which works offline."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version
from pathlib import Path

from to4d.export.page.template import STYLE, render_page
from to4d.report.columns import Column
from to4d.report.finished_runs import FinishedRun
from to4d.report.scatter import scatter_plot
from to4d.report.settings_diff import between_methods, within_methods
from to4d.report.side_by_side import side_by_side
from to4d.report.statistics import Difference, by_method
from to4d.report.table import Table, TableRow
from to4d.report.writers import format_difference, format_digits, format_mean, row_label

HERE = Path(__file__).parent


@dataclass(frozen=True)
class NumberCell:
    """A number that can be sorted by its value."""

    text: str
    value: float | None
    bold: bool = False


@dataclass(frozen=True)
class SortableRow:
    """A head, cells of text and cells of numbers."""

    head: str
    cells: list[NumberCell]
    texts: Sequence[str] = ()
    of_paper: bool = False


@dataclass(frozen=True)
class SortableTable:
    """A table whose heads are buttons that sort."""

    heads: list[str]
    rows: list[SortableRow]


def comparison_page(
    runs: Sequence[FinishedRun],
    table: Table,
    source: str,
    unfinished: int,
    axes: tuple[Column, Column],
    azimuth: int,
    limit: int,
) -> str:
    """HTML of a table and the runs it is of.

    Args:
        runs: all of them.
        table: made of them.
        source: the name of the file that the figures come from.
        unfinished: how many runs were left out.
        axes: motion and identity of the scatter plot.
        azimuth: of the videos, degrees.
        limit: on cells with videos.
    """
    methods, own = by_method(runs), [c for c in table.columns if any(run.value(c.name) is not None for run in runs)]
    return render_page(
        "compare.html",
        style=STYLE + (HERE / "static" / "compare.css").read_text(encoding="utf-8"),
        scripts=[(HERE / "static" / "compare.js").read_text(encoding="utf-8")],
        folders=[HERE / "templates"],
        methods=list(methods),
        run_count=len(runs),
        overview=overview(runs, source, unfinished),
        means=means_table(table),
        differences=differences_table(table, own),
        scatter=scatter_plot(methods, *axes),
        videos=side_by_side(methods, azimuth, limit),
        runs=runs_table(runs, own),
        settings=between_methods(methods),
        mixed=within_methods(methods),
        missing=missing_reasons(runs, table.columns),
        date=date.today(),
        version=version("to4d"),
    )


def overview(runs: Sequence[FinishedRun], source: str, unfinished: int) -> str:
    """What was compared."""
    counts = [f"{key}s: {len({getattr(run, key) for run in runs})}" for key in ("object", "prompt", "seed")]
    text = f"{', '.join(counts)}; figures of {source}."
    return text + (f" {unfinished} unfinished runs are left out." if unfinished else "")


def means_table(table: Table) -> SortableTable:
    """Every method, with the best of ours in bold."""
    heads = ["Method", "Objects", "Runs", "Seeds", *(column.head for column in table.columns)]
    return SortableTable(heads, [mean_row(row, table) for row in table.rows])


def mean_row(row: TableRow, table: Table) -> SortableRow:
    """A row of the table, with its cells."""
    counts = (None, None, None) if row.of_paper else (row.objects, row.runs, row.seeds)
    cells = [NumberCell(str(n or ""), n) for n in counts]
    for column in table.columns:
        mean = row.means.get(column.name)
        best = not row.of_paper and row.method in table.best[column.name]
        cells.append(NumberCell(format_mean(mean, column), mean.value if mean else None, best))
    return SortableRow(row_label(row), cells, of_paper=row.of_paper)


def differences_table(table: Table, columns: Sequence[Column]) -> SortableTable:
    """Every method against the reference."""
    heads = [f"Minus {table.reference}", "Pairs", *(column.head for column in columns)]
    return SortableTable(heads, [difference_row(method, own, columns) for method, own in table.differences.items()])


def difference_row(method: str, own: Mapping[str, Difference | None], columns: Sequence[Column]) -> SortableRow:
    """A method against the reference; intervals that do not hold 0 in bold."""
    pairs = max((difference.runs for difference in own.values() if difference), default=0)
    cells = [NumberCell(str(pairs), pairs)]
    for column in columns:
        found = own[column.name]
        value, bold = (found.value, found.excludes_zero) if found else (None, False)
        cells.append(NumberCell(format_difference(found, column), value, bold))
    return SortableRow(method, cells)


def runs_table(runs: Sequence[FinishedRun], columns: Sequence[Column]) -> SortableTable:
    """A row a run."""
    heads = ["Method", "Object", "Prompt", "Seed", *(column.head for column in columns)]
    rows = []
    for run in runs:
        values = [(column, run.value(column.name)) for column in columns]
        cells = [NumberCell("-" if v is None else format_digits(v * column.scale), v) for column, v in values]
        rows.append(SortableRow(run.method, cells, texts=[run.object, run.prompt, str(run.seed)]))
    return SortableTable(heads, rows)


def missing_reasons(runs: Sequence[FinishedRun], columns: Sequence[Column]) -> dict[str, int]:
    """Why figures of the table are not there -> in how many runs."""
    reasons: Counter[str] = Counter()
    for run in runs:
        notes = run.metrics.get("eval/notes") or {}
        for column in columns:
            if run.value(column.name) is None:
                reasons[f"{column.label}: {notes.get(f'eval/{column.name}', 'the run did not measure it')}"] += 1
    return dict(reasons)
