"""The sculpture that collects shapes into one object with limbs."""

import numpy as np
from numpy.random import Generator

from to4d_lab.data.coloured import ColouredMesh, Limb
from to4d_lab.data.solids import Shape
from to4d_lab.data.style import smooth

Joint = tuple[str, float, float]  # the name, side and end of a limb


def _pattern(points: np.ndarray, rng: Generator) -> np.ndarray:
    """Where a second colour goes, (N,) in [0, 1]: bands, checks, segments, slanted stripes or a gradient."""
    frequency, phase = rng.uniform(5.0, 14.0), rng.uniform(0.0, 6.0)
    x, y, z = points.T
    waves = [
        np.sin(frequency * y + phase),
        2.0 * np.sin(frequency * x + phase) * np.sin(frequency * y) * np.sin(frequency * z + 1.0),
        np.sin(rng.integers(2, 6) * np.arctan2(x, z) + phase),
        np.sin(0.6 * frequency * points @ rng.normal(size=3) + phase),
    ]
    choice = rng.integers(len(waves) + 1)
    if choice == len(waves):
        return (y - y.min()) / (np.ptp(y) + 1e-6)
    return np.clip(2.0 * waves[choice] + 0.5, 0.0, 1.0)


def ramp(points: np.ndarray, start, end) -> np.ndarray:
    """How far points (N, 3) have come on the way from `start` to `end`, (N,) in [0, 1], smooth at both."""
    start, way = np.asarray(start, float), np.subtract(end, start)
    return smooth((points - start) @ way / (way @ way))


class Sculpture:
    """Collects coloured shapes; about half of them get a pattern in a second colour."""

    def __init__(self, rng: Generator) -> None:
        self.rng = rng
        self.parts: list[ColouredMesh] = []
        self.joints: dict[Joint, np.ndarray] = {}
        self.weights: dict[Joint, dict[int, np.ndarray]] = {}  # by part

    def add(
        self,
        shape: Shape,
        colour: np.ndarray,
        plain: bool = False,
        limb: str | None = None,
        side: float = 0.0,
        end: float = 0.0,
        pivot=None,
        rise: tuple | None = None,
        on: str | None = None,
    ) -> None:
        """Add a shape; `plain` keeps it in one colour.

        Shapes of the same (limb, side, end) make one limb; the first one names the pivot (3,). Membership grows over
        `rise`, two points, where the shape continues across the joint. `on` is the limb that this limb hangs on.
        """
        vertices, faces = shape
        colors = np.tile(np.clip(colour, 0.0, 1.0), (len(vertices), 1))
        if not plain and self.rng.uniform() < 0.5:
            second = np.clip(colour * self.rng.uniform(0.4, 1.5) + self.rng.uniform(-0.2, 0.2, 3), 0.0, 1.0)
            share = _pattern(vertices, self.rng)[:, None]
            colors = colors * (1.0 - share) + second * share
        if limb:
            self._join((limb, side, end), ramp(vertices, *rise) if rise else np.ones(len(vertices)), pivot)
        if on:
            self._join((on, 0.0, 0.0), np.ones(len(vertices)), None)
        self.parts.append(ColouredMesh(vertices, faces, colors))

    def _join(self, joint: Joint, weights: np.ndarray, pivot) -> None:
        """Note that the next part belongs to a limb."""
        if joint not in self.joints:
            self.joints[joint], self.weights[joint] = np.array(pivot, float), {}
        self.weights[joint][len(self.parts)] = weights

    def _limb(self, joint: Joint) -> Limb:
        name, side, end = joint
        sizes = [len(part.vertices) for part in self.parts]
        members = [self.weights[joint].get(i, np.zeros(size)) for i, size in enumerate(sizes)]
        return Limb(name, self.joints[joint], np.concatenate(members), side, end)

    def mesh(self) -> ColouredMesh:
        """Everything added so far as one mesh."""
        offsets = np.cumsum([0] + [len(part.vertices) for part in self.parts])
        return ColouredMesh(
            np.concatenate([part.vertices for part in self.parts]),
            np.concatenate([part.faces + offset for part, offset in zip(self.parts, offsets, strict=False)]),
            np.concatenate([part.colors for part in self.parts]),
            tuple(self._limb(joint) for joint in self.joints),
        )
