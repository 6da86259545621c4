"""What the U-Net's blocks are made of, named as in the official checkpoints ("temopral_conv" is their spelling)."""

from torch import Tensor, nn

from to4d.guidance.dynamicrafter.attention import UNetContext
from to4d.guidance.dynamicrafter.transformers import SpatialTransformer, TemporalTransformer


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


class UNetDownsample(nn.Module):
    """Half the size."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.op = nn.Conv2d(channels, channels, 3, stride=2, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """(n, c, h, w) -> (n, c, h / 2, w / 2)."""
        return self.op(x)


class UNetBlock(nn.ModuleList):
    """Layers in a row, each given the inputs that it takes; at most one of them attends to words."""

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__(layers)

    def forward(self, x: Tensor, level: Tensor, context: UNetContext) -> tuple[Tensor, list[Tensor]]:
        """(R V, c, h, w) -> the same or another size, and the maps (r V, h, w, 1 + Q) of layers that look at words."""
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
