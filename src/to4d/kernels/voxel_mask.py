"""Voxel masks over [-1, 1]^3, as uint8."""

import torch
from torch import Tensor


def voxelize(points: Tensor, resolution: int) -> Tensor:
    """The mask (G, G, G) of cells that hold points (N, 3); points outside count for the nearest border cell."""
    index = ((points + 1) * (resolution / 2)).long().clamp(0, resolution - 1)
    cells = torch.zeros((resolution,) * 3, dtype=torch.uint8, device=points.device)
    cells[tuple(index.T)] = 1
    return cells


def dilate(cells: Tensor, margin: int) -> Tensor:
    """Masks (T, G, G, G) dilated by `margin` cells in all directions, diagonals too."""
    for axis in (1, 2, 3):
        for _ in range(margin):
            cells = dilate_along(cells, axis)
    return cells


def dilate_along(cells: Tensor, axis: int) -> Tensor:
    """The mask dilated by one cell along an axis."""
    grown, size = cells.clone(), cells.shape[axis]
    grown.narrow(axis, 1, size - 1).bitwise_or_(cells.narrow(axis, 0, size - 1))
    grown.narrow(axis, 0, size - 1).bitwise_or_(cells.narrow(axis, 1, size - 1))
    return grown
