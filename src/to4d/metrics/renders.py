"""Renders of a scene from the cameras of the evaluation protocol: made once, measured by all metrics."""

from dataclasses import dataclass

import torch
from torch import Tensor

from to4d.protocols import Scene
from to4d.types import Cameras, Render
from to4d.viewpoints import Viewpoints, frame_times, render_views


@dataclass(frozen=True)
class EvaluationRenders:
    """Clips of the 4D model from B views, and the input mesh from the same views."""

    scene: Scene
    names: list[str]  # B azimuths as three digits
    cameras: Cameras  # B
    times: Tensor  # (V,)
    clips: Render  # (B, V, H, W, c)
    mesh: Render  # (B, 1, H, W, c)


def render_for_evaluation(scene: Scene, views: Viewpoints, frames: int) -> EvaluationRenders:
    """Render a scene from `views`; frame i of the clips is at time i/frames."""
    cameras, times = views.cameras(), frame_times(frames)
    clips = render_views(scene.renderer, cameras, times, antialias=views.antialias)
    mesh = render_views(scene.reference, cameras, torch.zeros(1), antialias=views.antialias)
    return EvaluationRenders(scene, views.names, cameras, times, clips, mesh)
