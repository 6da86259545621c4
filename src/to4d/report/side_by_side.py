"""Videos of runs that did the same task by different methods, side by side."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from to4d.export.page.media import EmbeddedVideo, embed_video
from to4d.report.finished_runs import FinishedRun


@dataclass(frozen=True)
class VideoCell:
    """The videos of one object, prompt and seed; None where a method has none."""

    object: str
    prompt: str
    seed: int
    clips: Mapping[str, EmbeddedVideo | None]  # by method


@dataclass(frozen=True)
class SideBySide:
    """The cells that a page shows, and how many it does not."""

    cells: list[VideoCell]
    left_out: int


def side_by_side(methods: Mapping[str, Sequence[FinishedRun]], azimuth: int, limit: int) -> SideBySide:
    """The videos from `azimuth` degrees: cells that most methods have come first, and at most `limit`."""
    cells: dict[tuple[str, str, int], dict[str, FinishedRun]] = {}
    for method, runs in methods.items():
        for run in runs:
            if video_path(run, azimuth).is_file():
                cells.setdefault(run.cell, {})[method] = run
    chosen = sorted(cells, key=lambda cell: -len(cells[cell]))[:limit]
    shown = [VideoCell(*cell, clips_of(cells[cell], list(methods), azimuth)) for cell in chosen]
    return SideBySide(shown, len(cells) - len(chosen))


def clips_of(runs: Mapping[str, FinishedRun], methods: Sequence[str], azimuth: int) -> dict[str, EmbeddedVideo | None]:
    """A video for each method that has a run."""
    return {name: embed_video(video_path(runs[name], azimuth)) if name in runs else None for name in methods}


def video_path(run: FinishedRun, azimuth: int) -> Path:
    """Where a run keeps its video of a fixed view."""
    return run.folder / "views" / f"{azimuth:03d}.mp4"
