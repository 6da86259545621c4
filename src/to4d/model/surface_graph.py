"""A mesh's surface as a graph: how far places are from each other along it, and where to put nodes on it."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components, dijkstra
from scipy.spatial import cKDTree


@dataclass(frozen=True)
class SurfaceGraph:
    """Distinct places of a surface, no further apart than its maker was asked for, and the ways between them."""

    points: np.ndarray  # (A, 3) float64
    ways: csr_array  # (A, A) lengths of edges, both ways
    parts: np.ndarray  # (A,) which connected part each is in

    @cached_property
    def tree(self) -> cKDTree:
        """Finds the nearest place."""
        return cKDTree(self.points)

    def nearest(self, points: np.ndarray) -> np.ndarray:
        """(N,) the place that is nearest to each of points (N, 3)."""
        return self.tree.query(points)[1]

    def distances(self, start: np.ndarray, limit: float = np.inf) -> np.ndarray:
        """(K, A) along the surface from K places; inf beyond `limit`, and in parts that cannot be reached."""
        return dijkstra(self.ways, indices=start, limit=limit)

    def reach(self, start: np.ndarray) -> float:
        """How far the furthest place is from the nearest of K, of those that can be reached."""
        far = dijkstra(self.ways, indices=start, min_only=True)
        return float(far[np.isfinite(far)].max())


def surface_graph(vertices: np.ndarray, faces: np.ndarray, longest: float, touch: float) -> SurfaceGraph:
    """The graph of a mesh (N, 3), (M, 3).

    Args:
        vertices: those at one place become one.
        faces: triangles with a longer edge than `longest` are split in four.
        longest: see there.
        touch: places of different parts that are this near belong together: a hat on a head, two halves of a shell.
    """
    points, faces = welded(*divided(np.asarray(vertices, np.float64), np.asarray(faces), longest))
    edges = np.unique(np.sort(faces[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1), axis=0)
    _, parts = connected_components(_graph(points, edges), directed=False)
    near = cKDTree(points).query_pairs(touch, output_type="ndarray")
    near = near[parts[near[:, 0]] != parts[near[:, 1]]]
    ways = _graph(points, np.concatenate([edges, near]))
    return SurfaceGraph(points, ways, connected_components(ways, directed=False)[1])


def _graph(points: np.ndarray, pairs: np.ndarray) -> csr_array:
    """(A, A) lengths between pairs (E, 2) of distinct places."""
    pairs = pairs[pairs[:, 0] != pairs[:, 1]]
    lengths = np.linalg.norm(np.subtract(*points[pairs.T]), axis=1)
    rows, columns = np.concatenate([pairs, pairs[:, ::-1]]).T
    return csr_array((np.concatenate([lengths, lengths]), (rows, columns)), shape=(len(points),) * 2)


def divided(points: np.ndarray, faces: np.ndarray, longest: float) -> tuple[np.ndarray, np.ndarray]:
    """The triangles, those with an edge longer than `longest` split in four, until there are none."""
    done = []
    while len(faces):
        corners = points[faces]
        large = np.linalg.norm(corners - corners[:, [1, 2, 0]], axis=2).max(1) > longest
        done.append(faces[~large])
        faces, middles = faces[large], corners[large] + corners[large][:, [1, 2, 0]]
        ab, bc, ca = len(points) + np.arange(3 * len(faces)).reshape(-1, 3).T
        points = np.concatenate([points, 0.5 * middles.reshape(-1, 3)])
        a, b, c = faces.T
        faces = np.concatenate([np.stack(f, 1) for f in ((a, ab, ca), (b, bc, ab), (c, ca, bc), (ab, bc, ca))])
    return points, np.concatenate(done)


def welded(points: np.ndarray, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distinct places that triangles use, and the triangles between them."""
    used, faces = np.unique(faces, return_inverse=True)
    _, first, number = np.unique(points[used].astype(np.float32), axis=0, return_index=True, return_inverse=True)
    return points[used][first], number.reshape(-1)[faces.reshape(-1, 3)]


def spread(graph: SurfaceGraph, count: int) -> np.ndarray:
    """(count,) places that are far from each other along the surface; every part has one, the largest first.

    Each is the place that is furthest from those before it; the first is the one furthest from the middle.
    """
    size = np.bincount(graph.parts)[graph.parts]
    chosen = [int(np.linalg.norm(graph.points - graph.points.mean(0), axis=1).argmax())]
    nearest = np.full(len(graph.points), np.inf)
    for _ in range(count - 1):
        known = nearest[np.isfinite(nearest)]
        limit = known.max() if len(known) == len(nearest) else np.inf  # no way that is longer can matter
        nearest = np.minimum(nearest, graph.distances(np.array(chosen[-1:]), limit)[0])
        chosen.append(int(np.where(np.isfinite(nearest), nearest, 1e6 + size).argmax()))
    return np.array(chosen)


def thinned(points: np.ndarray, apart: float) -> np.ndarray:
    """(n,) about evenly spread ones of points (A, 3): the first in every cube of edge `apart`."""
    return np.sort(np.unique(np.floor(points / apart).astype(np.int64), axis=0, return_index=True)[1])


def skin_weights(graph: SurfaceGraph, nodes: np.ndarray) -> tuple[np.ndarray, float]:
    """(A, K) smooth shares of every place in K nodes, by distance along the surface, and how far nodes reach.

    A share falls as (1 - (d / 2 r)^2)^2 to zero at twice the reach r, so every place has one from its nearest node.
    Shares of a place add up to 1; those in a part without a node are 0.
    """
    reach = max(graph.reach(nodes), 1e-3)
    near = graph.distances(nodes, 2.0 * reach).T
    share = np.clip(1.0 - (np.where(np.isfinite(near), near, np.inf) / (2.0 * reach)) ** 2, 0.0, None) ** 2
    total = share.sum(1, keepdims=True)
    return share / np.where(total > 0, total, 1.0), reach
