"""The U-Net's transformers over places and over frames; parameters are named as in the official checkpoints."""

from torch import Tensor, nn
from torch.nn.functional import gelu, linear

from to4d.guidance.dynamicrafter.attention import TextImageAttention, TokenSelfAttention, UNetContext


class GatedLinear(nn.Module):
    """A linear layer gated by another one."""

    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.proj = nn.Linear(width, 2 * inner)

    def forward(self, x: Tensor) -> Tensor:
        """(..., width) -> (..., inner)."""
        value, gate = self.proj(x).chunk(2, dim=-1)
        return value * gelu(gate)


class GatedFeedForward(nn.Module):
    """The feed-forward part of a transformer block, gated (GEGLU)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.net = nn.Sequential(GatedLinear(width, 4 * width), nn.Identity(), nn.Linear(4 * width, width))

    def forward(self, x: Tensor) -> Tensor:
        """(..., width) -> (..., width)."""
        return self.net(x)


class TransformerBlock(nn.Module):
    """Self-attention, a second attention (to the context if `context` is given, else to itself), feed-forward."""

    def __init__(
        self, width: int, heads: int, head_width: int, context: int | None = None, learnt_scale: bool = False
    ) -> None:
        super().__init__()
        self.attn1 = TokenSelfAttention(width, width, heads, head_width)
        if context is None:
            self.attn2 = TokenSelfAttention(width, width, heads, head_width)
        else:
            self.attn2 = TextImageAttention(width, context, heads, head_width, learnt_scale)
        self.ff = GatedFeedForward(width)
        self.norm1, self.norm2, self.norm3 = (nn.LayerNorm(width) for _ in range(3))

    def forward(self, x: Tensor, context: UNetContext | None = None) -> tuple[Tensor, Tensor | None]:
        """(n, l, width) -> the same, and the map of the second attention."""
        x = x + self.attn1(self.norm1(x))
        attended, attention = (
            (self.attn2(self.norm2(x)), None) if context is None else self.attn2(self.norm2(x), context)
        )
        x = x + attended
        return x + self.ff(self.norm3(x)), attention


class SpatialTransformer(nn.Module):
    """Self-attention over the places of a frame, then cross-attention to words and to the first frame's tokens."""

    def __init__(self, channels: int, heads: int, head_width: int, context: int, learnt_scale: bool) -> None:
        super().__init__()
        inner = heads * head_width
        self.norm = nn.GroupNorm(32, channels, eps=1e-6)
        self.proj_in = nn.Linear(channels, inner)
        self.transformer_blocks = nn.ModuleList([TransformerBlock(inner, heads, head_width, context, learnt_scale)])
        self.proj_out = nn.Linear(inner, channels)

    def forward(self, x: Tensor, context: UNetContext) -> tuple[Tensor, Tensor | None]:
        """(R V, c, h, w) -> the same, and the attention to marked words and image tokens (r V, h, w, 1 + Q)."""
        size = x.shape[-2:]
        tokens = self.proj_in(self.norm(x).flatten(2).transpose(1, 2))
        tokens, attention = self.transformer_blocks[0](tokens, context)
        out = self.proj_out(tokens).transpose(1, 2).unflatten(2, size)
        return x + out, None if attention is None else attention.unflatten(1, size)


class TemporalTransformer(nn.Module):
    """Self-attention of every place over the frames.

    Args of the constructor:
        convolve: whether the projections are 1D convolutions of width 1 (a matter of parameter shapes alone).
    """

    def __init__(self, channels: int, heads: int, head_width: int, convolve: bool = False) -> None:
        super().__init__()
        inner = heads * head_width
        self.norm = nn.GroupNorm(32, channels, eps=1e-6)
        self.proj_in = nn.Conv1d(channels, inner, 1) if convolve else nn.Linear(channels, inner)
        self.transformer_blocks = nn.ModuleList([TransformerBlock(inner, heads, head_width)])
        self.proj_out = nn.Conv1d(inner, channels, 1) if convolve else nn.Linear(inner, channels)

    def forward(self, x: Tensor, views: int) -> Tensor:
        """(R V, c, h, w) with V frames a clip -> the same."""
        clips = x.unflatten(0, (-1, views)).transpose(1, 2)  # (R, c, V, h, w): the norm is over all frames
        rows, _, _, height, width = clips.shape
        tokens = self.norm(clips).permute(0, 3, 4, 2, 1).flatten(0, 2)  # (R h w, V, c)
        tokens = self.transformer_blocks[0](_project(self.proj_in, tokens))[0]
        out = _project(self.proj_out, tokens).unflatten(0, (rows, height, width)).permute(0, 3, 4, 1, 2)
        return x + out.flatten(0, 1)


def _project(layer: nn.Linear | nn.Conv1d, tokens: Tensor) -> Tensor:
    """A linear layer, or a convolution of width 1, on (n, l, c)."""
    return linear(tokens, layer.weight.flatten(1), layer.bias)
