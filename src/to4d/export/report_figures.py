"""The numbers of a run in words: what each means, and why one is missing. HTML, with everything foreign escaped."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from typing import Any


@dataclass(frozen=True)
class Figure:
    """A number of `metrics.json` and how to read it."""

    key: str
    label: str
    meaning: str
    unit: str = ""


KEY = (
    Figure("eval/psnr_t0", "Likeness at t = 0", "PSNR of the first frame to the input; higher is closer.", "dB"),
    Figure("eval/flow", "Motion", "Optical flow a frame over the object, in pixels of a picture 256 high.", "px"),
    Figure("eval/haze", "Haze", "Opacity outside the object, as a share of that inside; 0 is clean.", "%"),
)
MORE = (
    Figure("eval/psnr_t0_min", "Likeness at t = 0, worst view", "As above, of the view that differs most.", "dB"),
    Figure("eval/ssim_t0", "Structure at t = 0", "Structural similarity of the first frame to the input; 1 is equal."),
    Figure("eval/flow_floor", "Motion at rest", "The same motion figure of a run that was told to stand still.", "px"),
    Figure("eval/flow_top5", "Fastest motion", "Mean of the longest 5% of each frame's flow.", "px"),
    Figure("eval/silhouette_change", "Change of outline", "Mean difference of the opacity to frame 0.", "%"),
    Figure("eval/acceleration", "Jerkiness", "Change of the change of opacity; 0 at rest, up to 4 for flicker."),
    Figure("eval/warp_error", "Change along the flow", "What the flow does not explain of a frame's colours."),
    Figure("eval/tracks_found", "Surface followed", "Share of surface points that are seen in every frame.", "%"),
)
ASSET = (
    Figure("export/frames", "Frames", "Moments at which the motion was taken."),
    Figure("export/morph_targets", "Shapes", "Those that are needed; the frames between lie on straight lines."),
    Figure("export/skin_bones", "Bones", "With export.glb.skin=true, instead of shapes."),
    Figure("export/skin_error", "Error of the bones", "Root mean square over all points, as a share of the size.", "%"),
    Figure("export/bytes", "Size", "Of the file asset.glb.", "MB"),
    Figure("export/points", "Points", "Distinct places of vertices."),
    Figure("export/points_not_followed", "Points not followed", "In some frame they move like their neighbours."),
    Figure("export/shortest_edge", "Shortest edge", "The most that an edge shrinks, as a factor.", "x"),
    Figure("export/longest_edge", "Longest edge", "The most that an edge grows, as a factor.", "x"),
    Figure(
        "export/arap_energy", "Bending and stretching", "As-rigid-as-possible energy in the worst shape; 0 is rigid."
    ),
    Figure(
        "export/exploding_triangles", "Exploding triangles", "Share in the worst frame; held back in the asset.", "%"
    ),
    Figure(
        "export/held_frames", "Frames held back", "The last ones, in which the asset stands still as its motion bursts."
    ),
    Figure("export/flipped_triangles", "Flipped triangles", "Share that faces the wrong way in the worst shape.", "%"),
)
SCALE = {"%": 100.0, "MB": 1e-6}
NOT_MEASURED = "this run did not measure it"


def key_figures(metrics: Mapping[str, Any]) -> str:
    """The few numbers to look at first, as cards."""
    cards = [
        f'<div class="card"><h3>{escape(figure.label)}</h3><div class="value">{shown(figure, metrics)}</div>'
        f"<p>{escape(figure.meaning)}</p></div>"
        for figure in KEY
    ]
    return f'<div class="cards">{"".join(cards)}</div>'


def table(title: str, figures: tuple[Figure, ...], metrics: Mapping[str, Any]) -> str:
    """A row a number."""
    rows = [
        f'<tr><th scope="row">{escape(figure.label)}</th><td class="value">{shown(figure, metrics)}</td>'
        f"<td>{escape(figure.meaning)}</td></tr>"
        for figure in figures
    ]
    body = f"<caption>{escape(title)}</caption><tbody>{''.join(rows)}</tbody>"
    return f'<div class="scroll"><table class="figures">{body}</table></div>'


def verdict(metrics: Mapping[str, Any]) -> str:
    """Whether the prompt's motion is there, in one line."""
    kind, passed, views = (metrics.get(f"eval/{name}") for name in ("motion", "motion_passed", "motion_views"))
    if kind is None or passed is None:
        return f"Motion check: {absent('eval/motion_passed' if kind else 'eval/motion', metrics)}"
    mark = '<span class="good">✓ passed</span>' if passed else '<span class="bad">✗ not passed</span>'
    return f"Motion check <em>{escape(str(kind))}</em>: {mark}, seen in {views} of {len(by_view(metrics))} views"


def motion_table(metrics: Mapping[str, Any]) -> str:
    """The check of the prompt's motion, a row a view; nothing where there is none."""
    rows = [
        f'<tr><th scope="row">{int(name)}°</th><td class="value">{_mark(check.get("passed"))}</td>'
        f'<td class="value">{plain(check.get("value"))} of {plain(check.get("threshold"))}</td>'
        f"<td>{escape(str(check.get('explanation', '')))}</td></tr>"
        for name, check in by_view(metrics).items()
    ]
    head = "<tr><th>View</th><th>Check</th><th>Value, threshold</th><th>What was seen</th></tr>"
    caption = "<caption>Does it do what the prompt says?</caption>"
    body = f"<table>{caption}<thead>{head}</thead><tbody>{''.join(rows)}</tbody></table>"
    return f'<div class="scroll">{body}</div>' if rows else ""


def by_view(metrics: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """The motion checks by azimuth."""
    start = "eval/motion/"
    return {k.removeprefix(start): v for k, v in metrics.items() if k.startswith(start) and isinstance(v, Mapping)}


def shown(figure: Figure, metrics: Mapping[str, Any]) -> str:
    """A number with its unit, or why there is none."""
    value = metrics.get(figure.key)
    if not isinstance(value, (int, float)) or not math.isfinite(value):
        return absent(figure.key, metrics)
    number = plain(value * SCALE[figure.unit]) if figure.unit in SCALE else plain(value)
    return f"{number} <small>{escape(figure.unit)}</small>" if figure.unit else number


def absent(key: str, metrics: Mapping[str, Any]) -> str:
    """Why a number is missing, in the words of `eval/notes`."""
    notes = metrics.get("eval/notes") or {}
    return f'<span class="none">not computed: {escape(str(notes.get(key, NOT_MEASURED)))}</span>'


def plain(value: Any) -> str:
    """A number with as many digits as say something.

    >>> plain(10060), plain(0.0387122), plain(39.832), plain(7e-10), plain(None)
    ('10,060', '0.0387', '39.8', '0', 'not computed')
    """
    if not isinstance(value, (int, float)):
        return "not computed"
    if isinstance(value, int) or abs(value) >= 1000:
        return f"{value:,.0f}"
    return "0" if abs(value) < 1e-7 else f"{value:.3g}"


def _mark(passed: Any) -> str:
    return '<span class="good">✓ yes</span>' if passed else '<span class="bad">✗ no</span>'
