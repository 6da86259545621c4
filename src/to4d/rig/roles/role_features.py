"""Numbers, free of scale, that tell what a part, a body or its front is."""

import numpy as np
from numpy.typing import NDArray

from to4d.rig.roles.body_view import BodyView

SHEET, LARGE_SHEET = 0.17, 0.25  # of roundness times flatness: fins, wings, capes and blades are below


def part_features(view: BodyView) -> NDArray:
    """(P, 42) of each part: where it is, how it points, its shape, its partner, and how it ranks among the others."""
    if len(view) == 0:
        return np.zeros((0, 42))
    return np.concatenate([_places(view), _shapes(view), _partners(view), _ranks(view)], 1)


def _places(view: BodyView) -> NDArray:
    columns = []
    for place in (view.tips, view.bases, view.centroids):
        columns += [abs(place[:, 0]), place[:, 1] / view.extent[1], place[:, 2] / view.extent[2]]
    way, rise = view.directions, view.tips - view.bases
    columns += [way[:, 0] * np.where(view.sides < 0, -1, 1), way[:, 1], way[:, 2], rise[:, 1], rise[:, 2]]
    columns += [view.tips[:, 2] - view.centre[2], view.centroids[:, 1] - view.centre[1]]
    return np.stack(columns, 1)


def _shapes(view: BodyView) -> NDArray:
    measures = view.measures
    sheet = np.log(np.maximum(measures.roundness * measures.flatness, 0) + 0.01)
    columns = [view.lengths, measures.reach / measures.farthest, measures.level / measures.reach]
    columns += [np.log(measures.volume + 1e-4), measures.thickness / measures.deepest]
    columns += [measures.roundness, measures.flatness, sheet, np.log(measures.tip_counts + 1.0), view.lows]
    columns += [measures.taper, measures.extents[:, 1] / measures.extents[:, 2]]
    columns += [measures.extents[:, 0] / measures.extents[:, 1]]
    return np.stack(columns, 1)


def partners(view: BodyView) -> tuple[NDArray, NDArray]:
    """(P,) the part most like the mirror image of each, and (P,) bool whether that is mutual."""
    if len(view) == 0:
        return np.zeros(0, np.int64), np.zeros(0, bool)
    partner = view.unlikeness.argmin(1)
    like = view.unlikeness.min(1) < 1
    return partner, (partner[partner] == np.arange(len(partner))) & like


def _partners(view: BodyView) -> NDArray:
    _, mutual = partners(view)
    return np.stack([np.minimum(view.unlikeness.min(1), 1.0), mutual], 1)


def _ranks(view: BodyView) -> NDArray:
    """How the parts compare with the others, and what the whole is like."""
    count, standing = len(view), view.standing
    _, mutual = partners(view)
    front, feet = view.tips[:, 2], view.tips[standing, 2]
    ahead = np.array([(feet < z - 0.05).sum() - (feet > z + 0.05).sum() for z in front]) / max(len(feet), 1)
    columns = [front - (feet.mean() if len(feet) else 0.0), ahead]
    columns += [_share_above(view.tips[:, 1]), _share_above(view.centroids[:, 2])]
    columns += [(view.measures.volume[None] > view.measures.volume[:, None]).mean(1)]
    whole = [*view.extent, min(len(feet), 8) / 4, min((mutual & standing).sum(), 8) / 4, np.log(count)]
    return np.concatenate([np.stack(columns, 1), np.tile(whole, (count, 1))], 1)


def _share_above(values: NDArray) -> NDArray:
    return (values[None] > values[:, None] + 0.02).mean(1)


def body_features(view: BodyView) -> NDArray:
    """(29,) of the whole, which do not change where front and back are exchanged."""
    measures, points = view.measures, view.points
    axes = np.sqrt(np.maximum(np.linalg.eigvalsh(measures.core_covariance), 1e-9))
    turned = view.frame.axes @ measures.core_covariance @ view.frame.axes.T
    core = np.sqrt(np.maximum(np.diag(turned), 1e-9)) / view.scale
    low = points[:, 1] < 0.07 * view.extent[1]
    foot = np.ptp(points[low], axis=0) if low.sum() > 3 else np.zeros(3)
    content = measures.content / view.scale**3 / np.prod(view.extent)
    depths = np.quantile(measures.depths, [0.5, 0.9, 1.0]) / view.scale
    whole = [*view.extent, content, measures.in_part.mean(), *depths, *axes[:2] / axes[2], *core, foot[0], foot[2]]
    whole += [low.mean(), points[:, 1].mean() / view.extent[1], measures.farthest / view.scale]
    return np.array([*whole, *_part_statistics(view)])


def _part_statistics(view: BodyView) -> list[float]:
    """The numbers, sizes and places of all parts (11)."""
    if len(view) == 0:
        return [0.0] * 11
    measures, standing = view.measures, view.standing
    sheet, longest = measures.roundness * measures.flatness, np.zeros(3)
    longest[: len(view)] = np.sort(view.lengths)[::-1][:3]
    feet = np.ptp(view.tips[standing], axis=0) if standing.any() else np.zeros(3)
    sheets = measures.volume[sheet < LARGE_SHEET].max(initial=0.0)
    counts = [standing.sum(), len(view), (sheet < SHEET).sum(), (view.unlikeness.min(1) < 0.25).sum()]
    return [*counts, *longest, measures.volume.max(), sheets, feet[0], feet[2]]


def facing_features(view: BodyView) -> NDArray:
    """(12,) that change their sign where front and back are exchanged."""
    points, depths = view.points, view.measures.depths
    height, front = points[:, 1] / view.extent[1], points[:, 2]
    mean = front.mean()

    def place(chosen: NDArray) -> float:
        return float(front[chosen].mean()) if chosen.sum() > 5 else float(mean)

    def between(low: float, high: float) -> float:
        return place((height > low) & (height < high))

    fore, aft = front > np.quantile(front, 0.9), front < np.quantile(front, 0.1)
    feet = [5 * (between(-1, 0.05) - between(0.1, 0.2)), 5 * (between(-1, 0.08) - between(0.15, 0.35))]
    trunk = [3 * (between(0.85, 2) - mean), 5 * (between(0.5, 0.75) - mean), 3 * (between(-1, 0.15) - mean)]
    mass = [5 * np.average(front, weights=depths), front[np.argmax(height)] - mean, 3 * np.median(front)]
    ends = [height[fore].mean() - height[aft].mean(), np.log(depths[fore].mean() / depths[aft].mean())]
    ends += [3 * (points[fore, 0].std() - points[aft, 0].std()), -2 * view.centre[2]]
    return np.array([*feet, *trunk, *mass, *ends])
