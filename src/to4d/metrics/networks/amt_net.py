"""Frame interpolation by AMT-S (Li et al. 2023), of the middle frame, as in VBench. Loads the official weights."""

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from to4d.metrics.networks.amt_layers import (
    REACH,
    AmtDecoder,
    AmtUpdate,
    CorrelationEncoder,
    PyramidEncoder,
    backward_warp,
    conv_prelu,
    resize_bilinear,
)
from to4d.metrics.networks.raft_net import coordinate_grid, correlation_pyramid, lookup_correlations

WIDTHS, GUESSES = (20, 32, 44, 56), 3
MIDDLE = 0.5  # the time of the interpolated frame between both
SMALLEST = 113  # pixels a side; the coarsest correlations of smaller images are too small


class AmtNet(nn.Module):
    """Bilateral flows from coarse to fine, then the mean of three candidate frames plus a learned residual."""

    def __init__(self) -> None:
        """The small network."""
        super().__init__()
        fine, middle, coarse, coarsest = WIDTHS
        self.feat_encoder, self.encoder = CorrelationEncoder(), PyramidEncoder(WIDTHS)
        self.decoder4 = AmtDecoder(2 * coarsest + 1, 2 * coarsest, 4 + coarse)
        self.decoder3 = AmtDecoder(3 * coarse + 4, 3 * coarse, 4 + middle)
        self.decoder2 = AmtDecoder(3 * middle + 4, 3 * middle, 4 + fine)
        self.decoder1 = AmtDecoder(3 * fine + 4, 3 * fine, 8 * GUESSES)
        self.update4, self.update3, self.update2 = AmtUpdate(coarse), AmtUpdate(middle), AmtUpdate(fine)
        self.comb_block = nn.Sequential(*conv_prelu(3 * GUESSES, 6 * GUESSES), nn.Conv2d(6 * GUESSES, 3, 3, padding=1))

    def forward(self, now: Tensor, later: Tensor) -> Tensor:
        """Pictures (n, 3, H, W) in [0, 1], at least 113 pixels a side -> the one in the middle."""
        *_, height, width = now.shape
        across, down = -width % 16, -height % 16
        room = (across // 2, across - across // 2, down // 2, down - down // 2)
        both = torch.stack([pad(x, room, mode="replicate") for x in (now, later)])
        mean = both.mean((0, 2, 3, 4))[:, None, None, None]
        guess = self.guessed(*both, *self.between(*(both - mean)))
        return guess.clamp(0.0, 1.0)[..., room[2] : room[2] + height, room[0] : room[0] + width]

    def between(self, now: Tensor, later: Tensor) -> tuple[Tensor, Tensor]:
        """Of pictures around 0, whose sides are multiples of 16: what the guesses are made of, and the flow (4)."""
        a, b = self.feat_encoder(torch.cat([now, later])).chunk(2)
        pyramids = correlation_pyramid(a, b), correlation_pyramid(b, a)
        levels = list(zip(self.encoder(now), self.encoder(later), strict=True))
        coarsest = levels.pop()
        found = self.decoder4(*coarsest, torch.full_like(coarsest[0][:, :1], MIDDLE))
        flow, state = refine_flow(self.update4, found[:, :4], found[:, 4:], pyramids, 1)
        for decoder, update, factor in ((self.decoder3, self.update3, 2), (self.decoder2, self.update2, 4)):
            found = decoder(state, *warp_to_middle(levels.pop(), flow), flow)
            flow, state = refine_flow(update, found[:, :4] + upsample_flow_twice(flow), found[:, 4:], pyramids, factor)
        return self.decoder1(state, *warp_to_middle(levels.pop(), flow), flow), upsample_flow_twice(flow)

    def guessed(self, now: Tensor, later: Tensor, found: Tensor, flow: Tensor) -> Tensor:
        """Three guesses (n, 24, H, W) around the flow (n, 4, H, W) -> one picture."""
        to_now, to_later, share, rest = found.split([2 * GUESSES, 2 * GUESSES, GUESSES, 3 * GUESSES], 1)
        share = share.sigmoid()
        pictures = []
        for i in range(GUESSES):
            first, second = slice(2 * i, 2 * i + 2), slice(i, i + 1)
            early = backward_warp(now, to_now[:, first] + flow[:, :2])
            late = backward_warp(later, to_later[:, first] + flow[:, 2:])
            mixed = share[:, second] * early + (1.0 - share[:, second]) * late
            pictures.append(mixed + rest[:, 3 * i : 3 * i + 3])
        return torch.stack(pictures).mean(0) + self.comb_block(torch.cat(pictures, 1))


def warp_to_middle(level: tuple[Tensor, Tensor], flow: Tensor) -> tuple[Tensor, Tensor]:
    """Features of both pictures (n, c, h, w), brought to the middle along (n, 4, h, w)."""
    return backward_warp(level[0], flow[:, :2]), backward_warp(level[1], flow[:, 2:])


def upsample_flow_twice(flow: Tensor) -> Tensor:
    """The same flow for twice the size."""
    return 2.0 * resize_bilinear(flow, 2.0)


def refine_flow(
    update: AmtUpdate, flow: Tensor, state: Tensor, pyramids: tuple[list[Tensor], list[Tensor]], factor: int
) -> tuple[Tensor, Tensor]:
    """Flow and features after an update from the correlation lookup at an eighth of the size.

    From the middle to each picture is half of the way: twice the flow leads from one to the other.
    """
    small = resize_bilinear(flow, 1.0 / factor) / factor
    ways = (small[:, 2:] / MIDDLE, small[:, :2] / MIDDLE)
    lookups = [
        lookup_correlations(pyramid, coordinate_grid(way) + way, REACH)
        for pyramid, way in zip(pyramids, ways, strict=True)
    ]
    change, step = update(resize_bilinear(state, 1.0 / factor), small, torch.cat(lookups, 1))
    return flow + factor * resize_bilinear(step, factor), state + resize_bilinear(change, factor)
