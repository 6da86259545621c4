"""The own axes of a body: left, up and front, about its sagittal plane."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Frame:
    """Coordinates (left, up, front) of a body that stands upright in a `Solid`; left is 0 on the sagittal plane."""

    front: float  # azimuth in radians: 0 is +z, pi / 2 is +x
    origin: NDArray  # (3,) a place on the sagittal plane

    @property
    def axes(self) -> NDArray:
        """(3, 3) rows are the directions left, up and front."""
        sine, cosine = np.sin(self.front), np.cos(self.front)
        return np.array([[cosine, 0.0, -sine], [0.0, 1.0, 0.0], [sine, 0.0, cosine]])

    def to_body(self, points: NDArray) -> NDArray:
        """(..., 3) left, up and front of points (..., 3)."""
        return (points - self.origin) @ self.axes.T

    def to_solid(self, points: NDArray) -> NDArray:
        """The inverse of `to_body`."""
        return points @ self.axes + self.origin

    def mirror(self, points: NDArray) -> NDArray:
        """Points (..., 3) of the solid on the other side of the sagittal plane."""
        left = self.axes[0]
        return points - 2 * ((points - self.origin) @ left)[..., None] * left


@dataclass(frozen=True)
class Assignment:
    """What the parts of an `Anatomy` are."""

    body: str  # class, one of `to4d.types.BODIES`
    frame: Frame
    roles: tuple[str, ...]  # of each part: a role of `to4d.types.Rig` ("hindleg_L", "head", "tail"), or "other"
    confidence: float  # in [0, 1]
