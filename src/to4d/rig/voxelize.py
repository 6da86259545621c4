"""A surface as a connected solid of voxels, whether it is closed, open, or made of many pieces."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from to4d.kernels.voxels import LENGTHS, OFFSETS, bridge_pieces, count_crossings, mark_surface
from to4d.rig.surface import Surface

PADDING = 3  # empty cells around the solid
AROUND = np.ones((3, 3, 3), bool)
SHIFT = np.array([0.031, 0.037, 0.043])  # of the grid in cells, so that no vertex of a regular mesh lies on a grid line


def voxelize(
    surface: Surface, voxels: int = 60_000, finest: float = 1 / 200, coarsest: float = 1 / 90
) -> tuple[NDArray, NDArray, float]:
    """A connected solid of about `voxels` voxels: (X, Y, Z) bool, the centre of its first cell, and the cell's size.

    Args:
        surface: of size 1.
        voxels: the number aimed at; thin objects have fewer and fat ones more.
        finest: the smallest cell.
        coarsest: the largest.
    """
    cell = coarsest
    cells, origin = fill(surface, cell)
    wanted = float(np.clip(cell * (max(cells.sum(), 1) / voxels) ** (1 / 3), finest, coarsest))
    if wanted < 0.95 * cell:
        cell = wanted
        cells, origin = fill(surface, cell)
    return connect(cells), origin, cell


def fill(surface: Surface, cell: float) -> tuple[NDArray, NDArray]:
    """Cells inside the surface, and sheets without an inside: (X, Y, Z) bool, and the centre of the first cell.

    Winding numbers along the three axes vote; a line that does not end outside crosses a hole and abstains. Cavities
    that the surface closes are inside too, however its faces are turned.
    """
    corners = surface.points[surface.faces].reshape(-1, 3)
    origin = corners.min(0) - cell * (PADDING - SHIFT)
    shape = tuple(np.ceil((corners.max(0) - origin) / cell).astype(int) + PADDING + 1)
    points = (surface.points - origin) / cell
    shell = np.zeros(shape, bool)
    mark_surface(points, surface.faces, shell)
    inside = _vote(points, surface.faces, shape) | (ndimage.binary_fill_holes(shell) & ~shell)
    sheets = shell & ~ndimage.binary_dilation(inside, AROUND)
    return inside | sheets, origin


def _vote(points: NDArray, faces: NDArray, shape: tuple[int, ...]) -> NDArray:
    """Cells that more than half of the axes without holes see inside."""
    votes, voters = np.zeros(shape, np.int8), np.zeros(shape, np.int8)
    for axes in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
        counts = np.zeros([shape[axis] for axis in axes], np.int16)
        count_crossings(np.ascontiguousarray(points[:, axes]), faces, counts)
        winding = np.cumsum(counts, 2, dtype=np.int16)
        whole = np.broadcast_to(winding[:, :, -1:] == 0, winding.shape)
        back = np.argsort(axes)
        voters += whole.transpose(back)
        votes += ((winding > 0) & whole).transpose(back)
    return 2 * votes > voters


def connect(cells: NDArray) -> NDArray:
    """The cells without specks, with the shortest lines of cells between loose pieces."""
    labels, count = ndimage.label(cells, AROUND)
    sizes = np.bincount(labels.ravel(), minlength=count + 1)
    sizes[0] = 0
    keep = sizes >= min(max(6.0, 3e-4 * sizes.sum()), sizes.max())
    if keep.sum() > 1:
        number = np.cumsum(keep) * keep
        flat = _pad_label(number[labels])
        bridges = np.zeros(flat.size, bool)
        steps = OFFSETS @ np.array([cells.shape[1] * cells.shape[2], cells.shape[2], 1])
        bridge_pieces(flat, int(keep.sum()), steps, LENGTHS, bridges)
        return keep[labels] | bridges.reshape(cells.shape)
    return keep[labels]


def _pad_label(labels: NDArray) -> NDArray:
    """Flat labels with -1 in the outermost layer of cells, where nothing may pass."""
    padded = np.full(labels.shape, -1)
    inner = (slice(1, -1),) * 3
    padded[inner] = labels[inner]
    return padded.ravel()
