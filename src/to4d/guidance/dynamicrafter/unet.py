"""DynamiCrafter's U-Net: a text-to-image one with temporal convolutions and attention, shown the first frame twice.

Parameters are named as in the official checkpoints ("temopral_conv" is their spelling).
"""

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from to4d.guidance.dynamicrafter.attention import Context, SpatialTransformer, TemporalTransformer
from to4d.guidance.dynamicrafter.sizes import UNetSize


def sinusoids(numbers: Tensor, width: int) -> Tensor:
    """(n,) -> (n, width): cosines, then sines, of periods 2 pi to 20000 pi."""
    half = width // 2
    rates = torch.exp(-math.log(10000.0) * torch.arange(half, dtype=torch.float32, device=numbers.device) / half)
    angles = numbers[:, None].float() * rates
    return torch.cat([angles.cos(), angles.sin()], dim=-1)


def number_embedding(width: int) -> nn.Sequential:
    """The layers that turn sinusoids of a number into the vector that residual blocks read."""
    return nn.Sequential(nn.Linear(width, 4 * width), nn.SiLU(), nn.Linear(4 * width, 4 * width))


def temporal_layer(channels: int, pause: bool) -> nn.Sequential:
    """Norm, activation and a convolution over three frames; `pause` stands where training had dropout."""
    convolution = nn.Conv3d(channels, channels, (3, 1, 1), padding=(1, 0, 0))
    return nn.Sequential(nn.GroupNorm(32, channels), nn.SiLU(), *[nn.Identity()] * pause, convolution)


