"""A 4D occupancy grid, by which the renderer skips empty space.

It starts from the surface of the mesh and follows the field: `update` samples the field around what is occupied, keeps
the dense cells, and adds a margin in space and time, so that growth and motion are never cut off. A field that moves by
a rig is known to be where the joints take the cells of the mesh.
"""

from typing import Any

import torch
from torch import Generator, Tensor, nn

from to4d.errors import RENDERING, memory_of
from to4d.kernels.march import OccupiedCells
from to4d.kernels.voxel_mask import dilate, dilate_along, voxelize
from to4d.protocols import Field, RiggedField
from to4d.types import Mesh

CHUNK = 2**18  # points a query
MOMENTS = 3  # of each interval of time, in which cells are followed


class Occupancy(nn.Module):
    """`bits[i]` is the voxel mask for times [i / bins, (i + 1) / bins), over [-1, 1]^3; at first all are occupied.

    Args:
        resolution: cells along an axis, a multiple of 4.
        bins: intervals of time.
        margin: cells kept around what is dense.
        min_density: from which a cell counts as dense, per world unit of length.
    """

    bits: Tensor  # (bins, G, G, G) uint8
    start: Tensor  # (G, G, G) uint8, the cells of the mesh

    def __init__(self, resolution: int = 64, bins: int = 16, margin: int = 1, min_density: float = 1.0) -> None:
        super().__init__()
        if resolution % 4 or resolution < 4 or bins < 1 or margin < 1:
            raise ValueError(
                f"occupancy needs a resolution that is a multiple of 4, got {resolution=} {bins=} {margin=}"
            )
        self.resolution, self.margin, self.min_density = resolution, margin, min_density
        self.register_buffer("bits", torch.ones((bins, *(resolution,) * 3), dtype=torch.uint8))
        self.register_buffer("start", torch.ones((resolution,) * 3, dtype=torch.uint8))
        self.cells = OccupiedCells.of(self.bits)

    def from_points(self, points: Tensor) -> None:
        """Occupy, at all times, the cells of surface points (N, 3) and their neighbours."""
        self.start.copy_(dilate(voxelize(points.to(self.start.device), self.resolution)[None], 1)[0])
        self.bits.copy_(self.start.expand_as(self.bits))
        self.cells = OccupiedCells.of(self.bits)

    def bin_of(self, times: Tensor) -> Tensor:
        """Times in [0, 1) -> int64 index into `bits`."""
        return (times * len(self.bits)).long().clamp(0, len(self.bits) - 1)

    @torch.no_grad()
    @memory_of(RENDERING)
    def update(self, field: Field, generator: Generator) -> None:
        """Follow the field: sample it where it was and `margin` cells further. The cells of the mesh stay."""
        if isinstance(field, RiggedField):
            self.bits.copy_(dilate(self._moved_cells(field), self.margin))
            self.cells = OccupiedCells.of(self.bits)
            return
        where = dilate(self.bits, self.margin).nonzero()
        dense = torch.zeros_like(self.bits)
        for part in where.split(CHUNK):
            jitter = torch.rand(len(part), 4, generator=generator).to(part.device)
            times = (part[:, 0] + jitter[:, 3]) / len(self.bits)
            points = (part[:, 1:] + jitter[:, :3]) * (2 / self.resolution) - 1
            dense[tuple(part[field.density(points, times) > self.min_density].T)] = 1
        self.bits.copy_(dilate_along(dilate(dense, self.margin), 0) | self.start)
        self.cells = OccupiedCells.of(self.bits)

    def _moved_cells(self, field: RiggedField) -> Tensor:
        """The voxel mask of where the cells of the mesh are in each interval of time."""
        points = (self.start.nonzero() + 0.5) * (2 / self.resolution) - 1
        moved = torch.zeros_like(self.bits)
        for number, mask in enumerate(moved):
            times = (number + torch.linspace(0, 1, MOMENTS, device=points.device)) / len(self.bits)
            for place in field.move(points, times.to(points)):
                mask |= voxelize(place, self.resolution)
        return moved

    def _load_from_state_dict(self, *args: Any, **kwargs: Any) -> None:
        super()._load_from_state_dict(*args, **kwargs)
        self.cells = OccupiedCells.of(self.bits)


def sample_surface(mesh: Mesh, count: int, generator: Generator) -> Tensor:
    """(count, 3) uniform random points on the triangles of a mesh."""
    a, b, c = mesh.vertices[mesh.faces].unbind(1)
    area = torch.linalg.cross(b - a, c - a).norm(dim=-1).double().cumsum(0)
    pick = torch.rand(count, generator=generator, dtype=torch.float64) * area[-1]
    face = torch.searchsorted(area, pick).clamp(max=len(area) - 1)
    u, v = torch.rand(2, count, 1, generator=generator)
    root = u.sqrt()
    return (1 - root) * a[face] + root * (1 - v) * b[face] + root * v * c[face]
