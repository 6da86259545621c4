"""Which way of a mesh is up, and where its front is: the shape's own evidence against the convention of its file."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from to4d.rig.anatomy.coarse_solid import coarse_solid
from to4d.rig.orientation.axes import UPRIGHT, axis_name, to_world
from to4d.rig.orientation.conventions import PLAIN, Convention
from to4d.rig.orientation.fitted_choice import FittedChoice, load_choices
from to4d.rig.orientation.front_features import front_candidates, front_features
from to4d.rig.orientation.mirror import make_mirror
from to4d.rig.orientation.reasons import FRONT_SIGNS, UP_SIGNS, strongest_signs
from to4d.rig.orientation.up_features import UPS, up_features

LOOKS = 0.5  # a shape that gives something else more is said to look like it
CLEAR = 0.3  # a shape that gives its best candidate less says nothing
FLAT = 0.03  # of the longest side: what is thinner stands in no way of its own


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
    body: str | None = None,
    choices: Mapping[str, FittedChoice] | None = None,
) -> Orientation:
    """Find what is not given of a mesh's upward axis and front.

    Args:
        vertices: (N, 3) in the coordinates of the file, all of them in use.
        faces: (M, 3) triangles, closed or not, in one piece or many.
        convention: how files of this kind usually stand.
        up: the upward axis, one of `UPS`, if it is known.
        front_deg: the azimuth of the front once upright, if it is known.
        body: its class, one of `to4d.types.BODIES`, if it is known; there is a fit of its own for fish.
        choices: fits of `up` and `front` other than those that ship.

    Raises:
        InputError: if the mesh has no area or numbers that are not finite.
    """
    extents = np.ptp(vertices, axis=0)
    if extents.min() < FLAT * extents.max():
        return _by_convention(convention, up, front_deg, "it is flat")
    solid, fitted = coarse_solid(vertices, faces), choices or load_choices()
    up, up_sure, up_reason = (up, 1.0, "") if up else _find_up(solid, convention, _fit_of(fitted, "up", body))
    if front_deg is None:
        front = _find_front(solid, up, convention, _fit_of(fitted, "front", body))
    else:
        front = front_deg, 1.0, ""
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


def _fit_of(choices: Mapping[str, FittedChoice], kind: str, body: str | None) -> FittedChoice:
    """The fit for a body, or that for all."""
    return choices.get(f"{kind}_{body}", choices[kind])


def _find_up(solid: NDArray, convention: Convention, choice: FittedChoice) -> tuple[str, float, str]:
    """The upward axis, its probability and the reason."""
    features = up_features(solid, make_mirror(solid))
    verdict = _weigh(choice.probabilities(features), convention.up_shares)
    signs = strongest_signs(choice.contributions(features, verdict.best), UP_SIGNS)
    return UPS[verdict.best], verdict.probability, _explain(verdict, signs, UPS[verdict.look], convention)


def _find_front(solid: NDArray, up: str, convention: Convention, choice: FittedChoice) -> tuple[float, float, str]:
    """The azimuth of the front in degrees once upright, its probability and the reason."""
    upright = turn_grid(solid, UPRIGHT[up])
    azimuths, errors = front_candidates(make_mirror(upright))
    features = front_features(upright, azimuths, errors)
    verdict = _weigh(choice.probabilities(features), convention.front_shares(azimuths))
    signs = strongest_signs(choice.contributions(features, verdict.best), FRONT_SIGNS)
    other = f"front_deg={azimuths[verdict.look]:g}"
    return float(azimuths[verdict.best]), verdict.probability, _explain(verdict, signs, other, convention)


@dataclass(frozen=True)
class _Verdict:
    """Which of several candidates, by its shape and by convention."""

    best: int
    probability: float  # of the best
    look: int  # the best by its shape alone
    clarity: float  # its probability by its shape alone


def _weigh(seen: NDArray, usual: NDArray) -> _Verdict:
    """The most probable candidate by its shape (K,) and by convention (K,)."""
    shares = seen * usual / (seen @ usual)
    best, look = int(shares.argmax()), int(seen.argmax())
    return _Verdict(best, float(shares[best]), look, float(seen[look]))


def _explain(verdict: _Verdict, signs: str, other: str, convention: Convention) -> str:
    """The signs where the shape is clear, else that the convention decided, and what the shape looks more like."""
    if verdict.best == verdict.look and verdict.clarity > CLEAR:
        return signs
    doubt = f"though its shape looks more like {other}" if verdict.clarity > LOOKS else "for its shape does not tell"
    return f"by convention of {convention.name}, {doubt}"


def turn_grid(grid: NDArray, rotation: NDArray) -> NDArray:
    """A grid (X, Y, Z) turned by a rotation (3, 3) that takes axes to axes.

    >>> turn_grid(np.arange(2).reshape(1, 1, 2), UPRIGHT["z"])[0, :, 0]
    array([0, 1])
    """
    axes = abs(rotation).argmax(1)
    signs = rotation[np.arange(3), axes]
    return grid.transpose(axes)[tuple(slice(None, None, 1 if sign > 0 else -1) for sign in signs)]
