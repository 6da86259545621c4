"""What the cameras of a protocol see of a scene: rendered once, measured by many."""

from dataclasses import dataclass

import torch
from torch import Tensor

from to4d.types import Cameras, Render, Scene
from to4d.viewpoints import Viewpoints, frame_times, render_views


@dataclass(frozen=True)
class EvaluationRenders:
    """A clip a view of the 4D model, and the mesh from the same places."""

    scene: Scene
    names: list[str]  # B azimuths as three digits
    cameras: Cameras  # B
    times: Tensor  # (V,)
    clips: Render  # (B, V, H, W, c)
    mesh: Render  # (B, 1, H, W, c)


def render_for_evaluation(scene: Scene, views: Viewpoints, frames: int) -> EvaluationRenders:
    """Frame i of the clips stands at time i/frames."""
    cameras, times = views.cameras(), frame_times(frames)
    clips = render_views(scene.renderer, cameras, times, antialias=views.antialias)
    mesh = render_views(scene.reference, cameras, torch.zeros(1), antialias=views.antialias)
    return EvaluationRenders(scene, views.names, cameras, times, clips, mesh)
