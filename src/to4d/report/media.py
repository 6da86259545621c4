"""Videos of runs that did the same task in different ways, side by side."""

from collections.abc import Mapping, Sequence
from html import escape

from to4d.export.report_media import data_uri, poster
from to4d.report.runs import Run


def side_by_side(rows: Mapping[str, Sequence[Run]], azimuth: int, limit: int) -> str:
    """A line of videos for each cell, a video a row; cells that most rows have come first, and at most `limit`."""
    cells: dict[tuple, dict[str, Run]] = {}
    for row, runs in rows.items():
        for run in runs:
            if (run.folder / "views" / f"{azimuth:03d}.mp4").is_file():
                cells.setdefault(run.cell, {})[row] = run
    if not cells:
        return '<p class="none">no videos: the runs had no export=[video], or not from this azimuth</p>'
    chosen = sorted(cells, key=lambda cell: -len(cells[cell]))[:limit]
    left = len(cells) - len(chosen)
    note = f'<p class="soft">{left} more cells are not shown (videos={limit}).</p>' if left else ""
    return "".join(line(cell, cells[cell], list(rows), azimuth) for cell in chosen) + note


def line(cell: tuple[str, str, int], runs: Mapping[str, Run], rows: Sequence[str], azimuth: int) -> str:
    """One object, prompt and seed."""
    name, prompt, seed = cell
    shown = "".join(video(row, runs.get(row), azimuth) for row in rows)
    head = f'<h3>{escape(prompt)} <span class="soft">{escape(name)}, seed {seed}</span></h3>'
    return f'<div class="cell">{head}<div class="views">{shown}</div></div>'


def video(row: str, run: Run | None, azimuth: int) -> str:
    """A run's video, of which the page's style shows the first panel; or that there is none."""
    caption = f"<figcaption>{escape(row)}</figcaption>"
    if run is None:
        return f'<figure class="view"><div class="crop none">no run</div>{caption}</figure>'
    path = run.folder / "views" / f"{azimuth:03d}.mp4"
    element = f'<video src="{data_uri("video/mp4", path.read_bytes())}" {poster(path)} loop muted playsinline '
    element += f'aria-label="{escape(row)}: {escape(run.prompt)}"></video>'
    return f'<figure class="view"><div class="crop">{element}</div>{caption}</figure>'
