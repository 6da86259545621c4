"""The layers of RAFT (Teed and Deng 2020), large, with the names of the official weights."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

HIDDEN, CONTEXT, FEATURES = 128, 128, 256
LEVELS, RADIUS = 4, 4


class ResidualBlock(nn.Module):
    """Two convolutions beside a shortcut."""

    def __init__(self, before: int, after: int, norm: Callable[[int], nn.Module], stride: int) -> None:
        """From `before` to `after` channels; a stride of 2 halves the size."""
        super().__init__()
        self.conv1 = nn.Conv2d(before, after, 3, padding=1, stride=stride)
        self.conv2 = nn.Conv2d(after, after, 3, padding=1)
        self.norm1, self.norm2 = norm(after), norm(after)
        self.downsample = None
        if stride > 1:
            self.norm3 = norm(after)  # the weights hold it under both names
            self.downsample = nn.Sequential(nn.Conv2d(before, after, 1, stride=stride), self.norm3)

    def forward(self, x: Tensor) -> Tensor:
        """(n, before, h, w) -> (n, after, h / stride, w / stride)."""
        y = self.norm2(self.conv2(self.norm1(self.conv1(x)).relu())).relu()
        return (y + (x if self.downsample is None else self.downsample(x))).relu()


class RaftEncoder(nn.Module):
    """Features at an eighth of the size."""

    def __init__(self, width: int, norm: Callable[[int], nn.Module]) -> None:
        """`width` channels come out."""
        super().__init__()
        self.norm1, self.conv1 = norm(64), nn.Conv2d(3, 64, 7, stride=2, padding=3)
        self.layer1 = nn.Sequential(ResidualBlock(64, 64, norm, 1), ResidualBlock(64, 64, norm, 1))
        self.layer2 = nn.Sequential(ResidualBlock(64, 96, norm, 2), ResidualBlock(96, 96, norm, 1))
        self.layer3 = nn.Sequential(ResidualBlock(96, 128, norm, 2), ResidualBlock(128, 128, norm, 1))
        self.conv2 = nn.Conv2d(128, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(n, 3, H, W) -> (n, width, H / 8, W / 8)."""
        return self.conv2(self.layer3(self.layer2(self.layer1(self.norm1(self.conv1(x)).relu()))))


class MotionEncoder(nn.Module):
    """Encodes the correlation lookup and the current flow."""

    def __init__(self) -> None:
        """Sizes are those of the large network."""
        super().__init__()
        self.convc1 = nn.Conv2d(LEVELS * (2 * RADIUS + 1) ** 2, 256, 1)
        self.convc2 = nn.Conv2d(256, 192, 3, padding=1)
        self.convf1 = nn.Conv2d(2, 128, 7, padding=3)
        self.convf2 = nn.Conv2d(128, 64, 3, padding=1)
        self.conv = nn.Conv2d(64 + 192, HIDDEN - 2, 3, padding=1)

    def forward(self, flow: Tensor, correlation: Tensor) -> Tensor:
        """(n, 2, h, w), (n, 324, h, w) -> (n, 128, h, w)."""
        near = self.convc2(self.convc1(correlation).relu()).relu()
        moved = self.convf2(self.convf1(flow).relu()).relu()
        return torch.cat([self.conv(torch.cat([near, moved], 1)).relu(), flow], 1)


class SepConvGru(nn.Module):
    """A gated recurrent unit, along rows and then along columns."""

    convz1: nn.Conv2d
    convr1: nn.Conv2d
    convq1: nn.Conv2d
    convz2: nn.Conv2d
    convr2: nn.Conv2d
    convq2: nn.Conv2d

    def __init__(self) -> None:
        """Sizes are those of the large network."""
        super().__init__()
        for number, size in ((1, (1, 5)), (2, (5, 1))):
            for gate in "zrq":
                room = (size[0] // 2, size[1] // 2)
                self.add_module(f"conv{gate}{number}", nn.Conv2d(HIDDEN + CONTEXT + HIDDEN, HIDDEN, size, padding=room))

    def forward(self, state: Tensor, x: Tensor) -> Tensor:
        """(n, 128, h, w) and what is new (n, 256, h, w) -> the next state."""
        for z, r, q in ((self.convz1, self.convr1, self.convq1), (self.convz2, self.convr2, self.convq2)):
            both = torch.cat([state, x], 1)
            keep, reset = z(both).sigmoid(), r(both).sigmoid()
            state = (1.0 - keep) * state + keep * q(torch.cat([reset * state, x], 1)).tanh()
        return state


class FlowHead(nn.Module):
    """Predicts the residual flow."""

    def __init__(self) -> None:
        """Sizes are those of the large network."""
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(HIDDEN, 256, 3, padding=1), nn.Conv2d(256, 2, 3, padding=1)

    def forward(self, state: Tensor) -> Tensor:
        """(n, 128, h, w) -> (n, 2, h, w)."""
        return self.conv2(self.conv1(state).relu())


class RaftUpdate(nn.Module):
    """One recurrent update of the flow."""

    def __init__(self) -> None:
        """Sizes are those of the large network."""
        super().__init__()
        self.encoder, self.gru, self.flow_head = MotionEncoder(), SepConvGru(), FlowHead()
        self.mask = nn.Sequential(nn.Conv2d(HIDDEN, 256, 3, padding=1), nn.ReLU(), nn.Conv2d(256, 64 * 9, 1))

    def forward(self, state: Tensor, context: Tensor, correlation: Tensor, flow: Tensor) -> tuple[Tensor, Tensor]:
        """The next state, and the change of the flow."""
        state = self.gru(state, torch.cat([context, self.encoder(flow, correlation)], 1))
        return state, self.flow_head(state)
