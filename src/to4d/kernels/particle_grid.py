"""Affine maps of particles, transferred to vectors on a regular grid over [-1, 1]^3.

After Jiang et al., "The affine particle-in-cell method" (2015): the value at a node is the weighted mean of the maps of
the particles around it, evaluated at the node, so that one affine map for all particles is reproduced exactly. Nodes
without particles take their value from a grid of four times the spacing, and so on up to the mean of all. The gradient
reaches positions and maps.
"""

from itertools import product

import torch
from torch import Tensor
from torch.nn.functional import interpolate as resize

COARSE_WEIGHT = 1e-4  # of the coarser grid, in particles


def particles_to_grid(positions: Tensor, maps: Tensor, cells: int) -> Tensor:
    """Transfer the maps of particles to the nodes of a grid.

    Args:
        positions: (T, P, 3) of the particles, in the box.
        maps: (T, P, 3, 4) affine, x -> map (x, 1).
        cells: of the grid along an axis.

    Returns:
        (T, X, Y, Z, 3), X = Y = Z = cells + 1.
    """
    sizes = [cells]
    while sizes[-1] > 1:
        sizes.append(max(1, sizes[-1] // 4))
    value = torch.einsum("tij,xyzj->txyzi", maps.mean(1), homogeneous(grid_nodes(1).to(positions)))
    for size in reversed(sizes):
        value = resize(value.movedim(-1, 1), (size + 1,) * 3, mode="trilinear", align_corners=True).movedim(1, -1)
        total = splat_to_nodes(positions, maps, size)
        value = (total[..., :3] + COARSE_WEIGHT * value) / (total[..., 3:] + COARSE_WEIGHT)
    return value


def grid_nodes(cells: int) -> Tensor:
    """(X, Y, Z, 3) positions of the nodes."""
    line = torch.linspace(-1, 1, cells + 1)
    return torch.stack(torch.meshgrid(line, line, line, indexing="ij"), -1)


def homogeneous(points: Tensor) -> Tensor:
    """(..., 3) -> (..., 4) with a 1."""
    return torch.cat([points, torch.ones_like(points[..., :1])], -1)


def splat_to_nodes(positions: Tensor, maps: Tensor, cells: int) -> Tensor:
    """(T, X, Y, Z, 4): the weighted sum of the particles' maps at each node, and of their trilinear weights."""
    frames, size, step = len(positions), cells + 1, 2.0 / cells
    place = (0.5 + 0.5 * positions).clamp(0, 1) * cells
    low = place.detach().floor().clamp(max=cells - 1)
    sides = torch.stack([1 - (place - low), place - low])
    base = (maps @ homogeneous(step * low - 1.0)[..., None]).squeeze(-1)
    i, j, k = low.long().unbind(-1)
    number = ((torch.arange(frames, device=positions.device)[:, None] * size + i) * size + j) * size + k
    out = positions.new_zeros(frames * size**3, 4)
    for up in product((0, 1), repeat=3):
        weight = torch.stack([sides[side, ..., axis] for axis, side in enumerate(up)]).prod(0)[..., None]
        value = base + step * sum(maps[..., axis] for axis, side in enumerate(up) if side)
        index = number + (up[0] * size + up[1]) * size + up[2]
        out.index_add_(0, index.flatten(), (weight * homogeneous(value)).flatten(0, 1))
    return out.view(frames, size, size, size, 4)
