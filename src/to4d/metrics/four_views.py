"""The numbers at the end of a run that need no downloaded weights."""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor

from to4d.errors import InputError
from to4d.metrics import motion
from to4d.metrics.identity import haze, psnr, ssim
from to4d.metrics.motion_checks import CHECKS
from to4d.metrics.prompt_check import KINDS, best_verdict, check_clip, motion_kind
from to4d.metrics.tracks import surface_points
from to4d.tracks import surface_tracks
from to4d.types import Prompt, Render, Scene
from to4d.viewpoints import Viewpoints, frame_times, look

MOTION = ("flow", "flow_top5", "silhouette_change")  # the figures that need a floor beside them
TRACKED = 0.6  # share of the surface that has to be followed through all frames for checks on tracks


@dataclass(frozen=True)
class FourViews:
    """Measures a scene from a few sides (the paper: four, at the object's height, 16 frames, 8 fps).

    `floor` names a `metrics.json` of a run whose prompt was to stand still: its motion is reported beside each motion
    figure, for no clip is at rest to the last pixel.
    """

    views: Viewpoints = field(default_factory=Viewpoints)
    frames: int = 16
    floor: str | None = None

    def __call__(self, scene: Scene) -> dict[str, Any]:
        """Figures by name, `eval/<metric>` the mean over views and `eval/<metric>/<azimuth>` a view's own.

        Everything goes into JSON: what is no finite number is null, and `eval/notes` says why.
        """
        cameras = self.views.cameras()
        times = frame_times(self.frames)
        clips = look(scene.renderer, cameras, times, antialias=self.views.antialias)
        moved, found, why = follow(scene, times)
        mesh = look(scene.reference, cameras, torch.zeros(1), antialias=self.views.antialias).at(0)
        figures = {
            **per_view(self.views.names, lambda b: identity(clips.rgb[b], mesh.rgb[b])),
            **per_view(self.views.names, lambda b: cleanliness(clips.opacity[b, ..., 0], mesh.opacity[b, ..., 0])),
            **per_view(self.views.names, lambda b: amount(clips.rgb[b], clips.opacity[b, ..., 0])),
            **self.floors(),
            "tracks_found": found,
            **adherence(clips, moved, scene.prompt, self.views.names),
        }
        figures["psnr_t0_min"] = min(figures[f"psnr_t0/{name}"] for name in self.views.names)
        frames = psnr(clips.rgb, mesh.rgb[:, None])
        figures |= {f"psnr_by_frame/{name}": row.tolist() for name, row in zip(self.views.names, frames, strict=True)}
        reasons = {f"eval/{name}_floor": "metrics.floor names no run that stood still" for name in MOTION}
        reasons |= dict.fromkeys(("eval/motion", "eval/motion_passed", "eval/motion_views"), "no check for this prompt")
        reasons |= {f"eval/views_passing/{check}": why for check in KINDS if check not in CHECKS}
        if motion_kind(scene.prompt.text, scene.prompt.noun) and figures["motion"] is None:
            reasons |= dict.fromkeys(("eval/motion_passed", "eval/motion_views"), why)
        reasons["eval/tracks_found"] = why
        return jsonable({f"eval/{name}": value for name, value in figures.items()}, reasons)

    def floors(self) -> dict[str, float | None]:
        """The motion figures of the run that stood still."""
        if self.floor is None:
            return {f"{name}_floor": None for name in MOTION}
        try:
            known = json.loads(Path(self.floor).read_text())
            return {f"{name}_floor": float(known[f"eval/{name}"]) for name in MOTION}
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InputError(
                f"metrics.floor={self.floor} is not the metrics.json of a finished run ({error!r}); "
                'run one with a prompt such as "a plant standing still", or leave metrics.floor=null'
            ) from error


def per_view(names: list[str], measure: Callable[[int], dict[str, float]]) -> dict[str, float]:
    """Every view's figures, and their means."""
    rows = [measure(b) for b in range(len(names))]
    own = {f"{key}/{name}": row[key] for row, name in zip(rows, names, strict=True) for key in row}
    return {key: sum(row[key] for row in rows) / len(rows) for key in rows[0]} | own


