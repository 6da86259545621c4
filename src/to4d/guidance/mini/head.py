"""The motion head: reads the evidence of every frame, the words and the first frame, and says how the object moves.

It works on 16 tokens, one a frame, so it is cheap and can be trained on flows alone; it answers with two smooth flows a
frame: backward, where each place came from, to see the first frame through; and forward, where each place of the first
frame has gone. A turn is linear in where a surface stands, so forward it is exact for every shape that frame 0 shows.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d

from to4d.guidance.mini.codec import CHANNELS
from to4d.guidance.mini.flow import AXES, TERMS
from to4d.guidance.mini.layers import GeluMlp, MultiHeadCrossAttention, MultiHeadSelfAttention, waves
from to4d.guidance.mini.templates import COUNT

FRAMES = 16
WAYS = 2  # backward and forward

Head = Callable[..., tuple[Tensor, Tensor]]  # a `MotionHead`, or what stands in for one


@dataclass(frozen=True)
class TextEmbeddings:
    """Encoded prompts."""

    vectors: Tensor  # (B, L, d)
    present: Tensor  # (B, L)
    noun: Tensor  # (B, L)


class HeadBlock(nn.Module):
    """Self-attention over frames, then cross-attention to the words."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.norm_frames, self.frames = nn.LayerNorm(width), MultiHeadSelfAttention(width, heads)
        self.norm_words, self.words = nn.LayerNorm(width), MultiHeadCrossAttention(width, heads)
        self.norm_mix, self.mix = nn.LayerNorm(width), GeluMlp(width, 2)

    def forward(self, x: Tensor, words: TextEmbeddings) -> Tensor:
        """(B, V, d) -> (B, V, d)."""
        x = x + self.frames(self.norm_frames(x))
        x = x + self.words(self.norm_words(x), words.vectors, words.present)
        return x + self.mix(self.norm_mix(x))


def bearing(azimuth_deg: Tensor) -> Tensor:
    """Where cameras stand (B,), two waves around the circle: (B, 5), all zero for NaN, which is unknown.

    >>> bearing(torch.tensor([90.0, torch.nan])).round().tolist()
    [[1.0, -0.0, 1.0, -1.0, -0.0], [0.0, 0.0, 0.0, 0.0, 0.0]]
    """
    angle = azimuth_deg.deg2rad()
    waves_ = [torch.ones_like(angle), angle.cos(), angle.sin(), (2.0 * angle).cos(), (2.0 * angle).sin()]
    return torch.where(azimuth_deg.isnan()[:, None], 0.0, torch.stack(waves_, -1))


def summary(still: Tensor, box: Tensor, relief: Tensor) -> Tensor:
    """Coarse features of a first frame: latents (B, C, 16, 16), box (B, 3), relief (B, 16, 16) -> (B, 16 C + 19)."""
    return torch.cat([avg_pool2d(still, 4).flatten(1), box, avg_pool2d(relief, 4).flatten(1)], -1)


class MotionHead(nn.Module):
    """Evidence (B, V, 3 K), words, first frame -> coefficients (B, V, 2, 3, 20) of the backward and forward flow."""

    def __init__(self, width: int = 160, heads: int = 5, depth: int = 6) -> None:
        super().__init__()
        self.evidence = nn.Linear(3 * COUNT, width)
        self.image = nn.Sequential(nn.Linear(16 * CHANNELS + 3 + 16, width), nn.SiLU(), nn.Dropout(0.1))
        self.clock = nn.Linear(2 * 8 + 2 * 8 + 2 * 8, width)
        self.bearing = nn.Linear(5, width, bias=False)
        self.blocks = nn.ModuleList([HeadBlock(width, heads) for _ in range(depth)])
        self.norm = nn.LayerNorm(width)
        self.out = nn.Linear(width, WAYS * AXES * TERMS)
        nn.init.normal_(self.out.weight, std=0.02)
        nn.init.zeros_(self.bearing.weight)

    def forward(
        self, evidence: Tensor, words: TextEmbeddings, image: Tensor, level: Tensor, stride: Tensor, azimuth_deg: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Coefficients (B, V, 2, 3, 20) and the frames' last tokens (B, V, d).

        Args:
            evidence: (B, V, 3 K), zero where there is no first frame.
            words: the encoded prompt.
            image: (B, F) from `summary`, zero where there is no first frame.
            level: (B,) log of signal over noise.
            stride: (B,) how much motion time a frame takes; 1 is ordinary.
            azimuth_deg: (B,) of the camera, 0 sees the front; NaN is unknown.
        """
        frames = torch.arange(FRAMES, device=level.device) / FRAMES
        clock = torch.cat(
            [
                waves(frames, 8, 1.0, 48.0).expand(len(level), -1, -1),
                waves(frames * stride[:, None], 8, 1.0, 48.0),
                waves(level, 8, 0.1, 4.0)[:, None].expand(-1, FRAMES, -1),
            ],
            -1,
        )
        still = self.image(image) + self.bearing(bearing(azimuth_deg))
        x = self.evidence(evidence) + self.clock(clock) + still[:, None]
        for block in self.blocks:
            x = block(x, words)
        x = self.norm(x)
        moving = torch.arange(FRAMES, device=level.device) > 0  # frame 0 is the first frame itself
        return self.out(x).unflatten(-1, (WAYS, AXES, TERMS)).float() * moving[:, None, None, None], x
