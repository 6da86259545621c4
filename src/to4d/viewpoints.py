"""Fixed cameras around the object: one setting shared by metrics, exporters and callbacks."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from to4d.geometry import orbit
from to4d.types import Cameras, Render


@dataclass(frozen=True)
class Viewpoints:
    """Cameras around the object, all at one height and distance; square images of `size` pixels.

    A pixel is the mean of `antialias` squared rays (see `render_views`).

    >>> Viewpoints(azimuths_deg=(0, 90), size=8).cameras().pose.shape
    torch.Size([2, 4, 4])
    """

    azimuths_deg: Sequence[float] = (0.0, 90.0, 180.0, 270.0)
    elevation_deg: float = 0.0
    distance: float = 3.0
    fov_deg: float = 40.0
    size: int = 128
    antialias: int = 1

    def cameras(self) -> Cameras:
        """B cameras, one an azimuth."""
        azimuths = torch.tensor([float(azimuth) for azimuth in self.azimuths_deg])
        return orbit(azimuths, self.elevation_deg, self.distance, self.fov_deg, (self.size, self.size))

    @property
    def names(self) -> list[str]:
        """The azimuths as three digits, as in `views/090.mp4`."""
        return [f"{round(azimuth) % 360:03d}" for azimuth in self.azimuths_deg]

    @property
    def labels(self) -> list[str]:
        """The azimuths with a degree sign."""
        return [f"{int(name)}\N{DEGREE SIGN}" for name in self.names]


def frame_times(frames: int) -> Tensor:
    """(V,) times of an evenly spaced clip: frame i stands at i/V.

    >>> frame_times(4)
    tensor([0.0000, 0.2500, 0.5000, 0.7500])
    """
    return torch.arange(frames) / frames


@torch.no_grad()
def render_views(
    renderer: Callable, cameras: Cameras, times: Tensor, normals: bool = False, antialias: int = 1
) -> Render:
    """Render clips (B, V) without gradients, camera by camera to bound the memory; the result is on the CPU.

    With `antialias` n > 1 they are rendered n times as large and averaged. A renderer that is an `nn.Module` renders in
    evaluation mode and gets its former mode back.
    """
    module = renderer if isinstance(renderer, nn.Module) else nn.Module()
    device = next((tensor.device for tensor in [*module.parameters(), *module.buffers()]), torch.device("cpu"))
    was_training = module.training
    module.eval()
    try:
        clips = [
            _downsample(renderer(_single(cameras, b, antialias).to(device), times.to(device), normals), antialias)
            for b in range(len(cameras.pose))
        ]
    finally:
        module.train(was_training)
    return _concatenate(clips)


def _single(cameras: Cameras, b: int, antialias: int) -> Cameras:
    """Camera `b` alone, with more pixels."""
    offset = None if cameras.offset is None else antialias * cameras.offset[b : b + 1]
    size = (antialias * cameras.size[0], antialias * cameras.size[1])
    return Cameras(cameras.pose[b : b + 1], cameras.fov[b : b + 1], size, offset)


def _downsample(clip: Render, n: int) -> Render:
    """A clip with n x n pixels averaged to one."""
    if n == 1:
        return clip

    def pooled(x: Tensor) -> Tensor:
        *lead, height, width, channels = x.shape
        return x.reshape(*lead, height // n, n, width // n, n, channels).mean((-4, -2))

    normal = None if clip.normal is None else pooled(clip.normal)
    return Render(pooled(clip.rgb), pooled(clip.opacity), pooled(clip.depth), normal)


def _concatenate(clips: list[Render]) -> Render:
    """One batch of all clips."""
    names = [name for name in ("rgb", "opacity", "depth", "normal") if getattr(clips[0], name) is not None]
    return Render(**{name: torch.cat([getattr(clip, name).cpu() for clip in clips]) for name in names})