def identity(clip: Tensor, mesh: Tensor) -> dict[str, float]:
    """A view's frames (V, H, W, 3) against the mesh (H, W, 3): means over frames, and frame 0 alone."""
    in_db, similar = psnr(clip, mesh), ssim(clip, mesh)
    values = {"psnr": in_db.mean(), "psnr_t0": in_db[0], "ssim": similar.mean(), "ssim_t0": similar[0]}
    return {name: value.item() for name, value in values.items()}


def cleanliness(opacity: Tensor, silhouette: Tensor) -> dict[str, float]:
    """Floaters and haze of a view's clip (V, H, W) around the mesh (H, W)."""
    return {"haze": haze(opacity, silhouette), "haze_t0": haze(opacity[:1], silhouette)}


def amount(clip: Tensor, opacity: Tensor) -> dict[str, float]:
    """How much and how smoothly a view's clip (V, H, W, 3) with opacity (V, H, W) moves."""
    flow = motion.optical_flow(clip)
    return {
        "flow": motion.flow_magnitude(flow, opacity),
        "flow_top5": motion.flow_top5(flow).mean().item(),
        "dynamic_degree": float(motion.is_dynamic(flow)),
        "silhouette_change": motion.silhouette_change(opacity),
        "acceleration": motion.acceleration(opacity),
        "warp_error": motion.warp_error(clip, flow, opacity),
        "flicker": motion.flicker(clip),
    }


def follow(scene: Scene, times: Tensor) -> tuple[Tensor | None, float | None, str]:
    """Tracks (V, N, 3) of the mesh's surface, the share of points found in all frames, and why there are no tracks."""
    field, mesh = getattr(scene.renderer, "field", None), getattr(scene.reference, "mesh", None)
    if not hasattr(field, "displacement") or mesh is None:
        return None, None, "needs surface tracks, which only a moved field (model=deform) has"
    device = next((parameter.device for parameter in field.parameters()), times.device)
    tracks = surface_tracks(field.displacement, surface_points(mesh).to(device), times)
    moved, found = tracks.kept().double().cpu(), tracks.found.all(0).double().mean().item()
    if found < TRACKED:
        return None, found, f"only {found:.0%} of the surface could be followed: the motion tears or folds it"
    return moved, found, ""


def adherence(clips: Render, moved: Tensor | None, prompt: Prompt, names: list[str]) -> dict[str, Any]:
    """The check of the prompt's motion in every view, and in how many views each known check passes."""
    verdicts = {check: check_clip(check, clips.opacity[..., 0], moved) for check in KINDS}
    figures: dict[str, Any] = {f"views_passing/{check}": own and own.passed_views for check, own in verdicts.items()}
    own = best_verdict(motion_kind(prompt.text, prompt.noun), verdicts)
    figures |= {
        "motion": own and own.kind,
        "motion_passed": own and own.passed,
        "motion_views": own and own.passed_views,
    }
    if own:
        figures |= {f"motion/{name}": asdict(check) for name, check in zip(names, own.views, strict=True)}
    return figures


def jsonable(figures: dict[str, Any], reasons: Mapping[str, str] = MappingProxyType({})) -> dict[str, Any]:
    """Replace what JSON can't hold by null, and say why in `eval/notes`.

    >>> jsonable({"eval/haze": float("inf"), "eval/psnr": [1.0, float("nan")]})["eval/notes"]
    {'eval/haze': 'inf', 'eval/psnr': 'not finite'}
    """
    clean = {name: _finite(value) for name, value in figures.items()}
    odd = {name: value for name, value in figures.items() if value is None or clean[name] != value}
    spoken = {name: str(value) if isinstance(value, float) else "not finite" for name, value in odd.items()}
    return clean | {"eval/notes": {name: reasons.get(name, text) for name, text in spoken.items()}}


def _finite(value: Any) -> Any:
    """The same with null for every number that is not finite."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, list):
        return [_finite(item) for item in value]
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    return value
