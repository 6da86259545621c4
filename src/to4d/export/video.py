"""Videos of a scene that play in any browser, and one picture that shows them all at a glance."""

from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
from torch import Tensor

from to4d.export.panels import contact_sheet, panels, to_uint8
from to4d.export.writer import write_image, write_video
from to4d.protocols import Exporter, Scene
from to4d.viewpoints import Viewpoints, frame_times, render_views


@dataclass(frozen=True)
class Video(Exporter):
    """Writes `views/<azimuth>.mp4` (RGB, depth, normal, mask side by side), `turntable.mp4` and `contact.png`.

    The mask panel is the opacity over its own background. A clip is played `loops` times, so that it can be watched.
    """

    views: Viewpoints = field(default_factory=lambda: Viewpoints(size=160))
    frames: int = 16
    fps: float = 8.0
    loops: int = 3
    turntable_frames: int = 64  # a multiple of 2 `frames` loops without a jump
    turntable_size: int = 144
    turntable_elevation_deg: float = 10.0

    def __call__(self, scene: Scene, out: Path) -> None:
        """Render and write below the folder `out`."""
        clips = render_views(scene.renderer, self.views.cameras(), frame_times(self.frames), normals=True)
        mesh = render_views(scene.reference, self.views.cameras(), torch.zeros(1)).rgb[:, 0]
        assert clips.normal is not None  # asked for above
        for name, *clip in zip(self.views.names, clips.rgb, clips.depth, clips.normal, clips.opacity, strict=True):
            picture = panels(*clip).repeat(self.loops, 1, 1, 1)
            write_video(Path(out) / "views" / f"{name}.mp4", picture, self.fps)
        write_video(Path(out) / "turntable.mp4", to_uint8(self.turntable(scene)), 2 * self.fps)
        sheet = contact_sheet(clips.rgb, mesh, self.views.labels)
        write_image(Path(out) / "contact.png", sheet)

    def turntable(self, scene: Scene) -> Tensor:
        """(T, H, W, 3): the camera goes once around while the clip plays, over and over."""
        turn = torch.arange(self.turntable_frames) / self.turntable_frames
        orbit = {"azimuths_deg": (360.0 * turn).tolist(), "elevation_deg": self.turntable_elevation_deg}
        around = replace(self.views, size=self.turntable_size, **orbit).cameras()
        times = (turn * self.turntable_frames / (2 * self.frames)) % 1.0
        frames = []
        for b, time in enumerate(times):
            camera = replace(around, pose=around.pose[b : b + 1], fov=around.fov[b : b + 1])
            frames.append(render_views(scene.renderer, camera, time[None]).rgb[0, 0])
        return torch.stack(frames)
