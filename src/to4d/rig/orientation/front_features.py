"""What tells where the front is: the sagittal plane, and how the two ends along it differ.

A solid is a grid (X, Y, Z) bool with y up.
"""

import numpy as np
from numpy.typing import NDArray

from to4d.rig.orientation.mirror import Mirror

STEP_DEG = 4  # between the azimuths of upright planes that are tried
APART_DEG = 25  # least angle between two candidates for the sagittal plane
PLANES = 3
ALIGNED_DEG = 12  # a plane this near to an axis of the file takes its place if the axis mirrors nearly as well
AS_GOOD = 1.3
OFFSETS = np.linspace(-0.06, 0.06, 7)  # of planes from the centre of mass, over the size
BANDS = 5


def front_candidates(mirror: Mirror) -> tuple[NDArray, NDArray]:
    """Azimuths in degrees (K,), both ways along each plane that may be sagittal, and the errors of the planes (K,).

    The axes of the file are always among them.
    """
    azimuths = np.arange(0, 180, STEP_DEG).astype(float)
    errors = _errors(mirror, azimuths)
    found: dict[float, float] = {axis: float(_errors(mirror, np.array([axis]))[0]) for axis in (0.0, 90.0)}
    for number in np.argsort(errors, kind="stable"):
        if len(found) < PLANES + 2 and all(_between(azimuths[number], other) >= APART_DEG for other in found):
            near = azimuths[number] + np.arange(-3.0, 4.0)
            fine = _errors(mirror, near)
            found[float(near[fine.argmin()] % 180)] = float(fine.min())
    found |= _tilted(mirror, found)
    fronts = np.array(list(found))
    return np.concatenate([fronts, fronts - 180.0]), np.tile(np.array(list(found.values())), 2)


def _tilted(mirror: Mirror, found: dict[float, float]) -> dict[float, float]:
    """Planes near an axis of the file that mirror clearly better than the plane through the axis."""
    out = {}
    for axis in (0.0, 90.0):
        near = axis + np.arange(-APART_DEG + 1.0, APART_DEG, 2.0)
        errors = _errors(mirror, near)
        if errors.min() * AS_GOOD < found[axis] and abs(near[errors.argmin()] - axis) > ALIGNED_DEG / 2:
            out[float(near[errors.argmin()] % 180)] = float(errors.min())
    return out


def _errors(mirror: Mirror, azimuths: NDArray) -> NDArray:
    """(A,) of upright planes that contain the azimuths (A,) in degrees."""
    angles = np.deg2rad(azimuths)
    normals = np.stack([np.cos(angles), np.zeros(len(angles)), -np.sin(angles)], 1)
    return mirror.best_offsets(normals, OFFSETS)


def _between(one: float, two: float) -> float:
    """Angle between two planes in degrees."""
    return abs((one - two + 90.0) % 180.0 - 90.0)


def front_features(solid: NDArray, azimuths: NDArray, errors: NDArray) -> list[dict[str, float]]:
    """Features of the candidates (K,), whose planes have these errors (K,)."""
    cells = np.argwhere(solid).astype(float)
    return [_features(cells, azimuth, error, errors.min()) for azimuth, error in zip(azimuths, errors, strict=True)]


def _features(cells: NDArray, azimuth: float, error: float, best: float) -> dict[str, float]:
    angle = np.deg2rad(azimuth)
    along = cells @ [np.sin(angle), 0.0, np.cos(angle)]
    across = cells @ [np.cos(angle), 0.0, -np.sin(angle)]
    length, width, height = (float(np.ptp(x)) + 1.0 for x in (along, across, cells[:, 1]))
    along = 2 * (along - along.min()) / max(length - 1, 1.0) - 1  # from -1 at the back to 1 at the front
    across = (across - np.median(across)) / max(length, width, height)
    level = (cells[:, 1] - cells[:, 1].min()) / max(height - 1, 1.0)
    ends = {**_bands(along, across, level), **_places(along, across, level)}
    long, slim = np.clip([np.log(length / height), np.log(length / width)], -1.2, 1.2)
    gated = {f"{name}_{gate}": x * by for name, x in ends.items() for gate, by in (("long", long), ("slim", slim))}
    plane = {"error": float(np.log(error + 0.003)), "worse": float(np.log((error + 0.003) / (best + 0.003)))}
    return {**ends, **gated, **plane, "long": float(long), "slim": float(slim)}


def _bands(along: NDArray, across: NDArray, level: NDArray) -> dict[str, float]:
    """Front less back of outer and inner bands: mass, top, bottom, thickness and width."""
    band = np.clip(((along + 1) / 2 * BANDS).astype(int), 0, BANDS - 1)
    rows = []
    for number in range(BANDS):
        inside = band == number
        if not inside.any():
            rows.append([0.0, 0.5, 0.5, 0.0, 0.0])
            continue
        low, high = np.quantile(level[inside], [0.03, 0.97])
        rows.append([inside.mean(), high, low, high - low, np.quantile(abs(across[inside]), 0.95)])
    outer, inner = np.subtract(rows[4], rows[0]), np.subtract(rows[3], rows[1])
    names = ("mass", "top", "bottom", "thickness", "width")
    pairs = {"outer": outer, "inner": inner}
    return {
        f"{name}_{where}": float(x) for where, values in pairs.items() for name, x in zip(names, values, strict=True)
    }


def _places(along: NDArray, across: NDArray, level: NDArray) -> dict[str, float]:
    """How far to the front parts are: the mass, the top, the ground, toes over ankles, what sticks out sideways."""

    def mean(chosen: NDArray) -> float:
        return float(along[chosen].mean()) if chosen.any() else middle

    middle = float(along.mean())
    wide = abs(across) > 0.7 * abs(across).max()
    front, back = (np.log((end > 0.8).sum() + 5.0) for end in (along, -along))
    return {
        "mass": middle,
        "head": mean(level > 0.85) - middle,
        "upper": mean(level > 0.6) - middle,
        "ground": mean(level < 0.06) - middle,
        "toes": mean(level < 0.05) - mean((level > 0.1) & (level < 0.25)),
        "sides": mean(wide) - middle,
        "blunt": float(front - back),
        "skew": float(((along - middle) ** 3).mean()),
    }
