"""Where in space and time anything can be: bits that let the renderer skip empty space.

It starts from the surface of the mesh and follows the field: `update` asks the field around what is occupied, keeps
what is dense, and adds a margin in space and time, so that growth and motion are never cut off before they show.
"""

import torch
from torch import Generator, Tensor, nn
from torch.nn.functional import max_pool3d

from to4d.types import Field, Mesh

CHUNK = 2**18  # points a query


class Occupancy(nn.Module):
    """`cells[i]` are the bits for times [i / bins, (i + 1) / bins), over [-1, 1]^3.

    Args:
        resolution: cells along an axis, a multiple of 4.
        bins: slices of time.
        margin: cells kept around what is dense.
        min_density: from which a cell counts as dense, per world unit of length.
    """

    def __init__(self, resolution: int = 64, bins: int = 16, margin: int = 2, min_density: float = 1.0) -> None:
        super().__init__()
        if resolution % 4 or resolution < 4 or bins < 1 or margin < 0:
            raise ValueError(
                f"occupancy needs a resolution that is a multiple of 4, got {resolution=} {bins=} {margin=}"
            )
        self.resolution, self.bins, self.margin, self.min_density = resolution, bins, margin, min_density
        self.register_buffer("cells", torch.ones((bins, *(resolution,) * 3), dtype=torch.uint8))
        self.register_buffer("start", torch.zeros((resolution,) * 3, dtype=torch.uint8))

    def from_points(self, points: Tensor) -> None:
        """Occupy, at all times, the cells of surface points (N, 3) and the margin around them."""
        index = ((points.to(self.start.device) + 1) * (self.resolution / 2)).long().clamp(0, self.resolution - 1)
        self.start.zero_()
        self.start[tuple(index.T)] = 1
        self.start.copy_(dilate(self.start[None], self.margin)[0])
        self.cells.copy_(self.start.expand_as(self.cells))

    def bin_of(self, times: Tensor) -> Tensor:
        """Times in [0, 1) -> int64 index into `cells`."""
        return (times * self.bins).long().clamp(0, self.bins - 1)

    @torch.no_grad()
    def update(self, field: Field, generator: Generator) -> None:
        """Follow the field: look where it was and `margin` cells further. The mesh's own cells stay."""
        where = dilate(self.cells, self.margin).nonzero()
        dense = torch.zeros_like(self.cells)
        for part in where.split(CHUNK):
            jitter = torch.rand(len(part), 4, generator=generator).to(part.device)
            times = (part[:, 0] + jitter[:, 3]) / self.bins
            points = (part[:, 1:] + jitter[:, :3]) * (2 / self.resolution) - 1
            dense[tuple(part[field.density(points, times) > self.min_density].T)] = 1
        self.cells.copy_(over_time(dilate(dense, self.margin)) | self.start)


def sample_surface(mesh: Mesh, count: int, generator: Generator) -> Tensor:
    """(count, 3) points spread evenly over the triangles of a mesh."""
    a, b, c = mesh.vertices[mesh.faces].unbind(1)
    area = torch.linalg.cross(b - a, c - a).norm(dim=-1).double().cumsum(0)
    pick = torch.rand(count, generator=generator, dtype=torch.float64) * area[-1]
    face = torch.searchsorted(area, pick).clamp(max=len(area) - 1)
    u, v = torch.rand(2, count, 1, generator=generator)
    root = u.sqrt()
    return (1 - root) * a[face] + root * (1 - v) * b[face] + root * v * c[face]


def dilate(cells: Tensor, margin: int) -> Tensor:
    """Bits (T, G, G, G) grown by `margin` cells in all directions."""
    if margin == 0:
        return cells
    return max_pool3d(cells[:, None].float(), 2 * margin + 1, 1, margin)[:, 0].to(torch.uint8)


def over_time(cells: Tensor) -> Tensor:
    """Every bin of (T, G, G, G) united with its neighbours in time."""
    grown = cells.clone()
    grown[1:] |= cells[:-1]
    grown[:-1] |= cells[1:]
    return grown
