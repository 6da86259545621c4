"""A mesh's surface as a graph: geodesic distances along it, and where to put control nodes on it."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components, dijkstra
from scipy.spatial import KDTree


@dataclass(frozen=True)
class SurfaceGraph:
    """Distinct points of a surface and the edges between them."""

    points: np.ndarray  # (A, 3) float64
    edge_lengths: csr_array  # (A, A) symmetric
    parts: np.ndarray  # (A,) int, the connected component of each

    @cached_property
    def tree(self) -> KDTree:
        """Of the points."""
        return KDTree(self.points)

    def nearest(self, points: np.ndarray) -> np.ndarray:
        """(N,) int, the point of the graph nearest to each of `points` (N, 3)."""
        return self.tree.query(points)[1]

    def distances(self, start: np.ndarray, limit: float = np.inf) -> np.ndarray:
        """(K, A) geodesic distances from K points; inf beyond `limit`, and in other components."""
        return dijkstra(self.edge_lengths, indices=start, limit=limit)

    def covering_radius(self, start: np.ndarray) -> float:
        """The largest geodesic distance of any point to the nearest of K, within their components."""
        far = dijkstra(self.edge_lengths, indices=start, min_only=True)
        return float(far[np.isfinite(far)].max())


def surface_graph(vertices: np.ndarray, faces: np.ndarray, max_edge: float, merge_distance: float) -> SurfaceGraph:
    """The graph of a mesh (N, 3), (M, 3).

    Args:
        vertices: those at one position become one.
        faces: triangles with an edge longer than `max_edge` are split in four.
        max_edge: world units.
        merge_distance: connects points of different components that are this near, world units: a hat on a head, two
            halves of a shell.
    """
    points, faces = merge_vertices(*subdivide_to_size(np.asarray(vertices, np.float64), np.asarray(faces), max_edge))
    edges = np.unique(np.sort(faces[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1), axis=0)
    _, parts = connected_components(_graph(points, edges), directed=False)
    near = KDTree(points).query_pairs(merge_distance, output_type="ndarray")
    near = near[parts[near[:, 0]] != parts[near[:, 1]]]
    lengths = _graph(points, np.concatenate([edges, near]))
    return SurfaceGraph(points, lengths, connected_components(lengths, directed=False)[1])


def _graph(points: np.ndarray, pairs: np.ndarray) -> csr_array:
    """(A, A) lengths between pairs (E, 2) of distinct points."""
    pairs = pairs[pairs[:, 0] != pairs[:, 1]]
    lengths = np.linalg.norm(np.subtract(*points[pairs.T]), axis=1)
    rows, columns = np.concatenate([pairs, pairs[:, ::-1]]).T
    return csr_array((np.concatenate([lengths, lengths]), (rows, columns)), shape=(len(points),) * 2)


def subdivide_to_size(points: np.ndarray, faces: np.ndarray, max_edge: float) -> tuple[np.ndarray, np.ndarray]:
    """Split triangles with an edge longer than `max_edge` in four, until there are none."""
    done = []
    while len(faces):
        corners = points[faces]
        large = np.linalg.norm(corners - corners[:, [1, 2, 0]], axis=2).max(1) > max_edge
        done.append(faces[~large])
        faces, middles = faces[large], corners[large] + corners[large][:, [1, 2, 0]]
        ab, bc, ca = len(points) + np.arange(3 * len(faces)).reshape(-1, 3).T
        points = np.concatenate([points, 0.5 * middles.reshape(-1, 3)])
        a, b, c = faces.T
        faces = np.concatenate([np.stack(f, 1) for f in ((a, ab, ca), (b, bc, ab), (c, ca, bc), (ab, bc, ca))])
    return points, np.concatenate(done)


def merge_vertices(points: np.ndarray, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distinct points that triangles use, and the triangles between them."""
    used, faces = np.unique(faces, return_inverse=True)
    _, first, number = np.unique(points[used].astype(np.float32), axis=0, return_index=True, return_inverse=True)
    return points[used][first], number.reshape(-1)[faces.reshape(-1, 3)]


def farthest_point_sampling(graph: SurfaceGraph, count: int) -> np.ndarray:
    """(count,) points by geodesic farthest point sampling; every component has one, the largest first.

    The first is the one farthest from the middle.
    """
    size = np.bincount(graph.parts)[graph.parts]
    chosen = [int(np.linalg.norm(graph.points - graph.points.mean(0), axis=1).argmax())]
    nearest = np.full(len(graph.points), np.inf)
    for _ in range(count - 1):
        known = nearest[np.isfinite(nearest)]
        limit = known.max() if len(known) == len(nearest) else np.inf  # no longer path can matter
        nearest = np.minimum(nearest, graph.distances(np.array(chosen[-1:]), limit)[0])
        chosen.append(int(np.where(np.isfinite(nearest), nearest, 1e6 + size).argmax()))
    return np.array(chosen)


def voxel_downsample(points: np.ndarray, size: float) -> np.ndarray:
    """(n,) int, about evenly spread ones of points (A, 3): the first in every voxel of edge `size`."""
    return np.sort(np.unique(np.floor(points / size).astype(np.int64), axis=0, return_index=True)[1])


def geodesic_weights(graph: SurfaceGraph, nodes: np.ndarray) -> tuple[np.ndarray, float]:
    """(A, K) smooth weights of every point in K nodes, by geodesic distance, and the nodes' radius r.

    A weight falls as (1 - (d / 2 r)^2)^2 to zero at 2 r; r is the covering radius, so every point has one from its
    nearest node. The weights of a point add up to 1; those in a component without a node are 0.
    """
    radius = max(graph.covering_radius(nodes), 1e-3)
    near = graph.distances(nodes, 2.0 * radius).T
    weight = np.clip(1.0 - (np.where(np.isfinite(near), near, np.inf) / (2.0 * radius)) ** 2, 0.0, None) ** 2
    total = weight.sum(1, keepdims=True)
    return weight / np.where(total > 0, total, 1.0), radius
