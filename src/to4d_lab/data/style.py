"""What a motion leaves open, and the pose that it starts from."""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

Moved = tuple[np.ndarray, np.ndarray, np.ndarray]  # x, y, z, each (V, N)


def smooth(x: np.ndarray) -> np.ndarray:
    """The smoothstep between 0 and 1."""
    x = np.clip(x, 0.0, 1.0)
    return x * x * (3.0 - 2.0 * x)


@dataclass(frozen=True)
class Style:
    """What a motion leaves open."""

    amplitude: float  # 1 is the ordinary size
    speed: float  # 1 is the ordinary pace
    sign: float  # +1 or -1
    phase: float  # of an oscillation, at its start
    cycles: float  # share of the way between the slowest and the quickest repetition, in [0, 1]
    heading: float  # azimuth of the motion's own x axis, radians around +y; 0 is world x

    def wave(self, tau: np.ndarray, slow: float, quick: float, delay: np.ndarray | float = 0.0) -> np.ndarray:
        """An oscillation of `slow` to `quick` periods at speed 1, at rest at tau = 0, amplitude about 1.

        `delay` is by how many periods a place lags behind.
        """
        periods = self.speed * (slow + (quick - slow) * self.cycles)
        ramp = smooth(tau * periods * 4.0)
        return self.sign * ramp * np.sin(2.0 * np.pi * (periods * tau - delay) + self.phase)

    def progress(self, tau: np.ndarray) -> np.ndarray:
        """0 to 1, reached at 95% of the clip at speed 1 and ordinary pace."""
        return np.clip(tau * self.speed * (0.95 + 0.4 * self.cycles), 0.0, 1.0)


@dataclass(frozen=True)
class Body:
    """The rest pose in the motion's own axes, each (1, N); the time axis comes first in results."""

    x: np.ndarray
    y: np.ndarray  # above the base
    z: np.ndarray
    height: float

    @property
    def level(self) -> np.ndarray:
        """Height as a share, 0 at the base and 1 at the top."""
        return self.y / self.height

    @property
    def reach(self) -> float:
        """The length that jumps and shifts relate to: the height, or half the width of a flat thing."""
        return max(self.height, 0.5 * float(np.ptp(self.x)), 0.5 * float(np.ptp(self.z)))


def draw_style(rng: Generator, amplitude: float, speed: float) -> Style:
    """A random style, in the object's own axes: its front is at +z.

    Most have the same tempo and the same start, and most go along x and begin to the right of who looks at the front: a
    denoiser that sees little but noise answers with the mean of what may come, and the mean of hops that are out of
    step, or of a lean to the left and one to the right, is no motion. Cameras stand anywhere, so a motion is known from
    all around; who knows where the camera stands knows which way it goes there.
    """
    across = rng.uniform() < 0.75
    return Style(
        amplitude=amplitude,
        speed=speed,
        sign=-1.0 if rng.uniform() < (0.1 if across else 0.5) else 1.0,
        phase=0.0 if rng.uniform() < 0.9 else rng.uniform(0.0, 2.0 * np.pi),
        cycles=rng.uniform(0.45, 0.55) if rng.uniform() < 0.85 else rng.uniform(),
        heading=np.deg2rad(rng.uniform(-35.0, 35.0) if across else rng.uniform(-180.0, 180.0)),
    )
