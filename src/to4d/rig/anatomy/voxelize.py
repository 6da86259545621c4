"""A surface as a connected solid of voxels, whether it is closed, open, or made of many pieces."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from to4d.kernels.voxels import LENGTHS, OFFSETS, bridge_pieces, count_crossings, mark_surface
from to4d.rig.anatomy.surface import Surface

PADDING = 3  # empty cells around the solid
AROUND = np.ones((3, 3, 3), bool)
SHIFT = np.array([0.031, 0.037, 0.043])  # of the grid in cells, so that no vertex of a regular mesh lies on a grid line


@dataclass(frozen=True, eq=False)
class Voxels:
    """A solid on a grid."""

    filled: NDArray  # (X, Y, Z) bool
    gaps: NDArray  # (3, X, Y, Z) bool: between a cell and the one before it along each axis the surface is crossed
    origin: NDArray  # (3,) centre of the first cell
    cell: float  # size of a cell


def voxelize(surface: Surface, voxels: int = 60_000, finest: float = 1 / 200, coarsest: float = 1 / 90) -> Voxels:
    """A connected solid of about `voxels` voxels.

    Args:
        surface: of size 1.
        voxels: the number aimed at; thin objects have fewer and fat ones more.
        finest: the smallest cell.
        coarsest: the largest.
    """
    solid = fill(surface, coarsest)
    wanted = float(np.clip(coarsest * (max(solid.filled.sum(), 1) / voxels) ** (1 / 3), finest, coarsest))
    if wanted < 0.95 * coarsest:
        solid = fill(surface, wanted)
    return replace(solid, filled=connect(solid.filled))


def fill(surface: Surface, cell: float) -> Voxels:
    """The cells inside the surface, and sheets without an inside.

    Winding numbers along the three axes vote; a line that does not end outside crosses a hole and abstains. Cavities
    that the surface closes are inside too, however its faces are turned.
    """
    corners = surface.points[surface.faces].reshape(-1, 3)
    origin = corners.min(0) - cell * (PADDING - SHIFT)
    shape = tuple(np.ceil((corners.max(0) - origin) / cell).astype(int) + PADDING + 1)
    points = (surface.points - origin) / cell
    shell = np.zeros(shape, bool)
    mark_surface(points, surface.faces, shell)
    inside, gaps = _vote(points, surface.faces, shape)
    inside |= ndimage.binary_fill_holes(shell) & ~shell
    sheets = shell & ~ndimage.binary_dilation(inside, AROUND)
    return Voxels(inside | sheets, gaps, origin, cell)


def _vote(points: NDArray, faces: NDArray, shape: tuple[int, ...]) -> tuple[NDArray, NDArray]:
    """Cells (X, Y, Z) that more than half of the axes without holes see inside, and gaps (3, X, Y, Z)."""
    votes, voters = np.zeros(shape, np.int8), np.zeros(shape, np.int8)
    gaps = np.zeros((3, *shape), bool)
    for axes in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
        along = tuple(shape[axis] for axis in axes)
        counts, first_exit = np.zeros(along, np.int16), np.full(along, np.inf, np.float32)
        last_entry = np.full(along, -np.inf, np.float32)
        count_crossings(np.ascontiguousarray(points[:, axes]), faces, counts, first_exit, last_entry)
        winding = np.cumsum(counts, 2, dtype=np.int16)
        whole = np.broadcast_to(winding[:, :, -1:] == 0, winding.shape)
        back = np.argsort(axes)
        voters += whole.transpose(back)
        votes += ((winding > 0) & whole).transpose(back)
        out_and_in = whole & (first_exit < last_entry) & (winding > 0)
        out_and_in[:, :, 1:] &= winding[:, :, :-1] == 1
        gaps[axes[2]] = out_and_in.transpose(back)
    return 2 * votes > voters, gaps


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
