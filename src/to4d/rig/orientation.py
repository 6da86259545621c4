"""Which way of a mesh is up, and where its front is: the shape's own evidence against the convention of its file."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from to4d.rig.axes import UPRIGHT, axis_name, to_world
from to4d.rig.coarse_solid import coarse_solid
from to4d.rig.fitted_choice import load_choice
from to4d.rig.front_features import front_candidates, front_features
from to4d.rig.mirror import make_mirror
from to4d.rig.orientation_reasons import FRONT_SIGNS, UP_SIGNS, strongest_signs
from to4d.rig.up_features import UPS, up_features

SURE = 0.5  # below this probability the convention stays
FLAT = 0.03  # of the longest side: what is thinner stands in no way of its own


@dataclass(frozen=True)
class Convention:
    """How files of a kind usually stand: the probability of each upward axis, and of a front at azimuth 0."""

    name: str
    ups: Mapping[str, float]  # those left out share the rest
    front: float

    @property
    def up(self) -> str:
        """The usual upward axis."""
        return max(self.ups, key=lambda axis: self.ups[axis])

    @property
    def up_shares(self) -> NDArray:
        """(6,) of `UPS`."""
        rest = (1.0 - sum(self.ups.values())) / (len(UPS) - len(self.ups))
        return np.array([self.ups.get(axis, rest) for axis in UPS])


GLTF = Convention("glTF", {"y": 0.96, "z": 0.025}, 0.9)
"""By its specification y is up and the front is +z; some programs write their z up all the same."""
STL = Convention("STL", {"z": 0.8, "y": 0.14}, 0.5)
"""Of printing and CAD, where z is up."""
PLAIN = Convention("OBJ, PLY and OFF", {"y": 0.5, "z": 0.44}, 0.5)
"""Formats that say nothing: y is up in as many files as z, in scans mostly z."""


@dataclass(frozen=True)
class Orientation:
    """How a file is to be turned. Confidences are probabilities in [0, 1]; 1: it was given."""

    up: str  # axis of the file, one of `UPS`
    front_deg: float  # azimuth of the front once upright: 0 is +z, 90 is +x
    up_confidence: float = 1.0
    front_confidence: float = 1.0
    up_reason: str = ""
    front_reason: str = ""

    @property
    def rotation(self) -> NDArray:
        """(3, 3) from the file to y up and front +z."""
        return to_world(self.up, self.front_deg)

    def describe(self) -> str:
        """In words, without what was given: "up is z (0.97: ...), the front is -x (0.81: ...)"."""
        toward = axis_name(self.rotation.T @ [0.0, 0.0, 1.0])
        front = toward or f"at azimuth {self.front_deg:g}"
        found = [("up", self.up, self.up_confidence, self.up_reason)] if self.up_reason else []
        if self.front_reason:
            found.append(("the front", front, self.front_confidence, self.front_reason))
        return ", ".join(f"{what} is {value} ({sure:.2f}: {why})" for what, value, sure, why in found)


def find_orientation(
    vertices: NDArray,
    faces: NDArray,
    convention: Convention = PLAIN,
    up: str | None = None,
    front_deg: float | None = None,
) -> Orientation:
    """Find what is not given of a mesh's upward axis and front.

    Args:
        vertices: (N, 3) in the coordinates of the file, all of them in use.
        faces: (M, 3) triangles, closed or not, in one piece or many.
        convention: how files of this kind usually stand.
        up: the upward axis, one of `UPS`, if it is known.
        front_deg: the azimuth of the front once upright, if it is known.

    Raises:
        InputError: if the mesh has no area or numbers that are not finite.
    """
    extents = np.ptp(vertices, axis=0)
    if extents.min() < FLAT * extents.max():
        return _by_convention(convention, up, front_deg, "it is flat")
    solid = coarse_solid(vertices, faces)
    up, up_sure, up_reason = (up, 1.0, "") if up else _find_up(solid, convention)
    front = (front_deg, 1.0, "") if front_deg is not None else _find_front(solid, up, convention)
    return Orientation(up, front[0], up_sure, front[1], up_reason, front[2])


def _by_convention(convention: Convention, up: str | None, front_deg: float | None, why: str) -> Orientation:
    reason = f"{why}, so that the convention of {convention.name} stays"
    return Orientation(
        up or convention.up,
        0.0 if front_deg is None else front_deg,
        1.0 if up else convention.ups[convention.up],
        convention.front if front_deg is None else 1.0,
        "" if up else reason,
        reason if front_deg is None else "",
    )


def _find_up(solid: NDArray, convention: Convention) -> tuple[str, float, str]:
    """The upward axis, its probability and the reason."""
    features, choice = up_features(solid, make_mirror(solid)), load_choice("up")
    shares = choice.probabilities(features) * convention.up_shares
    shares /= shares.sum()
    best = int(shares.argmax())
    if shares[best] < SURE:
        sure = float(shares[UPS.index(convention.up)])
        return convention.up, sure, _unsure(convention)
    return UPS[best], float(shares[best]), strongest_signs(choice.contributions(features, best), UP_SIGNS)


def _find_front(solid: NDArray, up: str, convention: Convention) -> tuple[float, float, str]:
    """The azimuth of the front in degrees once upright, its probability and the reason."""
    upright = turn_grid(solid, UPRIGHT[up])
    azimuths, errors = front_candidates(make_mirror(upright))
    features, choice = front_features(upright, azimuths, errors), load_choice("front")
    usual = azimuths == 0.0
    shares = choice.probabilities(features) * np.where(usual, convention.front, (1 - convention.front) / (~usual).sum())
    shares /= shares.sum()
    best = int(shares.argmax())
    if shares[best] < SURE:
        return 0.0, float(shares[usual].sum()), _unsure(convention)
    return (
        float(azimuths[best]),
        float(shares[best]),
        strongest_signs(choice.contributions(features, best), FRONT_SIGNS),
    )


def _unsure(convention: Convention) -> str:
    return f"its shape does not tell, so that the convention of {convention.name} stays"


def turn_grid(grid: NDArray, rotation: NDArray) -> NDArray:
    """A grid (X, Y, Z) turned by a rotation (3, 3) that takes axes to axes.

    >>> turn_grid(np.arange(2).reshape(1, 1, 2), UPRIGHT["z"])[0, :, 0]
    array([0, 1])
    """
    axes = abs(rotation).argmax(1)
    signs = rotation[np.arange(3), axes]
    return grid.transpose(axes)[tuple(slice(None, None, 1 if sign > 0 else -1) for sign in signs)]
