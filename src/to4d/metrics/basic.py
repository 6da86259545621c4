"""Metrics that need no downloaded weights."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from to4d.disk.files import sha256_of
from to4d.errors import InputError
from to4d.metrics.checks.motion_checks import CHECKS
from to4d.metrics.checks.prompt_check import KINDS, best_verdict, check_clip, motion_kind
from to4d.metrics.jsonable import jsonable
from to4d.metrics.judged import judged
from to4d.metrics.motion_classifier.classifier import FRAMES, SHIPPED
from to4d.metrics.per_view import (
    agreement_figures,
    cleanliness_figures,
    deformation_figures,
    figures_by_frame,
    identity_figures,
    motion_figures,
    per_view,
)
from to4d.metrics.renders import EvaluationRenders
from to4d.metrics.surface_sample import surface_points
from to4d.protocols import DeformableField, ReferenceRenderer, Renderer, Scene
from to4d.surface_tracks import track_surface
from to4d.types import Render

MOTION = ("flow", "flow_top5", "silhouette_change")  # the figures that need those of a still run beside them
EMPTY = ("floaters", "silhouette_iou")  # the figures that are undefined where a frame shows nothing
TRACKED = 0.6  # share of the surface that has to be followed through all frames for checks on tracks


@dataclass(frozen=True)
class BasicMetrics:
    """Measures the renders of a scene.

    `static_baseline` names a `metrics.json` of a run whose prompt was to stand still: its motion is reported beside
    each motion figure, for no clip is at rest to the last pixel.
    """

    static_baseline: str | None = None

    def __call__(self, renders: EvaluationRenders) -> dict[str, Any]:
        """Figures by name, `eval/<metric>` the mean over views and `eval/<metric>/<azimuth>` a view's own.

        Everything goes into JSON: what is no finite number is null, and `eval/notes` says why.
        """
        clips, mesh, prompt = renders.clips, renders.mesh, renders.scene.prompt
        kind = motion_kind(prompt.text, prompt.noun)
        moved, found, why = scene_tracks(renders.scene, renders.times)
        figures = {
            **per_view(renders.names, lambda b: identity_figures(clips, mesh, b)),
            **per_view(renders.names, lambda b: cleanliness_figures(clips, mesh, b)),
            **per_view(renders.names, lambda b: motion_figures(clips, b)),
            **self.baseline_figures(),
            **agreement_figures(clips, mesh, renders.cameras),
            **deformation_figures(moved),
            "tracks_found": found,
            **motion_check_figures(clips, moved, kind, renders.names),
            **judged(clips.rgb, kind, renders.names),
        }
        figures["psnr_t0_min"] = min(figures[f"psnr_t0/{name}"] for name in renders.names)
        figures |= figures_by_frame(clips, mesh, renders.names)
        reasons = {f"eval/{name}_floor": "metrics.static_baseline names no run that stood still" for name in MOTION}
        reasons |= dict.fromkeys(("eval/motion", "eval/motion_passed", "eval/motion_views"), "no check for this prompt")
        unknown = f"the motion classifier takes clips of {FRAMES} frames, and does not know every motion"
        reasons |= {f"eval/{name}": unknown for name in figures if name.startswith("judged")}
        reasons |= {f"eval/views_passing/{check}": why for check in KINDS if check not in CHECKS}
        if kind and figures["motion"] is None:
            reasons |= dict.fromkeys(("eval/motion_passed", "eval/motion_views"), why)
        reasons |= dict.fromkeys(("eval/tracks_found", "eval/stretch", "eval/stretch_top5"), why)
        reasons |= {f"eval/{name}": "a frame shows nothing" for name in figures if name.startswith(EMPTY)}
        no_depth = "pictures alone have no depth" if clips.depth.isnan().any() else "no two views show the same point"
        reasons |= {f"eval/{name}": no_depth for name in figures if name.startswith("view_")}
        return jsonable({f"eval/{name}": value for name, value in figures.items()}, reasons)

    def recipe(self) -> dict[str, Any]:
        """What the figures rest on."""
        flow = "dense inverse search, OpenCV's medium preset"
        return {"flow": flow, "classifier_sha256": sha256_of(SHIPPED), "static_baseline": self.static_baseline}

    def baseline_figures(self) -> dict[str, float | None]:
        """The motion figures of the run that stood still."""
        if self.static_baseline is None:
            return {f"{name}_floor": None for name in MOTION}
        try:
            known = json.loads(Path(self.static_baseline).read_text())
            return {f"{name}_floor": float(known[f"eval/{name}"]) for name in MOTION}
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InputError(
                f"metrics.static_baseline={self.static_baseline} is not the metrics.json of a finished run "
                f"({error!r}); "
                'run one with a prompt such as "a plant standing still", or leave metrics.static_baseline=null'
            ) from error


def scene_tracks(scene: Scene, times: Tensor) -> tuple[Tensor | None, float | None, str]:
    """Tracks (V, N, 3) of the mesh's surface, the share of points found in all frames, and why there are no tracks."""
    field = scene.renderer.field if isinstance(scene.renderer, Renderer) else None  # peers have none
    if not isinstance(field, DeformableField) or not isinstance(scene.reference, ReferenceRenderer):
        return None, None, "needs surface tracks, which only a moved field (model=deform, nodes) has"
    device = next((parameter.device for parameter in field.parameters()), times.device)
    tracks = track_surface(field, surface_points(scene.reference.mesh).to(device), times)
    moved, found = tracks.complete().double().cpu(), tracks.found.all(0).double().mean().item()
    if found < TRACKED:
        return None, found, f"only {found:.0%} of the surface could be followed: the motion tears or folds it"
    return moved, found, ""


def motion_check_figures(clips: Render, moved: Tensor | None, kind: str | None, names: list[str]) -> dict[str, Any]:
    """The check of `kind`, the prompt's motion, in every view, and in how many views each known check passes."""
    verdicts = {check: check_clip(check, clips.opacity[..., 0], moved) for check in KINDS}
    figures: dict[str, Any] = {f"views_passing/{check}": own and own.passed_views for check, own in verdicts.items()}
    own = best_verdict(kind, verdicts)
    figures |= {
        "motion": own and own.kind,
        "motion_passed": own and own.passed,
        "motion_views": own and own.passed_views,
    }
    if own:
        figures |= {f"motion/{name}": asdict(check) for name, check in zip(names, own.views, strict=True)}
    return figures
