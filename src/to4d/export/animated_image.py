"""A clip as an animated GIF or WebP: for a README, a chat or a web page."""

from dataclasses import dataclass
from pathlib import Path

import torch

from to4d.export.panels import to_uint8
from to4d.export.writer import write_animation
from to4d.protocols import Exporter, Scene
from to4d.viewpoints import Viewpoints, frame_times, render_views


@dataclass(frozen=True)
class AnimatedImage(Exporter):
    """Writes the clip, seen from one side over white, as `name`; it plays over and over.

    Args:
        name: of the file; its ending says the format, .gif or .webp.
        frames: frame i stands at time i/frames.
        fps: frames a second; browsers show at most 50.
        azimuth_deg, elevation_deg: where the camera stands.
        size: of the square picture.
        there_and_back: play the clip backwards after it, so that it does not jump where it starts again.
    """

    name: str
    frames: int = 32
    fps: float = 16.0
    azimuth_deg: float = 25.0
    elevation_deg: float = 12.0
    size: int = 240
    there_and_back: bool = False

    def __post_init__(self) -> None:
        if Path(self.name).suffix not in (".gif", ".webp"):
            raise ValueError(f"a moving picture is called something.gif or something.webp, not {self.name!r}")
        if self.frames < 1 or not self.fps > 0:
            raise ValueError(f"a clip needs frames >= 1 and fps > 0, not frames={self.frames}, fps={self.fps}")

    def __call__(self, scene: Scene, out: Path) -> None:
        """Render and write below the folder `out`."""
        cameras = Viewpoints((self.azimuth_deg,), self.elevation_deg, size=self.size).cameras()
        clip = to_uint8(render_views(scene.renderer, cameras, frame_times(self.frames), antialias=2).rgb[0])
        if self.there_and_back:
            clip = torch.cat([clip, clip[1:-1].flip(0)])
        write_animation(Path(out) / self.name, clip, self.fps)
