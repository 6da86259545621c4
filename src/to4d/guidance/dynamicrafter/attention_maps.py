"""Attention maps of the U-Net's layers: to the words that name the object, and to tokens of the first frame."""

import torch
from torch import Tensor
from torch.nn.functional import interpolate, scaled_dot_product_attention

from to4d.types import AttentionMaps


def fused_attention_share(marks: Tensor, queries: Tensor, keys: Tensor) -> Tensor:
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


def layer_attention_map(marks: Tensor, queries: Tensor, keys: Tensor, image_keys: Tensor) -> Tensor:
    """What a layer's map holds, (n, p, 1 + q): the share that goes to the marked words, then to each image token.

    Args:
        marks: (n, l).
        queries: (n, heads, p, d).
        keys: (n, heads, l, d) of the words.
        image_keys: (n, heads, q, d) of the image tokens, few: their softmax is spelt out.
    """
    logits = queries.float() @ image_keys.float().transpose(-1, -2) * queries.shape[-1] ** -0.5
    noun = fused_attention_share(marks, queries, keys).float()[..., None]
    return torch.cat([noun, logits.softmax(-1).mean(1)], -1)


def as_attention_maps(shares: Tensor, views: int) -> AttentionMaps:
    """A layer's map (B V, h', w', 1 + Q) for the other parts of the program."""
    clips = shares.unflatten(0, (-1, views))
    return AttentionMaps(clips[..., 0], clips[..., 1:].movedim(-1, 2))


def mean_noun_map(layers: tuple[AttentionMaps, ...], size: tuple[int, int], coarsest: int) -> Tensor:
    """Mean of the noun's maps that are at most `coarsest` times coarser than `size`, maximum 1 a clip: (B, V, h, w)."""
    fine = [maps.noun for maps in layers if maps.noun.shape[-2] * coarsest >= size[0]]
    clips = torch.stack([interpolate(m, size, mode="bilinear") for m in fine]).mean(0)
    return clips / clips.amax((1, 2, 3), keepdim=True).clamp_min(1e-12)
