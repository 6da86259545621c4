"""Turns CLIP's view of the first frame into a few tokens for each frame of the clip (a Perceiver)."""

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from to4d.guidance.dynamicrafter.attention import merge_heads, split_heads
from to4d.guidance.dynamicrafter.sizes import ResamplerSize


class PerceiverAttention(nn.Module):
    """Cross-attention of queries to the image's tokens and to each other."""

    def __init__(self, width: int, heads: int, head_width: int) -> None:
        super().__init__()
        inner = heads * head_width
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.to_q = nn.Linear(width, inner, bias=False)
        self.to_kv = nn.Linear(width, 2 * inner, bias=False)
        self.to_out = nn.Linear(inner, width, bias=False)

    def forward(self, image: Tensor, queries: Tensor) -> Tensor:
        """(n, l, width), (n, q, width) -> (n, q, width)."""
        queries = self.norm2(queries)
        keys, values = self.to_kv(torch.cat([self.norm1(image), queries], dim=1)).chunk(2, dim=-1)
        q, k, v = (split_heads(x, self.heads) for x in (self.to_q(queries), keys, values))
        return self.to_out(merge_heads(scaled_dot_product_attention(q, k, v)))


class Resampler(nn.Module):
    """Learnt queries, of their own for each frame, attend to the tokens of the image."""

    def __init__(self, size: ResamplerSize, frames: int) -> None:
        super().__init__()
        width = size.width
        self.frames = frames
        self.latents = nn.Parameter(torch.empty(1, frames * size.queries, width))
        self.proj_in = nn.Linear(size.inputs, width)
        self.proj_out = nn.Linear(width, size.outputs)
        self.norm_out = nn.LayerNorm(size.outputs)
        self.layers = nn.ModuleList([self._layer(size) for _ in range(size.depth)])

    @staticmethod
    def _layer(size: ResamplerSize) -> nn.ModuleList:
        width = size.width
        feed_forward = nn.Sequential(
            nn.LayerNorm(width),
            nn.Linear(width, 4 * width, bias=False),
            nn.GELU(),
            nn.Linear(4 * width, width, bias=False),
        )
        return nn.ModuleList([PerceiverAttention(width, size.heads, size.head_width), feed_forward])

    def forward(self, image: Tensor) -> Tensor:
        """CLIP tokens (n, l, inputs) -> (n, V, queries, outputs)."""
        image, queries = self.proj_in(image), self.latents.expand(len(image), -1, -1)
        for layer in self.layers:
            attend, feed_forward = cast(nn.ModuleList, layer)
            queries = queries + attend(image, queries)
            queries = queries + feed_forward(queries)
        return self.norm_out(self.proj_out(queries)).unflatten(1, (self.frames, -1))
