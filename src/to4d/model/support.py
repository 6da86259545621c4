"""The support of a static field: a voxel mask of the cells at the surface of the mesh; elsewhere it is empty.

Nothing supervises the field away from the surface; without a support, motion would bring those regions into view as
haze.
"""

import torch
from torch import Tensor, nn

from to4d.kernels.voxel_mask import dilate, voxelize


class Support(nn.Module):
    """A voxel mask over [-1, 1]^3, all set until it starts from a surface."""

    cells: Tensor  # (G, G, G) uint8

    def __init__(self, resolution: int) -> None:
        super().__init__()
        self.register_buffer("cells", torch.ones((resolution,) * 3, dtype=torch.uint8))

    def start_from(self, points: Tensor) -> None:
        """Set the cells of surface points (N, 3) and their neighbours, clear the others."""
        self.cells.copy_(dilate(voxelize(points.to(self.cells.device), len(self.cells))[None], 1)[0])

    def inside(self, points: Tensor) -> Tensor:
        """(N, 3) -> (K,) int64: which of the points are inside."""
        size = len(self.cells)
        index = ((points.detach() + 1) * (size / 2)).floor().long()
        valid = ((index >= 0) & (index < size)).all(-1)
        i, j, k = index.clamp_(0, size - 1).unbind(-1)
        return (valid & (self.cells.view(-1)[(i * size + j) * size + k] > 0)).nonzero()[:, 0]
