"""Weights of a skin: the strongest of each vertex, and what each joint moves."""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from to4d.rig.own.file_skeleton import Skeleton

FAR = 0.9  # the far end of what a joint moves: beyond this quantile of the distances from the joint


def strongest(shares: csr_array, most: int) -> tuple[NDArray, NDArray]:
    """The strongest joints of each vertex, in falling order, and their weights, which add up to 1.

    Args:
        shares: (N, J), rows add up to 1.
        most: joints of a vertex, at most.

    Returns:
        influences: (N, K) int64, K as small as all vertices need.
        weights: (N, K) float32.
    """
    shares = csr_array(shares)
    shares.sum_duplicates()
    shares.eliminate_zeros()
    count = shares.shape[0]
    rows = np.repeat(np.arange(count), np.diff(shares.indptr))
    order = np.lexsort((shares.indices, -shares.data, rows))
    place = np.arange(len(rows)) - shares.indptr[rows]  # in its row, once sorted
    width = int(min(most, max(np.diff(shares.indptr).max(initial=1), 1)))
    influences, weights = np.zeros((count, width), np.int64), np.zeros((count, width))
    kept = place < width
    influences[rows[kept], place[kept]] = shares.indices[order][kept]
    weights[rows[kept], place[kept]] = shares.data[order][kept]
    return influences, (weights / weights.sum(1, keepdims=True)).astype(np.float32)


def vertex_areas(vertices: NDArray, faces: NDArray) -> NDArray:
    """(N,) the share of the surface that belongs to each vertex."""
    corners = vertices[faces]
    area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
    each = np.bincount(faces.ravel(), np.repeat(area, 3), len(vertices))
    return each / max(float(each.sum()), 1e-30)


def moved_surface(
    vertices: NDArray, faces: NDArray, influences: NDArray, weights: NDArray, joints: NDArray
) -> tuple[NDArray, NDArray]:
    """The far end (J, 3) of what each joint moves most of all, and the share (J,) of the surface that follows it."""
    count = len(joints)
    areas = vertex_areas(vertices, faces)
    mass = np.bincount(influences.ravel(), (weights * areas[:, None]).ravel(), count)
    tips, first = joints.copy(), influences[:, 0]
    order = np.argsort(first, kind="stable")
    starts = np.searchsorted(first[order], np.arange(count + 1))
    for joint in np.unique(first):
        mine = vertices[order[starts[joint] : starts[joint + 1]]]
        distance = np.linalg.norm(mine - joints[joint], axis=1)
        tips[joint] = mine[distance >= np.quantile(distance, FAR)].mean(0)
    return tips, mass


def skeleton_of(
    names: tuple[str, ...],
    parents: tuple[int, ...],
    joints: NDArray,
    surface: tuple[NDArray, NDArray],
    influences: NDArray,
    weights: NDArray,
) -> Skeleton:
    """A skeleton with what its joints move of a surface, vertices (N, 3) and faces (M, 3)."""
    tips, mass = moved_surface(*surface, influences, weights, joints)
    return Skeleton(names, parents, joints, tips, mass, np.ptp(surface[0], axis=0))
