"""What the autoencoder is made of; parameters are named as in the checkpoints."""

from torch import Tensor, nn
from torch.nn.functional import pad, scaled_dot_product_attention, silu


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
    """Self-attention over all places, with a single head."""

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


class EncoderDownsample(nn.Module):
    """Half the size; pads at the right and the bottom alone."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        """(n, c, h, w) -> (n, c, h / 2, w / 2)."""
        return self.conv(pad(x, (0, 1, 0, 1)))


class MiddleBlock(nn.Module):
    """The layers at the coarsest level."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.block_1, self.block_2 = ResnetBlock(channels, channels), ResnetBlock(channels, channels)
        self.attn_1 = AttentionBlock(channels)

    def forward(self, x: Tensor) -> Tensor:
        """(n, c, h, w) -> the same."""
        return self.block_2(self.attn_1(self.block_1(x)))


class ResolutionLevel(nn.Module):
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
