"""How files of each format usually stand."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from to4d.rig.orientation.up_features import UPS


@dataclass(frozen=True)
class Convention:
    """How files of a kind usually stand: the probability of each upward axis, and of a front at azimuth 0."""

    name: str
    ups: Mapping[str, float]  # those left out share the rest
    front: float  # the other axes share three quarters of the rest, and all other azimuths one quarter

    @property
    def up(self) -> str:
        """The usual upward axis."""
        return max(self.ups, key=lambda axis: self.ups[axis])

    @property
    def up_shares(self) -> NDArray:
        """(6,) of `UPS`."""
        rest = (1.0 - sum(self.ups.values())) / max(len(UPS) - len(self.ups), 1)
        return np.array([self.ups.get(axis, rest) for axis in UPS])

    def front_shares(self, azimuths: NDArray) -> NDArray:
        """(K,) of azimuths in degrees."""
        usual, axes = azimuths == 0.0, (azimuths % 90.0 == 0.0) & (azimuths != 0.0)
        others = ~usual & ~axes
        shares = np.where(usual, self.front, 0.0)
        shares[axes] = 0.75 * (1 - self.front) / max(int(axes.sum()), 1)
        shares[others] = 0.25 * (1 - self.front) / max(int(others.sum()), 1)
        return shares


GLTF = Convention("glTF", {"y": 0.982, "z": 0.008}, 0.9)
"""By its specification y is up and the front is +z: no shape outweighs that y is up, and only a clear one the front."""
STL = Convention("STL", {"z": 0.8, "y": 0.14}, 0.35)
"""Of printing and CAD, where z is up."""
PLAIN = Convention("OBJ, PLY and OFF", {"y": 0.3, "z": 0.28}, 0.35)
"""Formats that say nothing: y is up in as many files as z, in scans mostly z, and some lie as they were scanned."""
