"""The trunk: a video transformer that corrects the head's warped clip where a smooth flow is not enough.

Tokens are 2 x 2 latent pixels of every frame: they see the noised clip, the first frame and the head's warped clip.
Back at latent resolution every pixel attends to the words (the attention that masks read) and predicts a correction of
the flow, how far to trust the warped clip, and a free prediction for the rest.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import silu

from to4d.guidance.mini.codec import CHANNELS
from to4d.guidance.mini.flow import GRID
from to4d.guidance.mini.head import FRAMES, TextEmbeddings
from to4d.guidance.mini.layers import GeluMlp, MultiHeadCrossAttention, MultiHeadSelfAttention, waves

CELLS = GRID // 2
INPUTS = 3 * CHANNELS + 7  # noised clip, warped clip, first frame; flow, object coordinates, warped outline and bulge


@dataclass(frozen=True)
class TrunkOutput:
    """What every latent pixel says."""

    velocity: Tensor  # (B, V, C, 16, 16), of the diffusion
    flow: Tensor  # (B, V, 2, 16, 16) to add to the head's
    gate: Tensor  # (B, V, 1, 16, 16) logit of trust in the warped clip
    attention: Tensor  # (B, V, 16, 16) share of the attention that goes to the noun


class TrunkBlock(nn.Module):
    """Attention within frames, along time, to words and image, scaled by step, frame and the head's token."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width, elementwise_affine=False)
        self.space, self.time = MultiHeadSelfAttention(width, heads), MultiHeadSelfAttention(width, heads)
        self.words, self.image = MultiHeadCrossAttention(width, heads), MultiHeadCrossAttention(width, heads)
        self.mix = GeluMlp(width, 2)
        self.shift = nn.Parameter(torch.zeros(9, width))

    def forward(self, x: Tensor, modulation: Tensor, words: TextEmbeddings, image: Tensor) -> Tensor:
        """Tokens (B, V, P, d), modulation (B, V, 9, d), image tokens (B, 16, d) -> (B, V, P, d)."""
        batch, frames, places, width = x.shape
        m = (modulation + self.shift)[:, :, :, None].unbind(2)
        y = self.norm(x) * (1 + m[0]) + m[1]
        x = x + m[2] * self.space(y.flatten(0, 1)).view_as(x)
        y = (self.norm(x) * (1 + m[3]) + m[4]).transpose(1, 2).reshape(batch * places, frames, width)
        x = x + m[5] * self.time(y).view(batch, places, frames, width).transpose(1, 2)
        y = self.norm(x).view(batch, frames * places, width)
        x = x + (self.words(y, words.vectors, words.present) + self.image(y, image)).view_as(x)
        return x + m[8] * self.mix(self.norm(x) * (1 + m[6]) + m[7])


class WordReader(nn.Module):
    """Attention of latent pixels to single words, with the probabilities kept."""

    def __init__(self, width: int, words: int) -> None:
        super().__init__()
        self.norm, self.query = nn.LayerNorm(width), nn.Linear(width, width, bias=False)
        self.source, self.outward = nn.Linear(words, 2 * width, bias=False), nn.Linear(width, width)

    def forward(self, y: Tensor, words: TextEmbeddings) -> tuple[Tensor, Tensor]:
        """Pixels (B, N, e) -> what they read (B, N, e), and the share of the noun (B, N)."""
        key, value = self.source(words.vectors).chunk(2, -1)
        scores = self.query(self.norm(y)) @ key.transpose(1, 2) / math.sqrt(key.shape[-1])
        share = scores.float().masked_fill(~words.present[:, None], -1e4).softmax(-1)
        return self.outward(share @ value), (share * words.noun[:, None]).sum(-1)


