"""Variants of measured bodies, without measuring anew: other proportions, parts that were missed, places off."""

from dataclasses import replace

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from to4d.rig.anatomy.frame import Frame
from to4d.rig.anatomy.measures import BodyMeasures
from to4d_lab.rig.labelled import LabelledBody

STRETCH = 0.12  # standard deviation of the log of the factor along each own axis
MISSED = 0.07  # chance that a part was not found
OFF = 0.01  # standard deviation of tips and bases
PER_PART = ("tips", "bases", "centroids", "reach", "level", "volume", "thickness", "roundness", "flatness", "lowest")
PER_PART = (*PER_PART, "tip_counts", "taper", "extents")


def vary(body: LabelledBody, rng: Generator) -> LabelledBody:
    """A random variant."""
    kept = rng.uniform(size=len(body.measures)) > MISSED
    measures = _without(body.measures, kept)
    measures = _stretched(measures, Frame(body.front, np.zeros(3)), np.exp(rng.normal(0, STRETCH, 3)))
    tips, bases = (x + rng.normal(0, OFF, x.shape) for x in (measures.tips, measures.bases))
    roles = tuple(role for role, keep in zip(body.roles, kept, strict=True) if keep)
    return replace(body, measures=replace(measures, tips=tips, bases=bases), roles=roles, weights=body.weights[kept])


def _without(measures: BodyMeasures, kept: NDArray) -> BodyMeasures:
    return replace(measures, **{name: getattr(measures, name)[kept] for name in PER_PART})


def _stretched(measures: BodyMeasures, frame: Frame, factors: NDArray) -> BodyMeasures:
    """The body with its own axes times factors (3,), about its middle."""
    stretch = frame.axes.T @ np.diag(factors) @ frame.axes

    def place(points: NDArray) -> NDArray:
        return (points - measures.middle) @ stretch + measures.middle

    size = float(np.prod(factors) ** (1 / 3))
    way = measures.tips - measures.centre
    longer = np.linalg.norm(way @ stretch, axis=1) / np.maximum(np.linalg.norm(way, axis=1), 1e-6)
    reach = measures.reach * longer
    low = place(np.stack([measures.middle[0] + 0 * measures.lowest, measures.lowest, 0 * measures.lowest], 1))[:, 1]
    return replace(
        measures,
        tips=place(measures.tips),
        bases=place(measures.bases),
        centroids=place(measures.centroids),
        reach=reach,
        level=measures.level * longer,
        lowest=low,
        thickness=measures.thickness * size,
        extents=measures.extents * size,
        points=place(measures.points),
        depths=measures.depths * size,
        planes=_stretched_planes(measures, stretch),
        core_covariance=stretch @ measures.core_covariance @ stretch,
        centre=place(measures.centre),
        core_middle=place(measures.core_middle),
        sizes=measures.sizes * [max(reach.max(initial=0.0) / measures.farthest, size), size, size**3],
    )


def _stretched_planes(measures: BodyMeasures, stretch: NDArray) -> NDArray:
    azimuth, offset, error = measures.planes.T
    normals = np.stack([np.sin(azimuth), 0 * azimuth, np.cos(azimuth)], 1)
    turned = normals @ np.linalg.inv(stretch)
    length = np.linalg.norm(turned, axis=1)
    turned /= length[:, None]
    beyond = (offset - normals @ measures.middle) / length
    return np.stack([np.arctan2(turned[:, 0], turned[:, 2]), beyond + turned @ measures.middle, error], 1)
