"""Attention of DynamiCrafter's U-Net over the places of a frame, over its frames, and to words and image tokens.

Parameters are named as in the official checkpoints, so that these load by key. All attention is fused.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from to4d.guidance.dynamicrafter.attention_maps import layer_attention_map


@dataclass(frozen=True)
class UNetContext:
    """What the U-Net is conditioned on, for R clips."""

    text: Tensor  # (R, L, D) tokens of the prompt, the same for every frame
    image: Tensor  # (R, V, Q, D) tokens of the first frame, Q for each frame
    marks: Tensor | None = None  # (r, L) the share of each token in the maps; r <= R: the first clips are watched


def split_heads(x: Tensor, heads: int) -> Tensor:
    """(n, l, heads * d) -> (n, heads, l, d)."""
    return x.unflatten(-1, (heads, -1)).transpose(1, 2)


def merge_heads(x: Tensor) -> Tensor:
    """(n, heads, l, d) -> (n, l, heads * d)."""
    return x.transpose(1, 2).flatten(2)


class AttentionProjections(nn.Module):
    """The linear layers to queries, keys and values, and from their answer."""

    def __init__(self, width: int, context: int, heads: int, head_width: int) -> None:
        super().__init__()
        inner = heads * head_width
        self.heads = heads
        self.to_q = nn.Linear(width, inner, bias=False)
        self.to_k = nn.Linear(context, inner, bias=False)
        self.to_v = nn.Linear(context, inner, bias=False)
        self.to_out = nn.Sequential(nn.Linear(inner, width))


class TokenSelfAttention(AttentionProjections):
    """Every token attends to every other one of its row."""

    def forward(self, x: Tensor) -> Tensor:
        """(n, l, width) -> (n, l, width)."""
        q, k, v = (split_heads(project(x), self.heads) for project in (self.to_q, self.to_k, self.to_v))
        return self.to_out(merge_heads(scaled_dot_product_attention(q, k, v)))


class TextImageAttention(AttentionProjections):
    """Cross-attention to words plus, by a softmax of its own, cross-attention to image tokens."""

    def __init__(self, width: int, context: int, heads: int, head_width: int, learnt_scale: bool) -> None:
        super().__init__(width, context, heads, head_width)
        self.to_k_ip = nn.Linear(context, heads * head_width, bias=False)
        self.to_v_ip = nn.Linear(context, heads * head_width, bias=False)
        self.alpha = nn.Parameter(torch.zeros(())) if learnt_scale else None

    def forward(self, x: Tensor, context: UNetContext) -> tuple[Tensor, Tensor | None]:
        """Places (R V, p, width) -> the same, and the attention to marked words and image tokens (r V, p, 1 + Q)."""
        views = context.image.shape[1]
        q = split_heads(self.to_q(x), self.heads)
        text = [split_heads(project(context.text), self.heads) for project in (self.to_k, self.to_v)]
        k, v = (part.repeat_interleave(views, 0) for part in text)
        tokens = context.image.flatten(0, 1)
        k_image, v_image = (split_heads(project(tokens), self.heads) for project in (self.to_k_ip, self.to_v_ip))
        out = merge_heads(scaled_dot_product_attention(q, k, v))
        from_image = merge_heads(scaled_dot_product_attention(q, k_image, v_image))
        out = out + (from_image if self.alpha is None else from_image * (self.alpha.tanh() + 1.0))
        if context.marks is None:
            return self.to_out(out), None
        rows = len(context.marks) * views
        marks = context.marks.repeat_interleave(views, 0)
        return self.to_out(out), layer_attention_map(marks, q[:rows], k[:rows], k_image[:rows])
