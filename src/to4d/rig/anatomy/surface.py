"""A triangle mesh made ready for voxels: checked, centred, scaled to size 1, welded, with its outside out."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from to4d.errors import InputError

MAX_FACES = 200_000  # beyond this many the rig is made from a lighter mesh
CLUSTERS = 400  # grid cells along the longest side that vertices of a heavy mesh are merged in

NO_AREA = "all triangles of the mesh are degenerate, so there is nothing to rig"


@dataclass(frozen=True, eq=False)
class Surface:
    """A mesh whose bounding box is centred at 0 and has a longest side of 1.

    Points are the places of vertices: vertices at one place, as along the seams of a texture, are one point. Where the
    mesh is heavy a point is the mean of all vertices in a small cell.
    """

    vertices: NDArray  # (N, 3) all vertices given, also those that no face uses
    points: NDArray  # (P, 3)
    point_of: NDArray  # (N,) the point of each vertex
    faces: NDArray  # (M, 3) points of the triangles; closed pieces have their outside out
    centre: NDArray  # (3,)
    scale: float  # a point of the input is centre + scale * point

    def to_input(self, points: NDArray) -> NDArray:
        """Points (..., 3) in the coordinates of the input."""
        return self.centre + self.scale * points

    def normals(self) -> NDArray:
        """(P, 3) unit normals of the points, 0 where they are undefined."""
        a, b, c = self.points[self.faces].transpose(1, 0, 2)
        area = np.cross(b - a, c - a)
        total = np.stack([np.bincount(self.faces.ravel(), np.repeat(x, 3), len(self.points)) for x in area.T], 1)
        return total / np.maximum(np.linalg.norm(total, axis=1, keepdims=True), 1e-12)


def make_surface(vertices: NDArray, faces: NDArray) -> Surface:
    """Check a mesh, vertices (N, 3) and faces (M, 3), and normalise it.

    Raises:
        InputError: if no triangle has an area or a number is not finite.
    """
    vertices, faces = np.asarray(vertices, np.float64), np.asarray(faces, np.int64)
    _check(vertices, faces)
    used = np.zeros(len(vertices), bool)
    used[faces] = True
    low, high = vertices[used].min(0), vertices[used].max(0)
    centre, scale = (low + high) / 2, float((high - low).max())
    if not scale > 0:
        raise InputError(NO_AREA)
    placed = (np.where(np.isfinite(vertices), vertices, centre) - centre) / scale
    points, point_of = _merge(placed, 1e5 if len(faces) <= MAX_FACES else CLUSTERS)
    merged = point_of[faces]
    merged = merged[(merged != np.roll(merged, 1, axis=1)).all(1)]
    if not _area(points, merged) > 1e-9:
        raise InputError(NO_AREA)
    return Surface(placed, points, point_of, turn_outward(points, merged), centre, scale)


def _check(vertices: NDArray, faces: NDArray) -> None:
    if not len(faces):
        raise InputError("a mesh without triangles cannot be rigged")
    if faces.min() < 0 or faces.max() >= len(vertices):
        raise InputError(f"a triangle names vertex {faces.max()}, but there are only {len(vertices)}")
    if not np.isfinite(vertices).all() and not np.isfinite(vertices[np.unique(faces)]).all():
        raise InputError("some vertices of the mesh are not finite numbers; repair it before it is rigged")


def _area(points: NDArray, faces: NDArray) -> float:
    a, b, c = points[faces].transpose(1, 0, 2)
    return float(np.linalg.norm(np.cross(b - a, c - a), axis=1).sum())


def _merge(vertices: NDArray, cells: float) -> tuple[NDArray, NDArray]:
    """The mean place of the vertices in each cell of a grid with `cells` to a unit of length, and the cell of each.

    Vertices that no face uses may be anywhere, and are merged at the border.
    """
    keys = np.round(np.clip(vertices, -1, 1) * cells).astype(np.int64) + (1 << 18)
    _, cell, count = np.unique(keys @ np.array([1 << 40, 1 << 20, 1]), return_inverse=True, return_counts=True)
    return np.stack([np.bincount(cell, axis) for axis in vertices.T], 1) / count[:, None], cell


def turn_outward(points: NDArray, faces: NDArray) -> NDArray:
    """The faces with connected pieces of negative volume turned over."""
    edges = faces[:, [0, 1, 1, 2]].reshape(-1, 2)
    graph = coo_matrix((np.ones(len(edges), np.int8), edges.T), shape=(len(points),) * 2)
    piece = connected_components(graph, directed=False)[1][faces[:, 0]]
    a, b, c = points[faces].transpose(1, 0, 2)
    count = np.maximum(np.bincount(piece), 1)
    middle = np.stack([np.bincount(piece, axis) for axis in ((a + b + c) / 3).T], 1) / count[:, None]
    a, b, c = (corner - middle[piece] for corner in (a, b, c))  # volumes of open pieces must not depend on the place
    volume = np.bincount(piece, np.einsum("ij,ij->i", a, np.cross(b, c)))
    return np.where((volume < 0)[piece][:, None], faces[:, ::-1], faces)
