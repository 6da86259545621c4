"""A triangle mesh made ready for voxels: checked, centred, scaled to size 1, not too heavy, with its outside out."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from to4d.errors import InputError

MAX_FACES = 200_000  # beyond this many the rig is made from a lighter mesh
CLUSTERS = 400  # grid cells along the longest side that vertices of a heavy mesh are merged in


@dataclass(frozen=True)
class Surface:
    """A mesh whose bounding box is centred at 0 and has a longest side of 1."""

    vertices: NDArray  # (N, 3) all vertices given, also those that no face uses
    points: NDArray  # (P, 3) those of the lighter mesh
    faces: NDArray  # (M, 3) of the lighter mesh, closed pieces with their outside out
    centre: NDArray  # (3,)
    scale: float  # a point of the input is centre + scale * point

    def to_input(self, points: NDArray) -> NDArray:
        """Points (..., 3) in the coordinates of the input."""
        return self.centre + self.scale * points


def make_surface(vertices: NDArray, faces: NDArray) -> Surface:
    """Check a mesh, vertices (N, 3) and faces (M, 3), and normalise it.

    Raises:
        InputError: if no triangle has an area or a number is not finite.
    """
    vertices, faces = np.asarray(vertices, np.float64), np.asarray(faces, np.int64)
    _check(vertices, faces)
    used = vertices[np.unique(faces)]
    low, high = used.min(0), used.max(0)
    centre, scale = (low + high) / 2, float((high - low).max())
    placed = (vertices - centre) / scale
    points, light = cluster_vertices(placed, faces) if len(faces) > MAX_FACES else (placed, faces)
    return Surface(placed, points, turn_outward(points, light), centre, scale)


def _check(vertices: NDArray, faces: NDArray) -> None:
    if not len(faces):
        raise InputError("a mesh without triangles cannot be rigged")
    if faces.min() < 0 or faces.max() >= len(vertices):
        raise InputError(f"a triangle names vertex {faces.max()}, but there are only {len(vertices)}")
    corners = vertices[faces]
    if not np.isfinite(corners).all():
        raise InputError("some vertices of the mesh are not finite numbers; repair it before it is rigged")
    extent = np.ptp(corners.reshape(-1, 3), axis=0).max()
    area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1).sum()
    if not area > 1e-9 * extent**2:
        raise InputError("all triangles of the mesh are degenerate, so there is nothing to rig")


def cluster_vertices(points: NDArray, faces: NDArray) -> tuple[NDArray, NDArray]:
    """The mesh with all vertices of one cell of a grid merged into their mean; closed surfaces stay closed."""
    cells = np.floor((points - points[np.unique(faces)].min(0)) * CLUSTERS).astype(np.int64)
    _, cluster, count = np.unique(cells @ np.array([1 << 40, 1 << 20, 1]), return_inverse=True, return_counts=True)
    merged = np.stack([np.bincount(cluster, x) for x in points.T], 1) / count[:, None]
    light = cluster[faces]
    degenerate = (light == np.roll(light, 1, axis=1)).any(1)
    return merged, light[~degenerate] if not degenerate.all() else light


def turn_outward(points: NDArray, faces: NDArray) -> NDArray:
    """The faces with connected pieces of negative volume turned over; vertices at one place count as one."""
    keys = np.round(points * 1e5).astype(np.int64) + (1 << 20)
    _, weld = np.unique(keys @ np.array([1 << 42, 1 << 21, 1]), return_inverse=True)
    edges = weld[faces][:, [0, 1, 1, 2]].reshape(-1, 2)
    graph = coo_matrix((np.ones(len(edges), np.int8), edges.T), shape=(weld.max() + 1,) * 2)
    piece = connected_components(graph, directed=False)[1][weld[faces[:, 0]]]
    a, b, c = points[faces].transpose(1, 0, 2)
    middle = np.stack([np.bincount(piece, x) for x in ((a + b + c) / 3).T], 1) / np.bincount(piece)[:, None]
    a, b, c = (corner - middle[piece] for corner in (a, b, c))  # volumes of open pieces must not depend on the place
    volume = np.bincount(piece, np.einsum("ij,ij->i", a, np.cross(b, c)))
    return np.where((volume < 0)[piece][:, None], faces[:, ::-1], faces)
