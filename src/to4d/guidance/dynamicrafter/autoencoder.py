"""The image autoencoder of Stable Diffusion (KL-VAE), frame by frame; parameters are named as in the checkpoints."""

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, pad, scaled_dot_product_attention, silu

from to4d.guidance.dynamicrafter.sizes import AutoencoderSize


def norm(channels: int) -> nn.GroupNorm:
    """Over groups of a 32nd of the channels."""
    return nn.GroupNorm(32, channels, eps=1e-6)


class ResnetBlock(nn.Module):
    """Two convolutions, added to their input."""

    def __init__(self, channels: int, out: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = norm(channels), norm(out)
        self.conv1 = nn.Conv2d(channels, out, 3, padding=1)
        self.conv2 = nn.Conv2d(out, out, 3, padding=1)
        self.nin_shortcut = None if channels == out else nn.Conv2d(channels, out, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(n, channels, h, w) -> (n, out, h, w)."""
        h = self.conv2(silu(self.norm2(self.conv1(silu(self.norm1(x))))))
        return h + (x if self.nin_shortcut is None else self.nin_shortcut(x))


class AttentionBlock(nn.Module):
    """Every place looks at every other one, with a single head."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = norm(channels)
        self.q, self.k, self.v, self.proj_out = (nn.Conv2d(channels, channels, 1) for _ in range(4))

    def forward(self, x: Tensor) -> Tensor:
        """(n, c, h, w) -> the same."""
        h = self.norm(x)
        q, k, v = (project(h).flatten(2).transpose(1, 2)[:, None] for project in (self.q, self.k, self.v))
        out = scaled_dot_product_attention(q, k, v)[:, 0].transpose(1, 2).unflatten(2, x.shape[-2:])
        return x + self.proj_out(out)


class Downsample(nn.Module):
    """Half the size; pads at the right and the bottom alone."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        """(n, c, h, w) -> (n, c, h / 2, w / 2)."""
        return self.conv(pad(x, (0, 1, 0, 1)))


class Upsample(nn.Module):
    """Twice the size."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """(n, c, h, w) -> (n, c, 2 h, 2 w)."""
        return self.conv(interpolate(x, scale_factor=2.0, mode="nearest"))


class Middle(nn.Module):
    """The layers at the coarsest level."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.block_1, self.block_2 = ResnetBlock(channels, channels), ResnetBlock(channels, channels)
        self.attn_1 = AttentionBlock(channels)

    def forward(self, x: Tensor) -> Tensor:
        """(n, c, h, w) -> the same."""
        return self.block_2(self.attn_1(self.block_1(x)))


class Level(nn.Module):
    """The layers of one level, then the one that changes the size, if any."""

    def __init__(
        self,
        channels: int,
        out: int,
        blocks: int,
        downsample: nn.Module | None = None,
        upsample: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.block = nn.ModuleList([ResnetBlock(channels if i == 0 else out, out) for i in range(blocks)])
        self.downsample, self.upsample = downsample, upsample

    def forward(self, x: Tensor) -> Tensor:
        """(n, channels, h, w) -> (n, out, h', w')."""
        for layer in (*self.block, self.downsample, self.upsample):
            x = x if layer is None else layer(x)
        return x


class Encoder(nn.Module):
    """Pixels to mean and log variance of latents, before `quant_conv`."""

    def __init__(self, size: AutoencoderSize) -> None:
        super().__init__()
        widths = [size.width * factor for factor in size.factors]
        self.conv_in = nn.Conv2d(3, size.width, 3, padding=1)
        inputs = [size.width, *widths[:-1]]
        shrink = [Downsample(width) for width in widths[:-1]] + [None]
        levels = zip(inputs, widths, shrink, strict=True)
        self.down = nn.ModuleList([Level(i, o, size.blocks, downsample=layer) for i, o, layer in levels])
        self.mid = Middle(widths[-1])
        self.norm_out = norm(widths[-1])
        self.conv_out = nn.Conv2d(widths[-1], 2 * size.latents, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """(n, 3, H, W) in [-1, 1] -> (n, 2 C, H / 8, W / 8)."""
        x = self.conv_in(x)
        for level in self.down:
            x = level(x)
        return self.conv_out(silu(self.norm_out(self.mid(x))))


class Decoder(nn.Module):
    """Latents to pixels, after `post_quant_conv`."""

    def __init__(self, size: AutoencoderSize) -> None:
        super().__init__()
        widths = [size.width * factor for factor in size.factors]
        self.conv_in = nn.Conv2d(size.latents, widths[-1], 3, padding=1)
        self.mid = Middle(widths[-1])
        inputs = [*widths[1:], widths[-1]]  # the coarsest level comes first, but is the last of the list
        grow = [None] + [Upsample(width) for width in widths[1:]]
        levels = zip(inputs, widths, grow, strict=True)
        self.up = nn.ModuleList([Level(i, o, size.blocks + 1, upsample=layer) for i, o, layer in levels])
        self.norm_out = norm(widths[0])
        self.conv_out = nn.Conv2d(widths[0], 3, 3, padding=1)

    def forward(self, z: Tensor) -> Tensor:
        """(n, C, h, w) -> (n, 3, 8 h, 8 w) in [-1, 1] or a little beyond."""
        x = self.mid(self.conv_in(z))
        for level in reversed(self.up):
            x = level(x)
        return self.conv_out(silu(self.norm_out(x)))


class Autoencoder(nn.Module):
    """Images to latents and back; latents here are not yet scaled to variance 1."""

    def __init__(self, size: AutoencoderSize) -> None:
        super().__init__()
        self.encoder, self.decoder = Encoder(size), Decoder(size)
        self.quant_conv = nn.Conv2d(2 * size.latents, 2 * size.latents, 1)
        self.post_quant_conv = nn.Conv2d(size.latents, size.latents, 1)

    def moments(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """(n, 3, H, W) in [-1, 1] -> mean and standard deviation of the latents, (n, C, H / 8, W / 8) each."""
        mean, log_variance = self.quant_conv(self.encoder(images)).chunk(2, dim=1)
        return mean, torch.exp(0.5 * log_variance.clamp(-30.0, 20.0))

    def encode(self, images: Tensor) -> Tensor:
        """(n, 3, H, W) in [-1, 1] -> the mean, (n, C, H / 8, W / 8)."""
        return self.moments(images)[0]

    def decode(self, latents: Tensor) -> Tensor:
        """(n, C, h, w) -> (n, 3, 8 h, 8 w)."""
        return self.decoder(self.post_quant_conv(latents))
