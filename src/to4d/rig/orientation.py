"""Which way of a mesh is up, and where its front is: the shape's own evidence against the convention of its file."""

from collections.abc import Mapping, Sequence
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

SURE = 0.5  # what is less probable does not outweigh the convention
CLEAR = 0.3  # a shape that gives its best candidate less says nothing
FLAT = 0.03  # of the longest side: what is thinner stands in no way of its own


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
        rest = (1.0 - sum(self.ups.values())) / (len(UPS) - len(self.ups))
        return np.array([self.ups.get(axis, rest) for axis in UPS])

    def front_shares(self, azimuths: NDArray) -> NDArray:
        """(K,) of azimuths in degrees."""
        usual, axes = azimuths == 0.0, (azimuths % 90.0 == 0.0) & (azimuths != 0.0)
        others = ~usual & ~axes
        shares = np.where(usual, self.front, 0.0)
        shares[axes] = 0.75 * (1 - self.front) / max(int(axes.sum()), 1)
        shares[others] = 0.25 * (1 - self.front) / max(int(others.sum()), 1)
        return shares


GLTF = Convention("glTF", {"y": 0.98, "z": 0.01}, 0.9)
"""By its specification y is up and the front is +z; few programs write their z up all the same."""
STL = Convention("STL", {"z": 0.8, "y": 0.14}, 0.4)
"""Of printing and CAD, where z is up."""
PLAIN = Convention("OBJ, PLY and OFF", {"y": 0.5, "z": 0.44}, 0.4)
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
    reason = f"by convention of {convention.name}, for {why}"
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
    features = up_features(solid, make_mirror(solid))
    best, sure, reason = _decide("up", features, UPS, convention.up_shares, convention)
    return UPS[best], sure, reason


def _find_front(solid: NDArray, up: str, convention: Convention) -> tuple[float, float, str]:
    """The azimuth of the front in degrees once upright, its probability and the reason."""
    upright = turn_grid(solid, UPRIGHT[up])
    azimuths, errors = front_candidates(make_mirror(upright))
    features, names = front_features(upright, azimuths, errors), [f"azimuth {azimuth:g}" for azimuth in azimuths]
    best, sure, reason = _decide("front", features, names, convention.front_shares(azimuths), convention)
    return float(azimuths[best]), sure, reason


def _decide(
    choice_name: str,
    features: list[dict[str, float]],
    names: Sequence[str],
    usual: NDArray,
    convention: Convention,
) -> tuple[int, float, str]:
    """The most probable candidate, its probability, and why; what is usual where nothing is clear.

    Args:
        choice_name: "up" or "front".
        features: of K candidates.
        names: of the candidates.
        usual: (K,) their probabilities by convention.
        convention: for the reason.
    """
    choice = load_choice(choice_name)
    seen = choice.probabilities(features)
    shares = seen * usual / (seen @ usual)
    best, look = int(shares.argmax()), int(seen.argmax())
    if shares[best] < SURE:
        best = int(usual.argmax())
    if best == look and seen[best] > CLEAR:
        signs = strongest_signs(choice.contributions(features, best), UP_SIGNS if choice_name == "up" else FRONT_SIGNS)
        return best, float(shares[best]), signs
    doubt = f"though its shape looks more like {names[look]}" if seen[look] > SURE else "for its shape does not tell"
    return best, float(shares[best]), f"by convention of {convention.name}, {doubt}"


def turn_grid(grid: NDArray, rotation: NDArray) -> NDArray:
    """A grid (X, Y, Z) turned by a rotation (3, 3) that takes axes to axes.

    >>> turn_grid(np.arange(2).reshape(1, 1, 2), UPRIGHT["z"])[0, :, 0]
    array([0, 1])
    """
    axes = abs(rotation).argmax(1)
    signs = rotation[np.arange(3), axes]
    return grid.transpose(axes)[tuple(slice(None, None, 1 if sign > 0 else -1) for sign in signs)]
