"""The metrics that the result page shows: what each means, and why one is missing."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from to4d.export.page.formatting import format_number


@dataclass(frozen=True)
class MetricDescription:
    """A number of `metrics.json` and how to read it."""

    key: str
    label: str
    meaning: str
    unit: str = ""

    def formatted(self, metrics: Mapping[str, Any]) -> "FormattedMetric":
        """Its value in a run."""
        value = metrics.get(self.key)
        if not isinstance(value, (int, float)) or not math.isfinite(value):
            return FormattedMetric(self.label, self.meaning, self.unit, None, reason_missing(self.key, metrics))
        text = format_number(value * SCALE[self.unit] if self.unit in SCALE else value)
        return FormattedMetric(self.label, self.meaning, self.unit, text)


@dataclass(frozen=True)
class FormattedMetric:
    """A number in words."""

    label: str
    meaning: str
    unit: str
    text: str | None  # None where it was not computed
    reason: str = ""  # why not


@dataclass(frozen=True)
class MotionCheck:
    """Whether the clip does what the prompt says."""

    kind: str | None
    passed: bool | None  # None where it was not checked
    reason: str  # why not
    views: int | None  # in how many views it is seen
    checks: Mapping[int, Mapping[str, Any]]  # by azimuth in degrees: passed, value, threshold, explanation


KEY_METRICS = (
    MetricDescription(
        "eval/psnr_t0", "Likeness at t = 0", "PSNR of the first frame to the input; higher is closer.", "dB"
    ),
    MetricDescription(
        "eval/flow", "Motion", "Optical flow a frame over the object, in pixels of a picture 256 high.", "px"
    ),
    MetricDescription("eval/haze", "Haze", "Opacity outside the object, as a share of that inside; 0 is clean.", "%"),
)
MOTION_METRICS = (
    MetricDescription(
        "eval/psnr_t0_min", "Likeness at t = 0, worst view", "As above, of the view that differs most.", "dB"
    ),
    MetricDescription(
        "eval/ssim_t0", "Structure at t = 0", "Structural similarity of the first frame to the input; 1 is equal."
    ),
    MetricDescription("eval/flow_floor", "Motion at rest", "The same figure of a run without motion.", "px"),
    MetricDescription("eval/flow_top5", "Fastest motion", "Mean of the longest 5% of each frame's flow.", "px"),
    MetricDescription("eval/silhouette_change", "Change of outline", "Mean difference of the opacity to frame 0.", "%"),
    MetricDescription(
        "eval/acceleration", "Jerkiness", "Change of the change of opacity; 0 at rest, up to 4 for flicker."
    ),
    MetricDescription(
        "eval/warp_error", "Change along the flow", "What the flow does not explain of a frame's colours."
    ),
    MetricDescription(
        "eval/tracks_found", "Surface followed", "Share of surface points that are seen in every frame.", "%"
    ),
)
ASSET_METRICS = (
    MetricDescription("export/frames", "Frames", "Moments at which the motion was taken."),
    MetricDescription(
        "export/morph_targets", "Shapes", "Those that are needed; the frames between lie on straight lines."
    ),
    MetricDescription("export/joints", "Joints", "Of the skeleton that moves the asset."),
    MetricDescription("export/skin_bones", "Fitted bones", "With export.glb.skin=true, instead of shapes."),
    MetricDescription(
        "export/skin_error", "Error of the skin", "Root mean square over all points, as a share of the size.", "%"
    ),
    MetricDescription("export/bytes", "Size", "Of the file asset.glb.", "MB"),
    MetricDescription("export/points", "Points", "Distinct positions of vertices."),
    MetricDescription(
        "export/points_not_followed", "Points not followed", "In some frame they move like their neighbours."
    ),
    MetricDescription("export/shortest_edge", "Shortest edge", "The most that an edge shrinks, as a factor.", "x"),
    MetricDescription("export/longest_edge", "Longest edge", "The most that an edge grows, as a factor.", "x"),
    MetricDescription(
        "export/arap_energy", "Bending and stretching", "As-rigid-as-possible energy in the worst shape; 0 is rigid."
    ),
    MetricDescription(
        "export/exploding_triangles", "Exploding triangles", "Share in the worst frame; shapes hold them back.", "%"
    ),
    MetricDescription(
        "export/held_frames", "Frames held back", "The last ones, in which the asset stands still as its motion bursts."
    ),
    MetricDescription(
        "export/flipped_triangles", "Flipped triangles", "Share that faces the wrong way in the worst shape.", "%"
    ),
)
SCALE = {"%": 100.0, "MB": 1e-6}
NOT_MEASURED = "this run did not measure it"


def motion_check(metrics: Mapping[str, Any]) -> MotionCheck:
    """The check of the prompt's motion, as a whole and by view."""
    kind, passed, views = (metrics.get(f"eval/{name}") for name in ("motion", "motion_passed", "motion_views"))
    start = "eval/motion/"
    by_view = {
        int(key.removeprefix(start)): {"explanation": "", "passed": None, "value": None, "threshold": None} | check
        for key, check in metrics.items()
        if key.startswith(start) and isinstance(check, Mapping)
    }
    reason = reason_missing("eval/motion_passed" if kind else "eval/motion", metrics)
    return MotionCheck(kind, None if kind is None else passed, reason, views, by_view)


def reason_missing(key: str, metrics: Mapping[str, Any]) -> str:
    """Why a number was not computed, in the words of `eval/notes`."""
    return str((metrics.get("eval/notes") or {}).get(key, NOT_MEASURED))
