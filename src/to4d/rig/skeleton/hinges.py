"""Where a limb bends: the polyline of few segments that is nearest to its central path."""

import numpy as np
from numpy.typing import NDArray

SAMPLES = 33  # points of the path that may be hinges
SHORTEST = 5  # samples between two hinges


def find_hinges(path: NDArray, segments: int, evenness: float = 0.02) -> NDArray:
    """(segments + 1, 3) the ends of a path and hinges on it, by dynamic programming.

    The cost is the squared distance of the path from the segments over the squared length of the path, and `evenness`
    times the squared differences of the segments' shares of the length from equal ones.

    Args:
        path: (P, 3).
        segments: number of segments.
        evenness: how much segments of equal length are preferred.
    """
    points = even_points(path, SAMPLES)
    length = float(np.linalg.norm(np.diff(path, axis=0), axis=1).sum())
    cost = _segment_costs(points, max(length, 1e-9), segments, evenness)
    best, chosen = cost[0], []
    for _ in range(segments - 1):
        totals = best[:, None] + cost
        chosen.append(totals.argmin(0))
        best = totals.min(0)
    ends = [SAMPLES - 1]
    for previous in reversed(chosen):
        ends.append(int(previous[ends[-1]]))
    return points[[0, *reversed(ends)]]


def _segment_costs(points: NDArray, length: float, segments: int, evenness: float) -> NDArray:
    """(SAMPLES, SAMPLES) cost of a segment from one sample to another, infinite if it is too short."""
    cost = np.full((SAMPLES, SAMPLES), np.inf)
    for start in range(SAMPLES - SHORTEST):
        for end in range(start + SHORTEST, SAMPLES):
            chord = points[end] - points[start]
            chord /= max(float(np.linalg.norm(chord)), 1e-9)
            offset = points[start : end + 1] - points[start]
            away = offset - (offset @ chord)[:, None] * chord
            share = (end - start) / (SAMPLES - 1) - 1 / segments
            cost[start, end] = (away**2).sum() / length**2 + evenness * share**2
    return cost


def even_points(path: NDArray, count: int) -> NDArray:
    """(count, 3) points at equal distances along a path (P, 3), its ends among them."""
    along = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(path, axis=0), axis=1))])
    at = np.linspace(0, along[-1], count)
    return np.stack([np.interp(at, along, axis) for axis in path.T], 1)
