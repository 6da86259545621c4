"""A moving surface as a few bones and weights: smooth skinning decomposition (Le and Deng, 2012).

Bones are rigid motions, by choice with a size; a point follows at most four, with weights that add up to 1. Clusters of
points that move alike start it; then weights and bones are fitted in turn, each exactly while the others rest.
"""

from dataclasses import dataclass
from itertools import combinations

import numpy as np

MOST = 4  # bones a point
ROUNDS = 5  # of clustering, and of fitting
SEEN = 1500  # points that bones are fitted to; weights are fitted for all
PART = 4000  # points whose weights are fitted at a time
LIGHT = 1e-3  # weights below say nothing


@dataclass(frozen=True)
class FittedSkin:
    """B bones over V frames, as maps of the rest pose: x -> linear x + shift."""

    linear: np.ndarray  # (V, B, 3, 3) a turn times a size
    shift: np.ndarray  # (V, B, 3)
    bones: np.ndarray  # (P, 4) which bones a point follows
    weights: np.ndarray  # (P, 4) how much; 0 beyond those that it needs

    def moved(self, points: np.ndarray) -> np.ndarray:
        """(V, P, 3) where rest points (P, 3) go."""
        each = np.stack([_carried(self, points, slot) for slot in range(self.bones.shape[1])], -1)
        return (each * self.weights[:, None]).sum(-1)


def _carried(rig: FittedSkin, points: np.ndarray, slot: int) -> np.ndarray:
    """(V, P, 3) where each point would go with the bone in one of its slots alone."""
    own = rig.bones[:, slot]
    return np.einsum("vpij,pj->vpi", rig.linear[:, own], points) + rig.shift[:, own]


def fit_skin(points: np.ndarray, places: np.ndarray, count: int, sizes: bool) -> FittedSkin:
    """The rig that moves points (P, 3) to places (V, P, 3) as well as `count` bones can; frame 0 is the rest.

    Args:
        points: at rest.
        places: over time.
        count: of bones, at most.
        sizes: whether bones may grow and shrink.
    """
    some = np.linspace(0, len(points) - 1, min(SEEN, len(points))).astype(int)
    linear, shift = fit_bones(points[some], places[:, some], count, sizes)
    parts = [slice(i, i + PART) for i in range(0, len(points), PART)]
    found = [weights_of(points[part], places[:, part], linear, shift) for part in parts]
    return FittedSkin(linear, shift, *(np.concatenate(x) for x in zip(*found, strict=True)))


def fit_bones(points: np.ndarray, places: np.ndarray, count: int, sizes: bool) -> tuple[np.ndarray, np.ndarray]:
    """Linear parts (V, B, 3, 3) and shifts (V, B, 3) of the bones."""
    shares = np.eye(count)[clusters(points, places, count, sizes)]  # (P, B)
    linear, shift = bones_of(points, places, shares, sizes)
    bones, weights = weights_of(points, places, linear, shift)
    for _ in range(ROUNDS):
        shares = np.zeros_like(shares)
        np.put_along_axis(shares, bones, weights, 1)
        for bone in np.flatnonzero(shares.max(0) > LIGHT):  # each fits what the others leave
            mine = shares[:, bone] > LIGHT
            share = shares[mine, bone]
            part = FittedSkin(linear, shift, bones[mine], weights[mine])
            own = np.einsum("vij,pj->vpi", linear[:, bone], points[mine]) + shift[:, bone, None]
            left = places[:, mine] - part.moved(points[mine]) + share[:, None] * own
            linear[:, bone], shift[:, bone] = best_motion(points[mine], left / share[:, None], share**2, sizes)
        bones, weights = weights_of(points, places, linear, shift)
    return linear, shift


def clusters(points: np.ndarray, places: np.ndarray, count: int, sizes: bool) -> np.ndarray:
    """(P,) which points move alike: the farthest from all before starts a new bone, then each takes the best."""
    paths = np.concatenate([points[None], places - places.mean(1, keepdims=True)]).transpose(1, 0, 2)
    paths = paths.reshape(len(points), -1)
    seeds, far = [0], np.full(len(points), np.inf)
    for _ in range(count - 1):
        far = np.minimum(far, ((paths - paths[seeds[-1]]) ** 2).sum(1))
        seeds.append(int(far.argmax()))
    own = np.stack([((paths - paths[seed]) ** 2).sum(1) for seed in seeds]).argmin(0)
    for _ in range(ROUNDS):
        linear, shift = bones_of(points, places, np.eye(count)[own], sizes)
        own = squared_errors(points, places, linear, shift).argmin(1)
    return own


