"""Where the prior looks for the words that name the object."""

import torch
from torch import Tensor
from torch.nn.functional import interpolate, scaled_dot_product_attention


def attention_to(marks: Tensor, queries: Tensor, keys: Tensor) -> Tensor:
    """The share of attention that goes to marked keys, mean over heads: fused attention whose values are the marks.

    Args:
        marks: (n, l).
        queries: (n, heads, p, d).
        keys: (n, heads, l, d).

    Returns:
        (n, p), in [0, 1] where marks are.
    """
    values = marks[:, None, :, None].to(queries.dtype).expand_as(keys).contiguous()
    return scaled_dot_product_attention(queries, keys, values)[..., 0].mean(1)


def noun_map(maps: list[Tensor], views: int, size: tuple[int, int], coarsest: int) -> Tensor:
    """Mean of the maps (B V, h', w') that are at most `coarsest` times coarser than `size`, maximum 1 a clip."""
    fine = [m.float()[:, None] for m in maps if m.shape[-2] * coarsest >= size[0]]
    mean = torch.stack([interpolate(m, size, mode="bilinear")[:, 0] for m in fine]).mean(0)
    clips = mean.unflatten(0, (-1, views))
    return clips / clips.amax((1, 2, 3), keepdim=True).clamp_min(1e-12)
