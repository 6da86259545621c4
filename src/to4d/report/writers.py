"""A table as text: Markdown, LaTeX, CSV."""

import csv
import io
from collections.abc import Sequence

from to4d.report.columns import Column
from to4d.report.finished_runs import FinishedRun
from to4d.report.statistics import Difference, Mean
from to4d.report.table import Table, TableRow

TEX = str.maketrans(
    {**{sign: "\\" + sign for sign in "%_&#${}"}, "\\": r"\textbackslash{}", "~": r"\textasciitilde{}"}
    | {"^": r"\textasciicircum{}", "↑": r"$\uparrow$", "↓": r"$\downarrow$"}
)


def format_digits(value: float) -> str:
    """Three significant digits, trailing zeros kept, so that numbers can be compared by eye.

    >>> [format_digits(value) for value in (15.0, 0.0387122, 99.84, 1234.6, 1.0e-9, -3.0)]
    ['15.0', '0.0387', '99.8', '1235', '0', '-3.00']
    """
    if abs(value) < 5e-5:
        return "0"
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:#.3g}".rstrip(".")


def format_mean(mean: Mean | None, column: Column, sign: str = " ± ") -> str:
    """A mean with its standard error, in the column's unit; a dash where nothing was computed.

    >>> format_mean(Mean(0.152, 0.004, 5, 15), Column("haze", "Haze", "low", 100, "%"))
    '15.2 ± 0.400'
    """
    if mean is None:
        return "-"
    error = "" if mean.sem is None else f"{sign}{format_digits(mean.sem * column.scale)}"
    return format_digits(mean.value * column.scale) + error


def format_difference(difference: Difference | None, column: Column) -> str:
    """A difference with its interval.

    >>> format_difference(Difference(-0.01, -0.02, 0.005, 5, 15), Column("haze", "Haze", "low", 100, "%"))
    '-1.00 [-2.00, 0.500]'
    """
    if difference is None:
        return "-"
    value, scale = format_digits(difference.value * column.scale), column.scale
    if difference.low is None or difference.high is None:
        return value
    return f"{value} [{format_digits(difference.low * scale)}, {format_digits(difference.high * scale)}]"


def row_label(row: TableRow) -> str:
    """The method of a row, and whether it is the paper's."""
    return f"{row.method} (paper)" if row.of_paper else row.method


def markdown(table: Table) -> str:
    """Means, then differences to the reference method."""
    heads = ["method", "objects", "runs", "seeds", *(column.head for column in table.columns)]
    lines = []
    for row in table.rows:
        counts = ["", "", ""] if row.of_paper else [str(n) for n in (row.objects, row.runs, row.seeds)]
        lines.append([_escaped(row_label(row)), *counts, *(_bold(row, c, table, "**{}**") for c in table.columns)])
    text = markdown_table(heads, lines)
    if table.differences:
        differences = table.differences.items()
        columns = [c for c in table.columns if any(own[c.name] for _, own in differences)]
        heads = [f"minus {table.reference}", *(column.head for column in columns)]
        lines = [[_escaped(name), *(format_difference(own[c.name], c) for c in columns)] for name, own in differences]
        text += "\n" + markdown_table(heads, lines)
    return text


def latex(table: Table) -> str:
    """A `tabular` of the means, for booktabs."""
    heads = " & ".join(["", *(column.head.translate(TEX) for column in table.columns)])
    form, sign = r"\textbf{{{}}}", r" $\pm$ "
    body = [
        " & ".join([row_label(row).translate(TEX), *(_bold(row, c, table, form, sign) for c in table.columns)])
        for row in table.rows
    ]
    lines = "".join(f"{line} \\\\\n" for line in body)
    align = "l" + "r" * len(table.columns)
    return f"\\begin{{tabular}}{{{align}}}\n\\toprule\n{heads} \\\\\n\\midrule\n{lines}\\bottomrule\n\\end{{tabular}}\n"


def table_csv(table: Table) -> str:
    """A line for each method and figure, in the units of metrics.json, at full precision."""
    fields = ("method", "source", "figure", "mean", "sem", "objects", "runs")
    fields += ("difference", "difference_low", "difference_high", "difference_objects")
    lines = []
    for row in table.rows:
        for column in table.columns:
            if m := row.means.get(column.name):
                d = None if row.of_paper else table.differences.get(row.method, {}).get(column.name)
                source = "paper" if row.of_paper else "runs"
                own = (row.method, source, column.name, m.value, m.sem, m.objects, m.runs)
                lines.append((*own, *((d.value, d.low, d.high, d.objects) if d else (None,) * 4)))
    return _csv(fields, lines)


def cells_csv(runs: Sequence[FinishedRun], columns: Sequence[Column]) -> str:
    """A line for each run."""
    fields = ("method", "object", "prompt", "seed", *(column.name for column in columns))
    return _csv(fields, [(r.method, *r.cell, *(r.value(c.name) for c in columns)) for r in runs])


def _csv(fields: Sequence[str], lines: Sequence[Sequence]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([fields, *lines])
    return text.getvalue()


def _bold(row: TableRow, column: Column, table: Table, form: str, sign: str = " ± ") -> str:
    """A number, set apart if it is our best."""
    text = format_mean(row.means.get(column.name), column, sign)
    return form.format(text) if not row.of_paper and row.method in table.best[column.name] else text


def markdown_table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of Markdown.

    >>> print(markdown_table(["a"], [["1"]]), end="")
    | a |
    | --- |
    | 1 |
    """
    lines = [heads, ["---"] * len(heads), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _escaped(text: str) -> str:
    return text.replace("|", "\\|")