def bones_of(points: np.ndarray, places: np.ndarray, shares: np.ndarray, sizes: bool) -> tuple[np.ndarray, np.ndarray]:
    """Linear parts (V, B, 3, 3) and shifts (V, B, 3) that fit the points of each bone, by shares (P, B)."""
    linear = np.tile(np.eye(3), (len(places), shares.shape[1], 1, 1))
    shift = np.zeros((len(places), shares.shape[1], 3))
    for bone in np.flatnonzero((shares > LIGHT).sum(0) > 0):
        mine = shares[:, bone] > LIGHT
        linear[:, bone], shift[:, bone] = best_motion(points[mine], places[:, mine], shares[mine, bone], sizes)
    return linear, shift


def best_motion(
    points: np.ndarray, places: np.ndarray, weight: np.ndarray, sizes: bool
) -> tuple[np.ndarray, np.ndarray]:
    """(V, 3, 3), (V, 3) the turn, size and shift from points (P, 3) to places (V, P, 3), weighted (Umeyama, 1991)."""
    weight = weight[:, None] / weight.sum()
    start, goal = (weight * points).sum(0), (weight * places).sum(1)
    a, b = points - start, places - goal[:, None]
    u, stretch, vt = np.linalg.svd(np.einsum("pi,vpj->vji", weight * a, b))
    sign = np.ones_like(stretch)
    sign[:, 2] = np.sign(np.linalg.det(u @ vt))
    turn = (u * sign[:, None]) @ vt
    spread = (weight * a**2).sum()
    size = (stretch * sign).sum(1) / spread if sizes and spread > 1e-12 else np.ones(len(places))
    linear = np.clip(size, 1e-3, None)[:, None, None] * turn
    return linear, goal - linear @ start


def squared_errors(points: np.ndarray, places: np.ndarray, linear: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """(P, B) squared distances, summed over time, between each point's places and where each bone takes it."""
    each = [np.einsum("vij,pj->vpi", linear[:, b], points) + shift[:, b, None] for b in range(linear.shape[1])]
    return np.stack([((x - places) ** 2).sum((0, 2)) for x in each], 1)


def weights_of(
    points: np.ndarray, places: np.ndarray, linear: np.ndarray, shift: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """(P, 4), (P, 4) the four bones that miss each point least, and their best weights >= 0 of sum 1."""
    most = min(MOST, linear.shape[1])
    bones = np.argsort(squared_errors(points, places, linear, shift), axis=1, kind="stable")[:, :most]
    rig = FittedSkin(linear, shift, bones, np.zeros(bones.shape))
    off = np.stack([_carried(rig, points, slot) for slot in range(most)], -1) - places[..., None]  # (V, P, 3, 4)
    cost = np.einsum("vpic,vpid->pcd", off, off)
    weights = simplex_least_squares(cost)
    weights[weights <= LIGHT] = 0.0
    weights /= weights.sum(1, keepdims=True)
    return np.where(weights > 0, bones, 0), weights


def simplex_least_squares(cost: np.ndarray) -> np.ndarray:
    """(P, n) the w >= 0 of sum 1 with the least w' cost w, cost (P, n, n): the best of the best of each subset."""
    n = cost.shape[1]
    ridge = 1e-9 * (np.trace(cost, axis1=1, axis2=2)[:, None, None] + 1e-12) * np.eye(n)
    best, least = np.zeros(cost.shape[:2]), np.full(len(cost), np.inf)
    for subset in (list(s) for size in range(1, n + 1) for s in combinations(range(n), size)):
        inner = (cost + ridge)[:, subset][:, :, subset]
        free = np.linalg.solve(inner, np.ones((len(cost), len(subset), 1)))[..., 0]
        free /= free.sum(1, keepdims=True)
        value = np.einsum("pi,pij,pj->p", free, inner, free)
        better = (free >= 0).all(1) & (value < least)
        least = np.where(better, value, least)
        whole = np.zeros_like(best)
        whole[:, subset] = free
        best = np.where(better[:, None], whole, best)
    return best
