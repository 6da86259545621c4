"""A mesh with colours at its vertices and limbs that can move."""

from dataclasses import dataclass, replace

import numpy as np


@dataclass(frozen=True)
class Limb:
    """A part that can move about its joint; objects face +z."""

    name: str  # leg, arm, wing, head, tail, trunk, leaves or ear
    pivot: np.ndarray  # (3,) the joint
    members: np.ndarray  # (N,) in [0, 1], 1 moves fully and 0 does not
    side: float = 0.0  # -1 left (negative x), +1 right, 0 middle
    end: float = 0.0  # +1 front (+z), -1 back, 0 neither


@dataclass(frozen=True)
class ColouredMesh:
    """A mesh whose colours are sRGB in [0, 1] at its vertices."""

    vertices: np.ndarray  # (N, 3)
    faces: np.ndarray  # (M, 3)
    colors: np.ndarray  # (N, 3)
    limbs: tuple[Limb, ...] = ()

    def scaled(self, factor: float | np.ndarray) -> "ColouredMesh":
        """Vertices and joints times a factor, one or three."""
        limbs = tuple(replace(limb, pivot=limb.pivot * factor) for limb in self.limbs)
        return replace(self, vertices=self.vertices * factor, limbs=limbs)

    def moved(self, offset: np.ndarray) -> "ColouredMesh":
        """Vertices and joints plus an offset (3,)."""
        limbs = tuple(replace(limb, pivot=limb.pivot + offset) for limb in self.limbs)
        return replace(self, vertices=self.vertices + offset, limbs=limbs)
