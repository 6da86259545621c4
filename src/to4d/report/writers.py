"""A table as text: Markdown, LaTeX, CSV."""

import csv
import io
from collections.abc import Sequence

from to4d.report.columns import Column
from to4d.report.runs import Run
from to4d.report.statistics import Difference, Mean
from to4d.report.table import Line, Table

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


def line_label(line: Line) -> str:
    """What a line is called."""
    return f"{line.method} (paper)" if line.of_paper else line.method


def markdown(table: Table) -> str:
    """Means, then differences to the reference method."""
    heads = ["row", "objects", "runs", "seeds", *(column.head for column in table.columns)]
    rows = []
    for line in table.lines:
        counts = ["", "", ""] if line.of_paper else [str(n) for n in (line.objects, line.runs, line.seeds)]
        rows.append([_escaped(line_label(line)), *counts, *(_bold(line, c, table, "**{}**") for c in table.columns)])
    text = markdown_table(heads, rows)
    if table.differences:
        differences = table.differences.items()
        columns = [c for c in table.columns if any(own[c.name] for _, own in differences)]
        heads = [f"minus {table.reference}", *(column.head for column in columns)]
        rows = [[_escaped(name), *(format_difference(own[c.name], c) for c in columns)] for name, own in differences]
        text += "\n" + markdown_table(heads, rows)
    return text


def latex(table: Table) -> str:
    """A `tabular` of the means, for booktabs."""
    heads = " & ".join(["", *(column.head.translate(TEX) for column in table.columns)])
    form, sign = r"\textbf{{{}}}", r" $\pm$ "
    body = [
        " & ".join([line_label(line).translate(TEX), *(_bold(line, c, table, form, sign) for c in table.columns)])
        for line in table.lines
    ]
    rows = "".join(f"{row} \\\\\n" for row in body)
    align = "l" + "r" * len(table.columns)
    return f"\\begin{{tabular}}{{{align}}}\n\\toprule\n{heads} \\\\\n\\midrule\n{rows}\\bottomrule\n\\end{{tabular}}\n"


def table_csv(table: Table) -> str:
    """A line for each method and figure, in the units of metrics.json, at full precision."""
    fields = ("row", "source", "figure", "mean", "sem", "objects", "runs")
    fields += ("difference", "difference_low", "difference_high", "difference_objects")
    lines = []
    for line in table.lines:
        for column in table.columns:
            if m := line.means.get(column.name):
                d = None if line.of_paper else table.differences.get(line.method, {}).get(column.name)
                own = (
                    line.method,
                    "paper" if line.of_paper else "runs",
                    column.name,
                    m.value,
                    m.sem,
                    m.objects,
                    m.runs,
                )
                lines.append((*own, *((d.value, d.low, d.high, d.objects) if d else (None,) * 4)))
    return _csv(fields, lines)


def cells_csv(runs: Sequence[Run], columns: Sequence[Column]) -> str:
    """A line for each run."""
    fields = ("row", "object", "prompt", "seed", *(column.name for column in columns))
    return _csv(fields, [(r.method, *r.cell, *(r.value(c.name) for c in columns)) for r in runs])


def _csv(fields: Sequence[str], lines: Sequence[Sequence]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([fields, *lines])
    return text.getvalue()


def _bold(line: Line, column: Column, table: Table, form: str, sign: str = " ± ") -> str:
    """A number, set apart if it is our best."""
    text = format_mean(line.means.get(column.name), column, sign)
    return form.format(text) if not line.of_paper and line.method in table.best[column.name] else text


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
