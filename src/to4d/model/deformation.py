"""A smooth backward motion d(x, t) as a sum of coarse and fine grids in space and time, d(x, 0) = 0 exactly.

Coarse grids move large regions within few steps, fine ones add detail: multiple scales let distillation find a motion
quickly. All grids are nested in the finest, so their sum is one grid of the finest kind.
"""

from functools import reduce

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate as resize

from to4d.kernels.time_grid import interpolate_grid


class DeformationField(nn.Module):
    """d(x, t) over [-1, 1]^3 x [0, 1].

    Args:
        space_cells: cells along an axis of every spatial level; each divides the last.
        time_cells: intervals of every temporal level; each divides the last.
        space_bending_weight: of bending in space in `regularizer`.
        time_bending_weight: of bending in time.
        deviatoric_weight: of deviatoric strain, which changes shapes; translation, rotation and scaling are free.
        volumetric_weight: of volumetric strain, which changes sizes alike in all directions.
    """

    def __init__(
        self,
        space_cells: tuple[int, ...] = (1, 2, 4, 8),
        time_cells: tuple[int, ...] = (1, 3, 9),
        space_bending_weight: float = 0.5,
        time_bending_weight: float = 0.25,
        deviatoric_weight: float = 40.0,
        volumetric_weight: float = 8.0,
    ) -> None:
        super().__init__()
        for name, cells in (("space_cells", space_cells), ("time_cells", time_cells)):
            if any(cells[-1] % n for n in cells):
                raise ValueError(
                    f"every one of {name}={tuple(cells)} must divide the last, so that the grids are nested"
                )
        self.space_cells, self.time_cells = tuple(space_cells), tuple(time_cells)
        self.space_bending_weight, self.time_bending_weight = space_bending_weight, time_bending_weight
        self.deviatoric_weight, self.volumetric_weight = deviatoric_weight, volumetric_weight
        self.knots = nn.ParameterList(
            nn.Parameter(torch.zeros(steps, 3, *(cells + 1,) * 3)) for steps in time_cells for cells in space_cells
        )

    def vectors(self) -> Tensor:
        """The sum of all grids at the nodes of the finest: (T, X, Y, Z, 3); the first time is 0."""
        knots, totals = iter(self.knots), []
        for steps in self.time_cells:
            size = (self.space_cells[-1] + 1,) * 3
            grids = [resize(next(knots), size, mode="trilinear", align_corners=True) for _ in self.space_cells]
            values, times = reduce(torch.add, grids), torch.arange(self.time_cells[-1] + 1)
            basis = linear_basis(times * (steps / self.time_cells[-1]), steps)
            totals.append(torch.tensordot(basis.to(values), values, 1))
        return reduce(torch.add, totals).permute(0, 2, 3, 4, 1)

    def forward(self, points: Tensor, times: Tensor) -> Tensor:
        """(N, 3), (N,) -> (N, 3)."""
        return interpolate_grid(points, times, self.vectors())

    def regularizer(self) -> Tensor:
        """Weighted sum of bending in space and time, deviatoric and volumetric strain."""
        vectors = self.vectors()
        space, time = bending(vectors)
        deviatoric, volumetric = strain(vectors)
        bending_terms = self.space_bending_weight * space + self.time_bending_weight * time
        return bending_terms + self.deviatoric_weight * deviatoric + self.volumetric_weight * volumetric

    def levels(self) -> list[list[nn.Parameter]]:
        """[]: the grids are trained from the start."""
        return []


def linear_basis(times: Tensor, steps: int) -> Tensor:
    """(T, steps): weights of knots 1 ... steps in linear interpolation at times (T,) in knots; knot 0 is 0."""
    return (1 - (times[:, None] - torch.arange(1, steps + 1).to(times)).abs()).clamp(min=0)


def bending(vectors: Tensor) -> tuple[Tensor, Tensor]:
    """Mean squared second differences of (T, X, Y, Z, 3) in space (of 4 * vectors, summed over axes) and in time."""
    space = sum((4 * vectors.diff(n=2, dim=axis)).square().mean() for axis in (1, 2, 3) if vectors.shape[axis] > 2)
    time = vectors.diff(n=2, dim=0).square().mean() if len(vectors) > 2 else vectors.new_zeros(())
    return torch.as_tensor(space), time


def strain(vectors: Tensor) -> tuple[Tensor, Tensor]:
    """Mean squared Green strain of backward motions (T, X, Y, Z, 3) on [-1, 1]^3: deviatoric and volumetric.

    With F = I + G, G the gradient of d, and C = F^T F, Green's strain is (C - I) / 2. Its deviator is 0 for a motion
    that only translates, rotates and scales; views that disagree about a direction pull an object apart in just this
    way. The rest changes sizes alike in all directions. For small G they are the parts of (G + G^T) / 2.
    """
    gradient = torch.stack(cell_gradients(vectors), -2)  # G^T
    twice_strain = gradient + gradient.transpose(-1, -2) + gradient @ gradient.transpose(-1, -2)  # C - I
    mean = twice_strain.diagonal(dim1=-2, dim2=-1).mean(-1)
    deviator = twice_strain - mean[..., None, None] * torch.eye(3).to(twice_strain)
    return 0.25 * deviator.square().sum((-2, -1)).mean(), 0.75 * mean.square().mean()


def cell_gradients(vectors: Tensor) -> list[Tensor]:
    """D v / d x, d v / d y and d v / d z at the centres of the cells: (T, X - 1, Y - 1, Z - 1, 3) each."""
    middles = []
    for axis in (1, 2, 3):
        slope = vectors.diff(dim=axis) * (0.5 * (vectors.shape[axis] - 1))
        for other in {1, 2, 3} - {axis}:
            slope = 0.5 * (
                slope.narrow(other, 0, slope.shape[other] - 1) + slope.narrow(other, 1, slope.shape[other] - 1)
            )
        middles.append(slope)
    return middles