class TemporalConv(nn.Module):
    """Four convolutions along time, added to their input."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = temporal_layer(channels, pause=False)
        self.conv2, self.conv3, self.conv4 = (temporal_layer(channels, pause=True) for _ in range(3))

    def forward(self, x: Tensor, views: int) -> Tensor:
        """(R V, c, h, w) -> the same."""
        clips = x.unflatten(0, (-1, views)).transpose(1, 2)
        out = self.conv4(self.conv3(self.conv2(self.conv1(clips))))
        return x + out.transpose(1, 2).flatten(0, 1)


class ResBlock(nn.Module):
    """Two convolutions with the noise level between them, then the temporal ones."""

    def __init__(self, channels: int, out: int, level: int) -> None:
        super().__init__()
        self.in_layers = nn.Sequential(nn.GroupNorm(32, channels), nn.SiLU(), nn.Conv2d(channels, out, 3, padding=1))
        self.emb_layers = nn.Sequential(nn.SiLU(), nn.Linear(level, out))
        self.out_layers = nn.Sequential(
            nn.GroupNorm(32, out), nn.SiLU(), nn.Identity(), nn.Conv2d(out, out, 3, padding=1)
        )
        self.skip_connection = nn.Identity() if channels == out else nn.Conv2d(channels, out, 1)
        self.temopral_conv = TemporalConv(out)

    def forward(self, x: Tensor, level: Tensor, views: int) -> Tensor:
        """(R V, c, h, w) and (R, level) -> (R V, out, h, w)."""
        bias = self.emb_layers(level).repeat_interleave(views, 0)
        h = self.out_layers(self.in_layers(x) + bias[..., None, None])
        return self.temopral_conv(self.skip_connection(x) + h, views)


class Downsample(nn.Module):
    """Half the size."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.op = nn.Conv2d(channels, channels, 3, stride=2, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """(n, c, h, w) -> (n, c, h / 2, w / 2)."""
        return self.op(x)


class Upsample(nn.Module):
    """Twice the size."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """(n, c, h, w) -> (n, c, 2 h, 2 w)."""
        return self.conv(interpolate(x, scale_factor=2.0, mode="nearest"))


class Block(nn.Sequential):
    """Layers in a row, each given what it reads; at most one of them looks at words."""

    def forward(self, x: Tensor, level: Tensor, context: Context) -> tuple[Tensor, list[Tensor]]:
        """(R V, c, h, w) -> the same or another size, and the maps (r V, h, w) of the layers that look at words."""
        views, maps = context.image.shape[1], []
        for layer in self:
            if isinstance(layer, SpatialTransformer):
                x, attention = layer(x, context)
                maps += [] if attention is None else [attention]
            elif isinstance(layer, ResBlock):
                x = layer(x, level, views)
            elif isinstance(layer, TemporalTransformer):
                x = layer(x, views)
            else:
                x = layer(x)
        return x, maps


class UNet(nn.Module):
    """Predicts the noise (at 256) or the velocity (at 512 and 1024) in a noised clip."""

    def __init__(self, size: UNetSize) -> None:
        super().__init__()
        self.size, width = size, size.width
        self.time_embed = number_embedding(width)
        self.fps_embedding = number_embedding(width)
        self.init_attn = Block(TemporalTransformer(width, 8, size.head_width, convolve=True))
        self.input_blocks = nn.ModuleList([Block(nn.Conv2d(2 * size.latents, width, 3, padding=1))])
        channels, widths, skips = width, [width * factor for factor in size.factors], [width]
        for level, out in enumerate(widths):
            for _ in range(size.blocks):
                self.input_blocks.append(self._stage(channels, out, attend=level < size.attended))
                channels = out
                skips.append(out)
            if level + 1 < len(widths):
                self.input_blocks.append(Block(Downsample(out)))
                skips.append(out)
        middle = self._stage(channels, channels, attend=True)
        self.middle_block = Block(*middle, ResBlock(channels, channels, 4 * width))
        self.output_blocks = nn.ModuleList()
        for level, out in reversed(list(enumerate(widths))):
            for index in range(size.blocks + 1):
                stage = self._stage(channels + skips.pop(), out, attend=level < size.attended)
                grow = [Upsample(out)] if level > 0 and index == size.blocks else []
                self.output_blocks.append(Block(*stage, *grow))
                channels = out
        self.out = nn.Sequential(nn.GroupNorm(32, width), nn.SiLU(), nn.Conv2d(width, size.latents, 3, padding=1))

    def _stage(self, channels: int, out: int, attend: bool) -> Block:
        """A residual block, with attention in space and time where `attend`."""
        size, heads = self.size, out // self.size.head_width
        block = ResBlock(channels, out, 4 * size.width)
        if not attend:
            return Block(block)
        spatial = SpatialTransformer(out, heads, size.head_width, size.context, size.learnt_scale)
        return Block(block, spatial, TemporalTransformer(out, heads, size.head_width))

    def forward(self, noisy: Tensor, still: Tensor, t: Tensor, pace: Tensor, context: Context) -> tuple[Tensor, list]:
        """One look.

        Args:
            noisy: (R, C, V, h, w).
            still: (R, C, h, w) latent of the first frame.
            t: (R,) step of the schedule.
            pace: (R,) frame stride (at 256) or frames a second.
            context: words and image tokens of the R clips.

        Returns:
            The prediction (R, C, V, h, w), and where each layer looked for the marked words: (r V, h', w') each.
        """
        rows, _, views, _, _ = noisy.shape
        level = self.time_embed(sinusoids(t, self.size.width).to(noisy.dtype))
        level = level + self.fps_embedding(sinusoids(pace, self.size.width).to(noisy.dtype))
        x = torch.cat([noisy, still[:, :, None].expand_as(noisy)], dim=1).transpose(1, 2).flatten(0, 1)
        kept, maps = [], []
        for index, block in enumerate(self.input_blocks):
            x, seen = block(x, level, context)
            if index == 0:
                x, _ = self.init_attn(x, level, context)
            kept.append(x)
            maps += seen
        x, seen = self.middle_block(x, level, context)
        maps += seen
        for block in self.output_blocks:
            x, seen = block(torch.cat([x, kept.pop()], dim=1), level, context)
            maps += seen
        return self.out(x).unflatten(0, (rows, views)).transpose(1, 2), maps
