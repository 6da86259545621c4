"""The two towers of OpenCLIP ViT-H-14 that DynamiCrafter reads words and the first frame with.

Parameters are named as in open_clip, so that they load by key; open_clip itself is not needed.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, linear, scaled_dot_product_attention

from to4d.guidance.clip_image import prepare
from to4d.guidance.dynamicrafter.attention import merge_heads, split_heads
from to4d.guidance.dynamicrafter.sizes import ClipSize, TowerSize

VOCABULARY, LENGTH = 49408, 77


class ClipAttention(nn.Module):
    """Self-attention with one matrix for queries, keys and values."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.in_proj_weight = nn.Parameter(torch.empty(3 * width, width))
        self.in_proj_bias = nn.Parameter(torch.empty(3 * width))
        self.out_proj = nn.Linear(width, width)

    def forward(self, x: Tensor, causal: bool) -> Tensor:
        """(n, l, width) -> the same; with `causal`, a token attends to itself and those before it."""
        parts = linear(x, self.in_proj_weight, self.in_proj_bias).chunk(3, dim=-1)
        q, k, v = (split_heads(part, self.heads) for part in parts)
        return self.out_proj(merge_heads(scaled_dot_product_attention(q, k, v, is_causal=causal)))


class ClipMlp(nn.Module):
    """The feed-forward part of a layer."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.c_fc, self.c_proj = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        """(n, l, width) -> the same."""
        return self.c_proj(gelu(self.c_fc(x)))


class ClipLayer(nn.Module):
    """Self-attention and feed-forward part, each with a residual connection."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.ln_1, self.ln_2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attn, self.mlp = ClipAttention(width, heads), ClipMlp(width)

    def forward(self, x: Tensor, causal: bool) -> Tensor:
        """(n, l, width) -> the same."""
        x = x + self.attn(self.ln_1(x), causal)
        return x + self.mlp(self.ln_2(x))


class ClipTransformer(nn.Module):
    """A stack of layers."""

    def __init__(self, size: TowerSize) -> None:
        super().__init__()
        self.resblocks = nn.ModuleList([ClipLayer(size.width, size.heads) for _ in range(size.layers)])

    def forward(self, x: Tensor, causal: bool = False, skip_last: int = 0) -> Tensor:
        """(n, l, width) -> the same, without the last `skip_last` layers."""
        for layer in self.resblocks[: len(self.resblocks) - skip_last]:
            x = layer(x, causal)
        return x


class ClipTextTower(nn.Module):
    """Tokens of a prompt to their vectors before the last layer ("penultimate"). The last layer is there but unused."""

    def __init__(self, size: ClipSize) -> None:
        super().__init__()
        width = size.text.width
        self.token_embedding = nn.Embedding(VOCABULARY, width)
        self.positional_embedding = nn.Parameter(torch.empty(LENGTH, width))
        self.transformer = ClipTransformer(size.text)
        self.ln_final = nn.LayerNorm(width)
        self.text_projection = nn.Parameter(torch.empty(width, size.joint))
        self.logit_scale = nn.Parameter(torch.empty(()))

    def forward(self, tokens: Tensor) -> Tensor:
        """(n, 77) numbers of tokens -> (n, 77, width)."""
        x = self.token_embedding(tokens) + self.positional_embedding
        return self.ln_final(self.transformer(x, causal=True, skip_last=1))


class ClipImageTower(nn.Module):
    """An image to the tokens of its class and patches after the last layer. The norm and projection are unused."""

    def __init__(self, size: ClipSize) -> None:
        super().__init__()
        width, patches = size.image.width, (size.pixels // size.patch) ** 2
        self.pixels = size.pixels
        self.conv1 = nn.Conv2d(3, width, size.patch, stride=size.patch, bias=False)
        self.class_embedding = nn.Parameter(torch.empty(width))
        self.positional_embedding = nn.Parameter(torch.empty(patches + 1, width))
        self.ln_pre, self.ln_post = nn.LayerNorm(width), nn.LayerNorm(width)
        self.transformer = ClipTransformer(size.image)
        self.proj = nn.Parameter(torch.empty(width, size.joint))

    def forward(self, images: Tensor) -> Tensor:
        """(n, 3, H, W) in [-1, 1] -> (n, 1 + patches, width)."""
        x = self.conv1(prepare(images, self.pixels).to(self.conv1.weight.dtype)).flatten(2).transpose(1, 2)
        start = self.class_embedding.expand(len(x), 1, -1)
        return self.transformer(self.ln_pre(torch.cat([start, x], dim=1) + self.positional_embedding))
