"""How much the surface itself is deformed: distances of points that were neighbours at rest."""

import torch
from torch import Tensor

from to4d.types import check_shape


def local_stretch(moved: Tensor, neighbours: int = 6) -> Tensor:
    """Change of the distances to a point's nearest neighbours, as a share of them -> (V, N), 0 where it moves rigidly.

    The neighbours are those at rest; |d_t - d_0| summed over them, by the sum of d_0. Turning and moving a part leave
    its distances as they are; the whole made larger by a tenth has 0.1 everywhere.

    Args:
        moved: (V, N, 3) tracks of points on the surface, frame 0 at rest.
        neighbours: of each point.

    >>> line = torch.tensor([0.0, 1.0, 2.0])[:, None] * torch.tensor([1.0, 0.0, 0.0])
    >>> local_stretch(torch.stack([line, 1.5 * line]), neighbours=1)[1].tolist()
    [0.5, 0.5, 0.5]
    """
    check_shape("moved", moved, (None, None, 3))
    rest = moved[0]
    near = torch.cdist(rest, rest).fill_diagonal_(torch.inf)
    near = near.topk(min(neighbours, len(rest) - 1), largest=False).indices  # (N, k)
    distance = (moved[:, near] - moved[:, :, None]).norm(dim=-1)  # (V, N, k)
    return (distance - distance[0]).abs().sum(-1) / distance[0].sum(-1).clamp(min=1e-9)


def mean_of_largest(values: Tensor, share: float = 0.05) -> Tensor:
    """Mean of the largest `share` of values (V, N) -> (V,).

    >>> mean_of_largest(torch.arange(40.0)[None]).item()
    38.5
    """
    return values.topk(max(1, int(share * values.shape[1])), dim=1).values.mean(1)
