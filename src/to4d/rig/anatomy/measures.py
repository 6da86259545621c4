"""What an anatomy tells about roles, without its voxels: a few numbers for each part and a sample of the solid."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from to4d.rig.anatomy.parts import Anatomy, Part

SAMPLES = 3000  # voxels that stand for the solid
PATH_SAMPLES = 24  # places along a part's central path, tip first


@dataclass(frozen=True)
class BodyMeasures:
    """P parts of a solid, in the coordinates of the solid."""

    tips: NDArray  # (P, 3)
    bases: NDArray  # (P, 3)
    centroids: NDArray  # (P, 3)
    reach: NDArray  # (P,) see `Part`
    level: NDArray  # (P,)
    volume: NDArray  # (P,) share of the solid
    thickness: NDArray  # (P,)
    roundness: NDArray  # (P,)
    flatness: NDArray  # (P,)
    lowest: NDArray  # (P,) y
    tip_counts: NDArray  # (P,)
    taper: NDArray  # (P,) log of the radius near the tip over that farther in
    extents: NDArray  # (P, 3) standard deviations along the principal axes, least first
    points: NDArray  # (S, 3) sampled voxels
    depths: NDArray  # (S,)
    in_part: NDArray  # (S,) bool
    planes: (
        NDArray  # (K, 3) candidates for the sagittal plane: azimuth of the normal, offset, error (NaN: not measured)
    )
    core_covariance: NDArray  # (3, 3) of the deep voxels
    middle: NDArray  # (3,) mean of the solid
    centre: NDArray  # (3,) the body's centre
    core_middle: NDArray  # (3,) mean of the deep voxels
    sizes: NDArray  # (3,) greatest distance from the centre through the solid, greatest depth, volume

    def __len__(self) -> int:
        """The number of parts."""
        return len(self.tips)

    @property
    def farthest(self) -> float:
        """The greatest distance from the centre through the solid."""
        return float(self.sizes[0])

    @property
    def deepest(self) -> float:
        """The greatest depth."""
        return float(self.sizes[1])

    @property
    def content(self) -> float:
        """The volume of the solid."""
        return float(self.sizes[2])


def measure_body(anatomy: Anatomy) -> BodyMeasures:
    """The measures of an anatomy."""
    solid, parts = anatomy.solid, anatomy.parts
    chosen = slice(None, None, max(1, len(solid) // SAMPLES))
    core = solid.points[solid.depth > 0.45 * solid.depth.max()]
    owned = np.any([part.region for part in parts], axis=0) if parts else np.zeros(len(solid), bool)
    planes = np.array([(plane.azimuth, plane.offset, plane.error) for plane in anatomy.planes])
    return BodyMeasures(
        tips=_stack([part.tip for part in parts], 3),
        bases=_stack([part.base for part in parts], 3),
        centroids=_stack([part.centroid for part in parts], 3),
        reach=np.array([part.reach for part in parts]),
        level=np.array([part.level for part in parts]),
        volume=np.array([part.volume / len(solid) for part in parts]),
        thickness=np.array([part.thickness for part in parts]),
        roundness=np.array([part.roundness for part in parts]),
        flatness=np.array([part.flatness for part in parts]),
        lowest=np.array([part.lowest for part in parts]),
        tip_counts=np.array([len(part.tips) for part in parts]),
        taper=np.array([_taper(part) for part in parts]),
        extents=_stack([_extents(solid.points[part.region]) for part in parts], 3),
        points=solid.points[chosen],
        depths=solid.depth[chosen],
        in_part=owned[chosen],
        planes=with_long_axis(planes, np.cov(core.T), core.mean(0)),
        core_covariance=np.cov(core.T),
        middle=solid.points.mean(0),
        centre=solid.points[anatomy.tree.centre],
        core_middle=core.mean(0),
        sizes=np.array([anatomy.tree.distance.max(), solid.depth.max(), len(solid) * solid.cell**3]),
    )


def _stack(rows: list[NDArray], width: int) -> NDArray:
    return np.stack(rows) if rows else np.zeros((0, width))


def _taper(part: Part) -> float:
    radii = part.radii[np.linspace(0, len(part.radii) - 1, PATH_SAMPLES).astype(int)]
    return float(np.log((np.median(radii[:6]) + 0.003) / (np.median(radii[8:14]) + 0.003)))


def _extents(points: NDArray) -> NDArray:
    if len(points) < 4:
        return np.full(3, 1e-3)
    return np.sqrt(np.maximum(np.linalg.eigvalsh(np.cov(points.T)), 1e-9))


def with_long_axis(planes: NDArray, covariance: NDArray, middle: NDArray) -> NDArray:
    """The candidates (K, 3), and the plane along the horizontal long axis of a trunk where none is within 8 degrees."""
    _, axes = np.linalg.eigh(covariance[np.ix_([0, 2], [0, 2])])
    azimuth = float(np.arctan2(axes[0, 1], axes[1, 1]) + np.pi / 2)
    turns = abs((azimuth - planes[:, 0] + np.pi / 2) % np.pi - np.pi / 2)
    if (turns < np.deg2rad(8)).any():
        return planes
    offset = middle[[0, 2]] @ [np.sin(azimuth), np.cos(azimuth)]
    return np.concatenate([planes, [[azimuth, offset, np.nan]]])
