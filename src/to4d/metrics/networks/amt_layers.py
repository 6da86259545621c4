"""The layers of AMT-S (Li et al. 2023), with the names of the official weights."""

import torch
from torch import Tensor, nn
from torch.nn.functional import grid_sample, interpolate, leaky_relu

from to4d.metrics.networks.raft_net import coordinate_grid

SIDE = 20  # last channels of a residual block, which side convolutions refine once more
REACH, LEVELS = 3, 4  # radius and pyramid levels of the correlation lookup
SLOPE = 0.1  # of the rectifiers in a refinement


def resize_bilinear(x: Tensor, factor: float) -> Tensor:
    """(n, c, h, w) -> (n, c, factor h, factor w), bilinear."""
    return interpolate(x, scale_factor=factor, mode="bilinear", align_corners=False)


def backward_warp(picture: Tensor, flow: Tensor) -> Tensor:
    """Sample (n, c, h, w) along the flow (n, 2, h, w), (right, down) in pixels; outside, the nearest border counts.

    >>> backward_warp(torch.arange(4.0).expand(1, 1, 4, 4), torch.ones(1, 2, 4, 4))[0, 0, 0].tolist()
    [1.0, 2.0, 3.0, 3.0]
    """
    size = flow.new_tensor([flow.shape[-1] - 1, flow.shape[-2] - 1])
    where = 2.0 * (coordinate_grid(flow) + flow).movedim(1, -1) / size - 1.0
    return grid_sample(picture, where, padding_mode="border", align_corners=True)


def conv_prelu(before: int, after: int, stride: int = 1) -> nn.Sequential:
    """3 x 3, with a rectifier whose slope is learned."""
    return nn.Sequential(nn.Conv2d(before, after, 3, stride, 1), nn.PReLU(after))


class Bottleneck(nn.Module):
    """Three convolutions, narrow inside, beside a shortcut; channels are normalised in each picture."""

    def __init__(self, before: int, after: int, stride: int) -> None:
        """From `before` to `after` channels; a stride of 2 halves the size."""
        super().__init__()
        narrow = after // 4
        self.conv1 = nn.Conv2d(before, narrow, 1)
        self.conv2 = nn.Conv2d(narrow, narrow, 3, padding=1, stride=stride)
        self.conv3 = nn.Conv2d(narrow, after, 1)
        self.norm1, self.norm2, self.norm3 = (nn.InstanceNorm2d(width) for width in (narrow, narrow, after))
        self.downsample = None
        if stride > 1:
            self.downsample = nn.Sequential(nn.Conv2d(before, after, 1, stride=stride), nn.InstanceNorm2d(after))

    def forward(self, x: Tensor) -> Tensor:
        """(n, before, h, w) -> (n, after, h / stride, w / stride)."""
        y = self.norm2(self.conv2(self.norm1(self.conv1(x)).relu())).relu()
        y = self.norm3(self.conv3(y)).relu()
        return (y + (x if self.downsample is None else self.downsample(x))).relu()


