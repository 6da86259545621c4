"""Upright planes that a body is its own mirror image in: candidates for the sagittal plane."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from to4d.rig.anatomy.solid import Solid

SAMPLES = 2500  # points of the surface that are reflected
FAR = 0.12  # reflections that miss the surface by more count as this
APART = np.deg2rad(25)  # least angle between two candidates


@dataclass(frozen=True)
class SymmetryPlane:
    """The points x with x . normal = offset, where the normal is horizontal."""

    azimuth: float  # of the normal: 0 is +z, pi / 2 is +x
    offset: float
    error: float  # mean distance of reflected surface points from the surface

    @property
    def normal(self) -> NDArray:
        """(3,) unit vector."""
        return np.array([np.sin(self.azimuth), 0.0, np.cos(self.azimuth)])

    def mirror(self, points: NDArray) -> NDArray:
        """Points (..., 3) on the other side."""
        return points - 2 * (points @ self.normal - self.offset)[..., None] * self.normal


@dataclass(frozen=True)
class _Reflection:
    """Measures planes on the surface's voxels and the distance field around them."""

    solid: Solid
    samples: NDArray  # (SAMPLES, 3)
    field: NDArray  # distance to the surface, inside and outside
    padding: int

    def plane(self, azimuth: float, offset: float) -> SymmetryPlane:
        plane = SymmetryPlane(float(azimuth), float(offset), 0.0)
        cells = self.solid.cells_of(plane.mirror(self.samples)) + self.padding
        inside = ((cells >= 0) & (cells < self.field.shape)).all(1)
        total = self.field[tuple(cells[inside].T)].sum() + FAR * (~inside).sum()
        return SymmetryPlane(plane.azimuth, plane.offset, float(total / len(cells)))

    def best(self, azimuths: NDArray, offsets: NDArray) -> SymmetryPlane:
        return min((self.plane(a, o) for a in azimuths for o in offsets), key=lambda plane: plane.error)


def find_symmetry_planes(solid: Solid, count: int = 3) -> tuple[SymmetryPlane, ...]:
    """The best planes at least 25 degrees apart, best first."""
    reflection = _reflection(solid)
    middle = solid.points.mean(0)
    coarse = []
    for azimuth in np.deg2rad(np.arange(0, 180, 4)):
        centre = middle @ SymmetryPlane(azimuth, 0.0, 0.0).normal
        coarse.append(reflection.best(np.array([azimuth]), centre + np.linspace(-0.06, 0.06, 7)))
    fine = [_refine(reflection, plane) for plane in _apart(coarse, count)]
    return tuple(sorted(fine, key=lambda plane: plane.error))


def _reflection(solid: Solid) -> _Reflection:
    padding = int(np.ceil(FAR / solid.cell))
    filled = solid.grid(np.ones(len(solid), bool), False, padding)
    outside = ndimage.distance_transform_edt(~filled) * solid.cell
    field = np.minimum(outside + solid.grid(solid.depth, 0.0, padding), FAR)
    surface = np.flatnonzero((solid.neighbours < 0).any(1))
    chosen = np.random.default_rng(0).choice(surface, min(SAMPLES, len(surface)), replace=False)
    return _Reflection(solid, solid.points[chosen], field, padding)


def _apart(planes: list[SymmetryPlane], count: int) -> list[SymmetryPlane]:
    chosen: list[SymmetryPlane] = []
    for plane in sorted(planes, key=lambda plane: plane.error):
        turns = [abs((plane.azimuth - other.azimuth + np.pi / 2) % np.pi - np.pi / 2) for other in chosen]
        if len(chosen) < count and all(turn > APART for turn in turns):
            chosen.append(plane)
    return chosen


def _refine(reflection: _Reflection, plane: SymmetryPlane) -> SymmetryPlane:
    azimuths = plane.azimuth + np.deg2rad(np.arange(-3, 3.1, 1))
    return reflection.best(azimuths, plane.offset + np.linspace(-0.02, 0.02, 9))
