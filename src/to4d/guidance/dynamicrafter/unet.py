"""DynamiCrafter's U-Net: a text-to-image one with temporal convolutions and attention, shown the first frame twice.

Parameters are named as in the official checkpoints.
"""

import math

import torch
from torch import Tensor, nn

from to4d.guidance.dynamicrafter.attention import UNetContext
from to4d.guidance.dynamicrafter.sizes import UNetSize
from to4d.guidance.dynamicrafter.transformers import SpatialTransformer, TemporalTransformer
from to4d.guidance.dynamicrafter.unet_layers import ResBlock, UNetBlock, UNetDownsample
from to4d.guidance.dynamicrafter.upsample import Upsample


def sinusoids(numbers: Tensor, width: int) -> Tensor:
    """(n,) -> (n, width): cosines, then sines, of periods 2 pi to 20000 pi."""
    half = width // 2
    rates = torch.exp(-math.log(10000.0) * torch.arange(half, dtype=torch.float32, device=numbers.device) / half)
    angles = numbers[:, None].float() * rates
    return torch.cat([angles.cos(), angles.sin()], dim=-1)


def number_embedding(width: int) -> nn.Sequential:
    """The layers that turn sinusoids of a number into the vector that residual blocks read."""
    return nn.Sequential(nn.Linear(width, 4 * width), nn.SiLU(), nn.Linear(4 * width, 4 * width))


class UNet(nn.Module):
    """Predicts the noise (at 256) or the velocity (at 512 and 1024) in a noised clip."""

    def __init__(self, size: UNetSize) -> None:
        super().__init__()
        self.size, width = size, size.width
        self.time_embed = number_embedding(width)
        self.fps_embedding = number_embedding(width)
        self.init_attn = UNetBlock(TemporalTransformer(width, 8, size.head_width, convolve=True))
        self.input_blocks = nn.ModuleList([UNetBlock(nn.Conv2d(2 * size.latents, width, 3, padding=1))])
        channels, widths, skips = width, [width * factor for factor in size.factors], [width]
        for level, out in enumerate(widths):
            for _ in range(size.blocks):
                self.input_blocks.append(self._stage(channels, out, attend=level < size.attended))
                channels = out
                skips.append(out)
            if level + 1 < len(widths):
                self.input_blocks.append(UNetBlock(UNetDownsample(out)))
                skips.append(out)
        middle = self._stage(channels, channels, attend=True)
        self.middle_block = UNetBlock(*middle, ResBlock(channels, channels, 4 * width))
        self.output_blocks = nn.ModuleList()
        for level, out in reversed(list(enumerate(widths))):
            for index in range(size.blocks + 1):
                stage = self._stage(channels + skips.pop(), out, attend=level < size.attended)
                grow = [Upsample(out)] if level > 0 and index == size.blocks else []
                self.output_blocks.append(UNetBlock(*stage, *grow))
                channels = out
        self.out = nn.Sequential(nn.GroupNorm(32, width), nn.SiLU(), nn.Conv2d(width, size.latents, 3, padding=1))

    def _stage(self, channels: int, out: int, attend: bool) -> UNetBlock:
        """A residual block, with attention in space and time where `attend`."""
        size, heads = self.size, out // self.size.head_width
        block = ResBlock(channels, out, 4 * size.width)
        if not attend:
            return UNetBlock(block)
        spatial = SpatialTransformer(out, heads, size.head_width, size.context, size.learnt_scale)
        return UNetBlock(block, spatial, TemporalTransformer(out, heads, size.head_width))

    def forward(
        self, noisy: Tensor, still: Tensor, t: Tensor, pace: Tensor, context: UNetContext
    ) -> tuple[Tensor, list]:
        """One look.

        Args:
            noisy: (R, C, V, h, w).
            still: (R, C, h, w) latent of the first frame.
            t: (R,) step of the schedule.
            pace: (R,) frame stride (at 256) or frames a second.
            context: words and image tokens of the R clips.

        Returns:
            The prediction (R, C, V, h, w), and where each layer looked for the marked words and at each image token:
            (r V, h', w', 1 + Q).
        """
        rows, _, views, _, _ = noisy.shape
        level = self.time_embed(sinusoids(t, self.size.width).to(noisy.dtype))
        level = level + self.fps_embedding(sinusoids(pace, self.size.width).to(noisy.dtype))
        x = torch.cat([noisy, still[:, :, None].expand_as(noisy)], dim=1).transpose(1, 2).flatten(0, 1)
        kept, maps = [], []
        for index, block in enumerate(self.input_blocks):
            x, block_maps = block(x, level, context)
            if index == 0:
                x, _ = self.init_attn(x, level, context)
            kept.append(x)
            maps += block_maps
        x, block_maps = self.middle_block(x, level, context)
        maps += block_maps
        for block in self.output_blocks:
            x, block_maps = block(torch.cat([x, kept.pop()], dim=1), level, context)
            maps += block_maps
        return self.out(x).unflatten(0, (rows, views)).transpose(1, 2), maps