class CorrelationEncoder(nn.Module):
    """Features at an eighth of the size, from which correlations of two images are computed."""

    def __init__(self) -> None:
        """84 channels come out."""
        super().__init__()
        self.conv1, self.norm1 = nn.Conv2d(3, 32, 7, stride=2, padding=3), nn.InstanceNorm2d(32)
        self.layer1 = nn.Sequential(Bottleneck(32, 32, 1), Bottleneck(32, 32, 1))
        self.layer2 = nn.Sequential(Bottleneck(32, 64, 2), Bottleneck(64, 64, 1))
        self.layer3 = nn.Sequential(Bottleneck(64, 96, 2), Bottleneck(96, 96, 1))
        self.conv2 = nn.Conv2d(96, 84, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(n, 3, H, W) -> (n, 84, H / 8, W / 8)."""
        return self.conv2(self.layer3(self.layer2(self.layer1(self.norm1(self.conv1(x)).relu()))))


class PyramidEncoder(nn.Module):
    """A feature pyramid: half the size, a quarter, an eighth and a sixteenth."""

    def __init__(self, widths: tuple[int, ...]) -> None:
        """Channels of each."""
        super().__init__()
        for number, (before, after) in enumerate(zip((3, *widths), widths, strict=False), 1):
            self.add_module(f"pyramid{number}", nn.Sequential(conv_prelu(before, after, 2), conv_prelu(after, after)))

    def forward(self, x: Tensor) -> list[Tensor]:
        """(n, 3, H, W) -> from fine to coarse."""
        levels = []
        for halve in self.children():
            levels.append(x := halve(x))
        return levels


class SideResidual(nn.Module):
    """Convolutions beside a shortcut; after the first and the third, the last channels go through one of their own."""

    def __init__(self, width: int) -> None:
        """`width` channels go in and come out."""
        super().__init__()
        self.conv1, self.conv3 = conv_prelu(width, width), conv_prelu(width, width)
        self.conv2, self.conv4 = conv_prelu(SIDE, SIDE), conv_prelu(SIDE, SIDE)
        self.conv5, self.prelu = nn.Conv2d(width, width, 3, padding=1), nn.PReLU(width)

    def forward(self, x: Tensor) -> Tensor:
        """(n, width, h, w) -> the same."""
        y = x
        for whole, side in ((self.conv1, self.conv2), (self.conv3, self.conv4)):
            y = whole(y)
            y = torch.cat([y[:, :-SIDE], side(y[:, -SIDE:])], 1)
        return self.prelu(x + self.conv5(y))


class AmtDecoder(nn.Module):
    """Decodes features to twice the size."""

    def __init__(self, before: int, width: int, after: int) -> None:
        """From `before` to `after` channels by way of `width`."""
        super().__init__()
        grow = nn.ConvTranspose2d(width, after, 4, 2, 1)
        self.convblock = nn.Sequential(conv_prelu(before, width), SideResidual(width), grow)

    def forward(self, *parts: Tensor) -> Tensor:
        """Parts (n, c, h, w), `before` channels together -> (n, after, 2 h, 2 w)."""
        return self.convblock(torch.cat(parts, 1))


class AmtUpdate(nn.Module):
    """Residual updates of features and flows, from a correlation lookup."""

    def __init__(self, width: int) -> None:
        """`width` channels of features."""
        super().__init__()
        self.convc1 = nn.Conv2d(2 * LEVELS * (2 * REACH + 1) ** 2, 64, 1)
        self.convf1, self.convf2 = nn.Conv2d(4, 40, 7, padding=3), nn.Conv2d(40, 20, 3, padding=1)
        self.conv = nn.Conv2d(64 + 20, 68, 3, padding=1)
        self.gru = conv_pair(68 + 4 + width, 76)
        self.feat_head, self.flow_head = conv_pair(76, width), conv_pair(76, 4)

    def forward(self, state: Tensor, flow: Tensor, correlation: Tensor) -> tuple[Tensor, Tensor]:
        """(n, width, h, w), both flows (n, 4, h, w) and correlations (n, 392, h, w) -> the two changes."""
        moved = leaky_relu(self.convf2(leaky_relu(self.convf1(flow), SLOPE)), SLOPE)
        near = torch.cat([leaky_relu(self.convc1(correlation), SLOPE), moved], 1)
        both = self.gru(torch.cat([leaky_relu(self.conv(near), SLOPE), flow, state], 1))
        return self.feat_head(both), self.flow_head(both)


def conv_pair(before: int, after: int) -> nn.Sequential:
    """Two convolutions by way of 76 channels."""
    return nn.Sequential(nn.Conv2d(before, 76, 3, padding=1), nn.LeakyReLU(SLOPE), nn.Conv2d(76, after, 3, padding=1))