class Trunk(nn.Module):
    """Blocks over 16 frames of 8 x 8 tokens."""

    def __init__(self, words: int, width: int = 128, heads: int = 4, depth: int = 4, fine: int = 48) -> None:
        super().__init__()
        self.fine = fine
        self.inward, self.place = nn.Linear(4 * INPUTS, width), nn.Linear(24, width)
        self.clock = nn.Sequential(nn.Linear(words + 2 * 8 + 2 * 8, width), nn.SiLU(), nn.Linear(width, width))
        self.modulation = nn.Linear(width, 9 * width)
        self.image, self.image_place = nn.Linear(16 * CHANNELS, width), nn.Parameter(0.1 * torch.randn(16, width))
        self.blank = nn.Parameter(0.1 * torch.randn(16, width))
        self.word_width = nn.Linear(words, width)
        self.blocks = nn.ModuleList([TrunkBlock(width, heads) for _ in range(depth)])
        self.norm, self.up, self.local = nn.LayerNorm(width), nn.Linear(width, 4 * fine), nn.Linear(INPUTS, fine)
        self.reader, self.mix = WordReader(fine, words), nn.Sequential(nn.LayerNorm(fine), GeluMlp(fine, 2))
        self.out = nn.Linear(fine, CHANNELS + 3)
        nn.init.normal_(self.modulation.weight, std=0.01)
        with torch.no_grad():
            self.modulation.bias.zero_().view(9, width)[[2, 5, 8]] = 0.5
            self.out.weight.normal_(std=0.01)
            self.out.bias.zero_()

    def forward(
        self, maps: Tensor, words: TextEmbeddings, frames: Tensor, level: Tensor, still: Tensor, has_image: Tensor
    ) -> TrunkOutput:
        """One pass.

        Args:
            maps: (B, V, INPUTS, 16, 16).
            words: the encoded prompt.
            frames: (B, V, words' width) the head's last tokens.
            level: (B,) log of signal over noise.
            still: (B, C, 16, 16) latents of the first frame.
            has_image: (B,) whether there is a first frame.
        """
        batch = len(maps)
        tokens = maps.view(batch, FRAMES, INPUTS, CELLS, 2, CELLS, 2).permute(0, 1, 3, 5, 2, 4, 6)
        line = (torch.arange(CELLS, device=maps.device) + 0.5) / CELLS * 2.0 - 1.0
        grid = torch.stack(torch.meshgrid(line, line, indexing="ij"), -1).view(CELLS**2, 2)
        x = self.inward(tokens.reshape(batch, FRAMES, CELLS**2, 4 * INPUTS)) + self.place(
            waves(grid, 6, 0.8, 8.0).flatten(1)
        )
        number = waves(torch.arange(FRAMES, device=maps.device) / FRAMES, 8, 1.0, 48.0).expand(batch, -1, -1)
        noise = waves(level, 8, 0.1, 4.0)[:, None].expand(-1, FRAMES, -1)
        clock = self.clock(torch.cat([frames, number, noise], -1))
        modulation = self.modulation(silu(clock)).unflatten(-1, (9, -1))
        patches = still.view(batch, CHANNELS, 4, 4, 4, 4).permute(0, 2, 4, 1, 3, 5).reshape(batch, 16, 16 * CHANNELS)
        image = torch.where(has_image[:, None, None], self.image(patches) + self.image_place, self.blank)
        wide = TextEmbeddings(self.word_width(words.vectors), words.present, words.noun)
        x = x + clock[:, :, None]
        for block in self.blocks:
            x = block(x, modulation, wide, image)
        return self._read(x, maps, words)

    def _read(self, x: Tensor, maps: Tensor, words: TextEmbeddings) -> TrunkOutput:
        batch = len(x)
        y = self.up(self.norm(x)).view(batch, FRAMES, CELLS, CELLS, 2, 2, self.fine).permute(0, 1, 2, 4, 3, 5, 6)
        y = y.reshape(batch, -1, self.fine) + self.local(maps.movedim(2, -1).reshape(batch, -1, INPUTS))
        read, attention = self.reader(y, words)
        y = y + read
        out = self.out(y + self.mix(y)).float().view(batch, FRAMES, GRID, GRID, CHANNELS + 3).movedim(-1, 2)
        velocity, flow, gate = out.split([CHANNELS, 2, 1], 2)
        return TrunkOutput(velocity, 0.3 * flow, gate, attention.view(batch, FRAMES, GRID, GRID))
