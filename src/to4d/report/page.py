"""The comparison page: one file that opens anywhere and asks for nothing else."""

from collections.abc import Mapping, Sequence
from datetime import date
from html import escape
from importlib.metadata import version
from pathlib import Path

from to4d.export.report import PAGE as SHARED
from to4d.export.report import whole_page
from to4d.report.columns import Column
from to4d.report.media import side_by_side
from to4d.report.runs import Run
from to4d.report.scatter import scatter
from to4d.report.settings import between_rows, within_rows
from to4d.report.summary import by_row
from to4d.report.table import Line, Table
from to4d.report.writers import change, digits, label, number

PAGE = Path(__file__).parent / "page"


def page(
    runs: Sequence[Run],
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
        azimuth: of the videos.
        limit: on cells with videos.
    """
    rows, own = by_row(runs), [c for c in table.columns if any(run.value(c.name) is not None for run in runs)]
    style = (SHARED / "style.css").read_text() + (PAGE / "compare.css").read_text()
    script = (PAGE / "compare.js").read_text()
    return whole_page(
        (PAGE / "compare.html").read_text(),
        style,
        script,
        kicker="Comparison",
        title=escape(f"{len(rows)} ways, {len(runs)} runs"),
        verdict=escape(summary(runs, source, unfinished)),
        means=means(table),
        differences=differences(table, own),
        scatter=scatter(rows, *axes) or '<p class="none">no run has both figures</p>',
        videos=side_by_side(rows, azimuth, limit),
        runs=every_run(runs, own),
        settings=settings(rows),
        missing=missing(runs, table.columns),
        footer=f"Written on {date.today()} by to4d {version('to4d')}.",
    )


def summary(runs: Sequence[Run], source: str, unfinished: int) -> str:
    """What was compared."""
    counts = [f"{key}s: {len({getattr(run, key) for run in runs})}" for key in ("object", "prompt", "seed")]
    text = f"{', '.join(counts)}; figures of {source}."
    return text + (f" {unfinished} unfinished runs are left out." if unfinished else "")


def means(table: Table) -> str:
    """Every row, with the best of ours in bold."""
    heads = ["Row", "Objects", "Runs", "Seeds", *(column.head for column in table.columns)]
    return sortable("means", heads, [mean_line(line, table) for line in table.lines])


def mean_line(line: Line, table: Table) -> str:
    """A line of the table."""
    counts = (None, None, None) if line.of_paper else (line.objects, line.runs, line.seeds)
    cells = [f'<th scope="row">{escape(label(line))}</th>', *(entry(str(n or ""), n) for n in counts)]
    for column in table.columns:
        m = line.means.get(column.name)
        own = not line.of_paper and line.row in table.best[column.name]
        cells.append(entry(number(m, column), m and m.value, "best" if own else ""))
    return f"<tr{' class=paper' if line.of_paper else ''}>{''.join(cells)}</tr>"


def differences(table: Table, columns: Sequence[Column]) -> str:
    """Every row against the reference."""
    if not table.differences:
        return '<p class="none">There is only one row.</p>'
    heads = [f"Minus {table.reference}", "Pairs", *(column.head for column in columns)]
    lines = []
    for row, own in table.differences.items():
        pairs = max((d.runs for d in own.values() if d), default=0)
        cells = [entry(change(own[c.name], c), (d := own[c.name]) and d.value, sure(d)) for c in columns]
        lines.append(f'<tr><th scope="row">{escape(row)}</th>{entry(str(pairs), pairs)}{"".join(cells)}</tr>')
    return sortable("differences", heads, lines)


def sure(difference: object) -> str:
    """A mark for intervals that do not hold 0."""
    low, high = getattr(difference, "low", None), getattr(difference, "high", None)
    return "best" if low is not None and (low > 0.0 or high < 0.0) else ""


def every_run(runs: Sequence[Run], columns: Sequence[Column]) -> str:
    """A line a run."""
    lines = []
    for run in runs:
        names = "".join(f"<td>{escape(str(x))}</td>" for x in (run.object, run.prompt, run.seed))
        values = [(c, run.value(c.name)) for c in columns]
        cells = "".join(entry("-" if v is None else digits(v * c.scale), v) for c, v in values)
        lines.append(f'<tr><th scope="row">{escape(run.row)}</th>{names}{cells}</tr>')
    return sortable("runs", ["Row", "Object", "Prompt", "Seed", *(column.head for column in columns)], lines)


def settings(rows: Mapping[str, Sequence[Run]]) -> str:
    """The settings that make the rows different, and a warning where one row is of several kinds."""
    lines = [
        f'<tr><th scope="row"><code>{escape(key)}</code></th>'
        + "".join(f"<td>{escape('-' if own[row] is None else str(own[row]))}</td>" for row in rows)
        + "</tr>"
        for key, own in between_rows(rows).items()
    ]
    heads = "".join(f"<th>{escape(head)}</th>" for head in ["Setting", *rows])
    text = f'<div class="scroll"><table><thead><tr>{heads}</tr></thead><tbody>{"".join(lines)}</tbody></table></div>'
    text = text if lines else '<p class="none">none: all rows have the same settings</p>'
    mixed = "".join(f"<li>{escape(row)}: {escape(', '.join(keys[:8]))}</li>" for row, keys in within_rows(rows).items())
    warning = '<p class="bad" id="mixed">Rows that mix runs of different settings:</p>'
    return text + (f"{warning}<ul>{mixed}</ul>" if mixed else "")


def missing(runs: Sequence[Run], columns: Sequence[Column]) -> str:
    """Why figures of the table are not there."""
    reasons: dict[str, int] = {}
    for run in runs:
        for column in columns:
            if run.value(column.name) is None:
                notes = run.figures.get("eval/notes") or {}
                why = f"{column.label}: {notes.get(f'eval/{column.name}', 'the run did not measure it')}"
                reasons[why] = reasons.get(why, 0) + 1
    lines = "".join(f"<li>{escape(why)} ({count} runs)</li>" for why, count in reasons.items())
    return f"<ul>{lines}</ul>" if lines else "<p>Every figure was computed for every run.</p>"


def sortable(name: str, heads: Sequence[str], lines: Sequence[str]) -> str:
    """A table whose heads are buttons that sort."""
    button = '<th scope="col"><button type="button" class="sort">{}</button></th>'
    cells = "".join(button.format(escape(head)) for head in heads)
    body = f"<thead><tr>{cells}</tr></thead><tbody>{''.join(lines)}</tbody>"
    return f'<div class="scroll"><table class="sortable" id="{name}">{body}</table></div>'


def entry(text: str, value: float | None, kind: str = "") -> str:
    """A number that can be sorted by its value."""
    order = "" if value is None else f' data-value="{value!r}"'
    return f'<td class="value {kind}"{order}>{escape(text)}</td>'
