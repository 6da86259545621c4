"""Rotations from the axes of a file to the world, where y is up and the front is +z."""

import numpy as np
from numpy.typing import NDArray

UPRIGHT: dict[str, NDArray] = {
    "x": np.array([[0, -1, 0], [1, 0, 0], [0, 0, 1]], float),
    "-x": np.array([[0, 1, 0], [-1, 0, 0], [0, 0, 1]], float),
    "y": np.eye(3),
    "-y": np.array([[-1, 0, 0], [0, -1, 0], [0, 0, 1]], float),
    "z": np.array([[1, 0, 0], [0, 0, 1], [0, -1, 0]], float),
    "-z": np.array([[1, 0, 0], [0, 0, -1], [0, 1, 0]], float),
}
"""The least rotation that turns each upward axis to y. z: up z and front -y (Blender, scans) to up y and front +z."""


def to_world(up: str, front_deg: float) -> NDArray:
    """(3, 3) rotation of a file whose upward axis is `up`, and whose front is at the azimuth `front_deg` once upright.

    >>> (to_world("z", -90.0) @ [-1.0, 0.0, 0.0])[2].round(3).item()
    1.0
    """
    angle = np.deg2rad(0.0 - front_deg)  # 0 gives 0, not -0
    turn = np.array([[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]])
    return turn if up == "y" else turn @ UPRIGHT[up]


def upward_axis(rotation: NDArray) -> str:
    """The axis of a file that a rotation (3, 3), perhaps with a scale, turns to y.

    >>> upward_axis(to_world("-x", 30.0))
    '-x'
    """
    axis = int(np.argmax(abs(rotation[1])))
    return ("" if rotation[1, axis] > 0 else "-") + "xyz"[axis]


def placing_of(rotation: NDArray) -> tuple[str, float]:
    """The upward axis and the front in degrees of which `to_world` makes a rotation (3, 3), perhaps with a scale.

    >>> placing_of(2 * to_world("-z", -35.0))
    ('-z', -35.0)
    """
    up = upward_axis(rotation)
    turn = rotation @ UPRIGHT[up].T
    return up, round(-float(np.rad2deg(np.arctan2(turn[0, 2], turn[2, 2]))), 6) + 0.0


def axis_name(direction: NDArray) -> str | None:
    """The axis that a direction (3,) follows to within a degree; None if it follows none.

    >>> axis_name(np.array([0.0, -1.0, 0.001]))
    '-y'
    """
    axis = int(np.argmax(abs(direction)))
    if abs(direction[axis]) < np.cos(np.deg2rad(1)) * np.linalg.norm(direction):
        return None
    return ("" if direction[axis] > 0 else "-") + "xyz"[axis]
