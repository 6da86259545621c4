"""Optical flow by RAFT (Teed and Deng 2020), as VBench uses it. Takes the official weights strictly by key."""

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, grid_sample, pad, unfold

from to4d.metrics.networks.raft_layers import CONTEXT, FEATURES, HIDDEN, LEVELS, RADIUS, RaftEncoder, RaftUpdate


class RaftNet(nn.Module):
    """Optical flow from one image to another."""

    def __init__(self) -> None:
        """The large network."""
        super().__init__()
        self.fnet = RaftEncoder(FEATURES, nn.InstanceNorm2d)
        self.cnet = RaftEncoder(HIDDEN + CONTEXT, nn.BatchNorm2d)
        self.update_block = RaftUpdate()

    def forward(self, now: Tensor, later: Tensor, iterations: int = 20) -> Tensor:
        """Pictures (n, 3, H, W) in [0, 1] -> flow (n, 2, H, W) in pixels, (right, down)."""
        *_, height, width = now.shape
        across, down = -width % 8, -height % 8
        room = (across // 2, across - across // 2, down // 2, down - down // 2)
        now, later = (pad(2.0 * x - 1.0, room, mode="replicate") for x in (now, later))
        pyramid = correlation_pyramid(*self.fnet(torch.cat([now, later])).chunk(2))
        state, context = self.cnet(now).split([HIDDEN, CONTEXT], 1)
        state, context = state.tanh(), context.relu()
        start = coordinate_grid(state)
        flow = torch.zeros_like(start)
        for _ in range(iterations):
            state, change = self.update_block(state, context, lookup_correlations(pyramid, start + flow), flow)
            flow = flow + change
        large = convex_upsample(flow, 0.25 * self.update_block.mask(state))
        return large[..., room[2] : room[2] + height, room[0] : room[0] + width]


def coordinate_grid(x: Tensor) -> Tensor:
    """(n, 2, h, w) the place of each pixel of (n, c, h, w), (right, down)."""
    row, column = (torch.arange(size, dtype=x.dtype, device=x.device) for size in x.shape[-2:])
    y, x_ = torch.meshgrid(row, column, indexing="ij")
    return torch.stack([x_, y]).expand(len(x), 2, *x.shape[-2:])


def correlation_pyramid(a: Tensor, b: Tensor) -> list[Tensor]:
    """Features (n, c, h, w) twice -> for each pixel of a, its likeness to b: (n h w, 1, h, w), and halved thrice."""
    count, channels, height, width = a.shape
    likeness = a.flatten(2).transpose(1, 2) @ b.flatten(2) / channels**0.5
    pyramid = [likeness.reshape(-1, 1, height, width)]
    for _ in range(LEVELS - 1):
        pyramid.append(avg_pool2d(pyramid[-1], 2, stride=2))
    return pyramid


def lookup_correlations(pyramid: list[Tensor], place: Tensor, radius: int = RADIUS) -> Tensor:
    """The likenesses around each pixel's place (n, 2, h, w) -> (n, 4 (2 radius + 1)^2, h, w)."""
    count, _, height, width = place.shape
    reach = torch.arange(-radius, radius + 1, dtype=place.dtype, device=place.device)
    around = torch.stack(torch.meshgrid(reach, reach, indexing="ij"), -1)  # first right, then down, as in the original
    centre = place.movedim(1, -1).reshape(-1, 1, 1, 2)
    lookups = []
    for level, likeness in enumerate(pyramid):
        size = place.new_tensor([likeness.shape[-1] - 1, likeness.shape[-2] - 1])
        where = 2.0 * (centre / 2**level + around) / size - 1.0
        lookups.append(grid_sample(likeness, where, align_corners=True).reshape(count, height, width, -1))
    return torch.cat(lookups, -1).movedim(-1, 1).contiguous()


def convex_upsample(flow: Tensor, mask: Tensor) -> Tensor:
    """(n, 2, h, w) -> (n, 2, 8 h, 8 w): a new pixel is a mean of the nine around, weighted by `mask` (n, 576, h, w)."""
    count, _, height, width = flow.shape
    weight = mask.reshape(count, 1, 9, 8, 8, height, width).softmax(2)
    near = unfold(8.0 * flow, 3, padding=1).reshape(count, 2, 9, 1, 1, height, width)
    return (weight * near).sum(2).permute(0, 1, 4, 2, 5, 3).reshape(count, 2, 8 * height, 8 * width)
