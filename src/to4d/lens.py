"""The cameras of a phase: everything about them that is not the azimuth."""

from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from to4d.geometry import orbit
from to4d.types import Cameras


@dataclass(frozen=True)
class OrbitLens:
    """Cameras on an orbit at one distance and field of view, at a random elevation.

    Args of the constructor:
        distance: from the origin, world units (the object's radius is 0.55 by default).
        fov_deg: vertical field of view; 40 degrees from 3.0 shows 1.09 above and below the origin.
        elevation_deg: lowest and highest elevation in training.
        size: (H, W) in pixels.
        pixel_jitter: shift all rays of a view by one random fraction of a pixel, so that few pixels cover it in time.
    """

    distance: float = 3.0
    fov_deg: float = 40.0
    elevation_deg: tuple[float, float] = (0.0, 20.0)
    size: tuple[int, int] = (64, 64)
    pixel_jitter: bool = False

    def __call__(self, azimuth_deg: Tensor, generator: Generator) -> Cameras:
        """Cameras at (B,) azimuths."""
        low, high = self.elevation_deg
        elevation = low + (high - low) * torch.rand(len(azimuth_deg), generator=generator)
        offset = torch.rand(len(azimuth_deg), 2, generator=generator) - 0.5 if self.pixel_jitter else None
        return orbit(azimuth_deg, elevation, self.distance, self.fov_deg, tuple(self.size), offset)
