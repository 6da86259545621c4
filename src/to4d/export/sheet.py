"""All clips that were made for one prompt, at a glance."""

from collections.abc import Sequence
from pathlib import Path

import torch

from to4d.export.panels import contact_sheet
from to4d.export.writer import write_image
from to4d.protocols import Scene
from to4d.viewpoints import Viewpoints, frame_times, render_views


def write_sheet(path: Path, scenes: Sequence[Scene], names: Sequence[str], size: int = 144, frames: int = 8) -> Path:
    """A picture with a row a scene, all from one side, and `frames` times as columns; `names` label the rows."""
    cameras = Viewpoints((25.0,), 12.0, size=size, antialias=2).cameras()
    clips = torch.cat([render_views(scene.renderer, cameras, frame_times(frames), antialias=2).rgb for scene in scenes])
    mesh = render_views(scenes[0].reference, cameras, torch.zeros(1)).rgb[:, 0]
    return write_image(path, contact_sheet(clips, mesh.expand(len(scenes), -1, -1, -1), list(names)))
