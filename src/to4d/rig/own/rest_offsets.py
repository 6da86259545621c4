"""Skins whose rest pose is not their bind pose: where each joint alone would put the vertices at rest.

A skin places the vertex p at sum_k w_k M_k B_k p, with the world matrices M of the joints and the inverse bind matrices
B. In the bind pose all M_k B_k p are one point; in another rest pose they are not, and each moves with its own joint.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, vstack

from to4d.gltf.animation import Animation
from to4d.gltf.primitives import Primitive
from to4d.rig.own.nodes import OwnNodes, columns_of

SAME = 1e-6  # share of the size: a rest pose that is nearer to the bind pose is the bind pose


def rest_offsets(
    animation: Animation, own: OwnNodes, order: NDArray, influences: NDArray, weights: NDArray
) -> NDArray | None:
    """(N, K, 3) float64 from each vertex to where its joints alone would put it at rest, in the file's coordinates.

    Args:
        animation: the file.
        own: its joints.
        order: (N,) vertices of the file, see `to4d.gltf.vertex_order`.
        influences: (N, K) joints of these, places in `own.nodes`.
        weights: (N, K) that add up to 1.

    Returns:
        Offsets whose weighted mean is 0, or None where the rest pose is the bind pose.
    """
    world = animation.nodes.world((), np.zeros(1))
    places = {node: place for place, node in enumerate(own.nodes)}
    parts = [_moments(primitive, world, places) for primitive in animation.primitives]
    rows = np.arange(len(order))[:, None]
    shares = _entries(own.shares[order], rows, influences)
    moments = [_entries(csr_array(vstack(axis))[order], rows, influences) for axis in zip(*parts, strict=True)]
    offsets = np.stack(moments, 2) / np.where(shares > 0, shares, 1.0)[..., None]
    offsets = np.where((weights > 0)[..., None], offsets, 0.0)
    size = np.ptp(animation.vertices()[order], axis=0).max()
    if np.abs(offsets).max(initial=0.0) <= SAME * size:
        return None
    return offsets - (weights[..., None] * offsets).sum(1, keepdims=True)


def _moments(primitive: Primitive, world: NDArray, places: dict[int, int]) -> list[csr_array]:
    """Of each axis (n, J): weights times offsets of a primitive's vertices; 0 without a skin."""
    if primitive.skin is None or primitive.shares is None:
        return [csr_array((len(primitive.points), len(places)))] * 3
    still = np.zeros(1)
    shares, bind, rest = primitive.shares.tocoo(), primitive.shapes((), still)[0], primitive.at(world, (), still)[0]
    carried = (world[0, primitive.skin.joints] @ primitive.skin.inverse)[shares.col]
    offsets = (carried[:, :3, :3] @ bind[shares.row][..., None])[..., 0] + carried[:, :3, 3] - rest[shares.row]
    columns = columns_of(primitive.skin, places)
    return [csr_array((shares.data * axis, (shares.row, shares.col)), shares.shape) @ columns for axis in offsets.T]


def _entries(matrix: csr_array, rows: NDArray, columns: NDArray) -> NDArray:
    """The entries of a sparse matrix at rows (N, 1) and columns (N, K): (N, K)."""
    every = np.broadcast_to(rows, columns.shape)
    return np.asarray(csr_array(matrix)[every.ravel(), columns.ravel()]).reshape(columns.shape)
