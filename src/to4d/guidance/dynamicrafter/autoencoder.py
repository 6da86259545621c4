"""The image autoencoder of Stable Diffusion (KL-VAE), frame by frame; parameters are named as in the checkpoints."""

import torch
from torch import Tensor, nn
from torch.nn.functional import silu

from to4d.errors import AUTOENCODER, memory_of
from to4d.guidance.dynamicrafter.autoencoder_layers import EncoderDownsample, MiddleBlock, ResolutionLevel, norm
from to4d.guidance.dynamicrafter.sizes import AutoencoderSize
from to4d.guidance.dynamicrafter.upsample import Upsample


class KlEncoder(nn.Module):
    """Pixels to mean and log variance of latents, before `quant_conv`."""

    def __init__(self, size: AutoencoderSize) -> None:
        super().__init__()
        widths = [size.width * factor for factor in size.factors]
        self.conv_in = nn.Conv2d(3, size.width, 3, padding=1)
        inputs = [size.width, *widths[:-1]]
        shrink = [EncoderDownsample(width) for width in widths[:-1]] + [None]
        levels = zip(inputs, widths, shrink, strict=True)
        self.down = nn.ModuleList([ResolutionLevel(i, o, size.blocks, downsample=layer) for i, o, layer in levels])
        self.mid = MiddleBlock(widths[-1])
        self.norm_out = norm(widths[-1])
        self.conv_out = nn.Conv2d(widths[-1], 2 * size.latents, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """(n, 3, H, W) in [-1, 1] -> (n, 2 C, H / 8, W / 8)."""
        x = self.conv_in(x)
        for level in self.down:
            x = level(x)
        return self.conv_out(silu(self.norm_out(self.mid(x))))


class KlDecoder(nn.Module):
    """Latents to pixels, after `post_quant_conv`."""

    def __init__(self, size: AutoencoderSize) -> None:
        super().__init__()
        widths = [size.width * factor for factor in size.factors]
        self.conv_in = nn.Conv2d(size.latents, widths[-1], 3, padding=1)
        self.mid = MiddleBlock(widths[-1])
        inputs = [*widths[1:], widths[-1]]  # the coarsest level comes first, but is the last of the list
        grow = [None] + [Upsample(width) for width in widths[1:]]
        levels = zip(inputs, widths, grow, strict=True)
        self.up = nn.ModuleList([ResolutionLevel(i, o, size.blocks + 1, upsample=layer) for i, o, layer in levels])
        self.norm_out = norm(widths[0])
        self.conv_out = nn.Conv2d(widths[0], 3, 3, padding=1)

    def forward(self, z: Tensor) -> Tensor:
        """(n, C, h, w) -> (n, 3, 8 h, 8 w) in [-1, 1] or a little beyond."""
        x = self.mid(self.conv_in(z))
        for level in reversed(self.up):
            x = level(x)
        return self.conv_out(silu(self.norm_out(x)))


class KlAutoencoder(nn.Module):
    """Images to latents and back, float32 both, whatever it computes in; latents are not yet scaled to variance 1."""

    def __init__(self, size: AutoencoderSize) -> None:
        super().__init__()
        self.encoder, self.decoder = KlEncoder(size), KlDecoder(size)
        self.quant_conv = nn.Conv2d(2 * size.latents, 2 * size.latents, 1)
        self.post_quant_conv = nn.Conv2d(size.latents, size.latents, 1)

    @memory_of(AUTOENCODER)
    def moments(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """(n, 3, H, W) in [-1, 1] -> mean and standard deviation of the latents, (n, C, H / 8, W / 8) each."""
        images = images.to(self.quant_conv.weight.dtype)
        mean, log_variance = self.quant_conv(self.encoder(images)).float().chunk(2, dim=1)
        return mean, torch.exp(0.5 * log_variance.clamp(-30.0, 20.0))

    def encode(self, images: Tensor) -> Tensor:
        """(n, 3, H, W) in [-1, 1] -> the mean, (n, C, H / 8, W / 8)."""
        return self.moments(images)[0]

    @memory_of(AUTOENCODER)
    def decode(self, latents: Tensor) -> Tensor:
        """(n, C, h, w) -> (n, 3, 8 h, 8 w)."""
        return self.decoder(self.post_quant_conv(latents.to(self.quant_conv.weight.dtype))).float()
