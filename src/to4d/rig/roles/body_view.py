"""A measured body seen in a frame: left, up and front in shares of its longest extent."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from to4d.rig.anatomy.frame import Frame
from to4d.rig.anatomy.measures import BodyMeasures

MIRROR = np.array([-1.0, 1.0, 1.0])
ALIGNED = np.cos(np.deg2rad(12))  # a plane whose normal is this near to the left axis is the sagittal plane


@dataclass(frozen=True)
class BodyView:
    """P parts and S sampled voxels; heights count from the ground, front from the middle of the body."""

    measures: BodyMeasures
    frame: Frame
    scale: float  # longest extent, in the solid's units
    extent: NDArray  # (3,) at most 1
    tips: NDArray  # (P, 3)
    bases: NDArray  # (P, 3)
    centroids: NDArray  # (P, 3)
    points: NDArray  # (S, 3)
    centre: NDArray  # (3,)
    lengths: NDArray  # (P,)
    lows: NDArray  # (P,) heights of the lowest tips, shares of the body's height
    sides: NDArray  # (P,) how far to the left each part is
    unlikeness: NDArray  # (P, P) how far a part is from the mirror image of another
    standing: NDArray  # (P,) bool, whether a part comes down to the ground

    def __len__(self) -> int:
        """The number of parts."""
        return len(self.tips)

    @property
    def directions(self) -> NDArray:
        """(P, 3) unit vectors from base to tip."""
        way = self.tips - self.bases
        return way / np.maximum(np.linalg.norm(way, axis=1, keepdims=True), 1e-6)


def view_body(measures: BodyMeasures, frame: Frame) -> BodyView:
    """The body in a frame."""
    points = frame.to_body(measures.points)
    low, high = points.min(0), points.max(0)
    scale = float((high - low).max())
    corner = np.array([0.0, low[1], (low[2] + high[2]) / 2])
    tips, bases, centroids, centre, points = (
        (frame.to_body(x) - corner) / scale
        for x in (measures.tips, measures.bases, measures.centroids, measures.centre, measures.points)
    )
    extent = (high - low) / scale
    lengths = (measures.reach - measures.level) / scale
    lows = ((measures.lowest - frame.origin[1]) - low[1]) / (high - low)[1]
    sides = (tips[:, 0] + bases[:, 0] + centroids[:, 0]) / 3
    way = tips - bases
    down = way[:, 1] / np.maximum(np.linalg.norm(way, axis=1), 1e-6)
    return BodyView(
        measures,
        frame,
        scale,
        extent,
        tips,
        bases,
        centroids,
        points,
        centre,
        lengths,
        lows,
        sides,
        _unlikeness((tips, bases, centroids), lengths, measures.volume, sides),
        (lows < 0.12) & (down < -0.35),
    )


def _unlikeness(places: tuple[NDArray, ...], lengths: NDArray, volumes: NDArray, sides: NDArray) -> NDArray:
    """(P, P) between parts of different sides; at least 9 between those of one side."""
    gaps = [np.linalg.norm((place * MIRROR)[:, None] - place[None], axis=2) for place in places]
    length, volume = np.log(np.maximum(lengths, 0.01)), np.log(volumes)
    unlike = sum(gaps) / 3 + 0.15 * abs(length[:, None] - length) + 0.05 * abs(volume[:, None] - volume)
    left = sides > 0
    return unlike + 9.0 * (left[:, None] == left[None])


def frame_facing(measures: BodyMeasures, front: float) -> Frame:
    """The frame with a known front: about the candidate plane that it lies in, or else through the deep voxels."""
    left = Frame(front, np.zeros(3)).axes[0]
    offset = float(measures.core_middle @ left)
    normals = np.stack([np.sin(measures.planes[:, 0]), 0 * measures.planes[:, 0], np.cos(measures.planes[:, 0])], 1)
    best = int(np.argmax(abs(normals @ left)))
    if abs(normals[best] @ left) > ALIGNED:
        offset = float(measures.planes[best, 1] * np.sign(normals[best] @ left))
    return Frame(front, measures.middle - (measures.middle @ left - offset) * left)


def frames_of_plane(measures: BodyMeasures, number: int) -> tuple[Frame, Frame]:
    """The two frames whose sagittal plane is a candidate."""
    azimuth, offset, _ = measures.planes[number]
    normal = np.array([np.sin(azimuth), 0.0, np.cos(azimuth)])
    origin = measures.middle - (measures.middle @ normal - offset) * normal
    return Frame(azimuth + np.pi / 2, origin), Frame(azimuth - np.pi / 2, origin)
