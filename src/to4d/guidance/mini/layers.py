"""The transformer parts that the text encoder, the motion head and the trunk share."""

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu


def waves(x: Tensor, count: int, lowest: float, highest: float) -> Tensor:
    """Sines and cosines of x (...) at `count` frequencies in geometric steps, (..., 2 count)."""
    exponents = torch.linspace(math.log(lowest), math.log(highest), count, device=x.device)
    angles = x[..., None] * exponents.exp()
    return torch.cat([angles.sin(), angles.cos()], -1)


def attend(query: Tensor, key: Tensor, value: Tensor, present: Tensor | None) -> Tensor:
    """Softmax attention of (B, heads, N, e) to (B, heads, L, e); `present` (B, L) hides keys.

    Written out, because torch's fused kernel on CPUs is several times slower on sequences this short (backward).
    """
    scores = (query * query.shape[-1] ** -0.5) @ key.transpose(-1, -2)
    if present is not None:
        scores = scores.masked_fill(~present[:, None, None], -1e4)
    return scores.softmax(-1).to(value.dtype) @ value


class MultiHeadSelfAttention(nn.Module):
    """Attention among the tokens of (B, N, d); `present` (B, N) hides padding."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.inward = nn.Linear(width, 3 * width, bias=False)
        self.outward = nn.Linear(width, width, bias=False)

    def forward(self, x: Tensor, present: Tensor | None = None) -> Tensor:
        """(B, N, d) -> (B, N, d)."""
        batch, count, width = x.shape
        parts = self.inward(x).view(batch, count, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        y = attend(*parts.unbind(0), present)
        return self.outward(y.transpose(1, 2).reshape(batch, count, width))


class MultiHeadCrossAttention(nn.Module):
    """Attention from (B, N, d) to (B, L, d)."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(width, width, bias=False)
        self.source = nn.Linear(width, 2 * width, bias=False)
        self.outward = nn.Linear(width, width, bias=False)

    def forward(self, x: Tensor, source: Tensor, present: Tensor | None = None) -> Tensor:
        """Each of the N tokens attends to the L tokens that are `present` (B, L)."""
        batch, count, width = x.shape
        query = self.query(x).view(batch, count, self.heads, -1).transpose(1, 2)
        keys = self.source(source).view(batch, source.shape[1], 2, self.heads, -1).permute(2, 0, 3, 1, 4)
        y = attend(query, *keys.unbind(0), present)
        return self.outward(y.transpose(1, 2).reshape(batch, count, width))


class GeluMlp(nn.Module):
    """Two layers with a GELU."""

    def __init__(self, width: int, ratio: int) -> None:
        super().__init__()
        self.up, self.down = nn.Linear(width, ratio * width), nn.Linear(ratio * width, width)

    def forward(self, x: Tensor) -> Tensor:
        """(..., d) -> (..., d)."""
        return self.down(gelu(self.up(x), approximate="tanh"))
