"""Loose pieces of a mesh that must not bend: eyes, buttons, plates of armour, the parts of a robot."""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from to4d.rig.anatomy.surface import Surface

SMALL = 0.15  # diagonal of pieces that are rigid in any case
CLEAR = 0.65  # mean weight of the joint that larger pieces follow rigidly


def make_rigid(surface: Surface, influences: NDArray, weights: NDArray, joints: int) -> tuple[NDArray, NDArray]:
    """Influences and weights (N, K) with one row for all vertices of a rigid piece.

    Small pieces follow the mean of what their vertices would follow, larger ones the joint that clearly prevails.

    Args:
        surface: of the mesh.
        influences: (N, K) joints.
        weights: (N, K).
        joints: number of joints.
    """
    edges = surface.faces[:, [0, 1, 1, 2]].reshape(-1, 2)
    graph = coo_matrix((np.ones(len(edges), np.int8), edges.T), shape=(len(surface.points),) * 2)
    count, of_point = connected_components(graph, directed=False)
    piece = of_point[surface.point_of]
    mean = np.bincount((piece[:, None] * joints + influences).ravel(), weights.ravel(), count * joints)
    mean = mean.reshape(count, joints) / np.bincount(piece, minlength=count)[:, None]
    clear = mean.max(1) >= CLEAR
    mean[clear] = np.eye(joints)[mean[clear].argmax(1)]
    rigid = (clear | (_diagonals(surface, piece, count) < SMALL))[piece]
    best = np.argsort(-mean, axis=1, kind="stable")[:, : influences.shape[1]]
    largest = np.take_along_axis(mean, best, axis=1)
    largest[largest < 0.01] = 0.0
    largest /= largest.sum(1, keepdims=True)
    influences = np.where(rigid[:, None], best[piece], influences)
    return influences, np.where(rigid[:, None], largest[piece], weights).astype(np.float32)


def _diagonals(surface: Surface, piece: NDArray, count: int) -> NDArray:
    """(count,) of the bounding boxes of the pieces."""
    low, high = np.full((count, 3), np.inf), np.full((count, 3), -np.inf)
    np.minimum.at(low, piece, surface.vertices)
    np.maximum.at(high, piece, surface.vertices)
    return np.linalg.norm(high - low, axis=1)
