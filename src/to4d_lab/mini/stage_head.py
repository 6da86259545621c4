"""Stage 1: train the motion head and the text encoder on flows alone, without a single noised image.

The head sees a noised clip only through <z_i - a w_0, D_k>. For z = a x + s e that is a <x_i - w_0, D_k> plus Gaussian
noise with covariance s^2 D D^T, so it can be drawn from a small table: one matrix product instead of images.
"""

from collections.abc import Iterable
from dataclasses import dataclass, fields

import numpy as np
import torch
from torch import Tensor

from to4d.guidance.mini.flow import outline_terms, smooth_flow
from to4d.guidance.mini.head import summary
from to4d.guidance.mini.net import MiniNet
from to4d.guidance.mini.templates import evidence
from to4d.guidance.mini.tensors import exact, to_device
from to4d.guidance.mini.vocabulary import Tokens
from to4d.types import generator_at
from to4d_lab.data.dataset import ClipSet
from to4d_lab.mini.batches import Batch, augment, make_batch
from to4d_lab.mini.compute import device_of
from to4d_lab.mini.prefetch import prefetch

TYPICAL = 0.1  # how far places of a clip go on average, half images


@dataclass(frozen=True)
class EvidenceTable:
    """What stage 1 needs of N clips; the large arrays in half precision."""

    match: Tensor  # (N, V, K) <x_i - w_0, D_k>
    root: Tensor  # (N, K, K) half, Cholesky factor of D D^T
    energy: Tensor  # (N, K)
    still: Tensor  # (N, C, 16, 16) half
    box: Tensor  # (N, 3)
    relief: Tensor  # (N, 16, 16) half
    terms: Tensor  # (N, 20, 16, 16) half, of smooth flows
    flow: Tensor  # (N, V, 3, 16, 16) half
    forward: Tensor  # (N, V, 3, 16, 16) half
    opacity: Tensor  # (N, V, 16, 16) half
    stride: Tensor  # (N,)
    azimuth_deg: Tensor  # (N,)

    def __len__(self) -> int:
        return len(self.stride)

    def __getitem__(self, rows: Tensor | slice) -> "EvidenceTable":
        return EvidenceTable(*(getattr(self, field.name)[rows] for field in fields(self)))


def tabulate(net: MiniNet, batch: Batch) -> EvidenceTable:
    """The table of a batch, on the net's device."""
    batch = to_device(batch, device_of(net))
    with torch.no_grad():
        first = net.first_frame(batch.first, batch.relief)
        templates, signal = first.templates, torch.ones(len(batch.frames), device=batch.frames.device)
        match = templates.match(net.codec.encode(batch.frames), signal)
        gram = templates.change @ templates.change.transpose(1, 2)
        jitter = 1e-4 * gram.diagonal(dim1=-2, dim2=-1).mean(-1)[:, None, None] + 1e-4
        root = torch.linalg.cholesky(gram + jitter * torch.eye(gram.shape[-1], device=gram.device))
    outline = first.outline
    large = (outline.relief, outline_terms(outline), batch.flow, batch.forward, batch.opacity)
    halves, rest = (each.half() for each in large), (batch.stride, batch.azimuth_deg)
    return EvidenceTable(match, root.half(), templates.energy, templates.still.half(), outline.stack(), *halves, *rest)


def concatenate(parts: Iterable[EvidenceTable], count: int) -> EvidenceTable:
    """Tables of `count` rows together, one after the other.

    The whole is allocated once and filled: small tensors that outlive each part would stay between the large ones that
    do not, and the allocator could give nothing back (1.5 MB a clip, where a row holds 0.08).

    Raises:
        ValueError: if there is no table.
    """
    whole, start = None, 0
    for part in parts:
        if whole is None:
            whole = EvidenceTable(*(x.new_empty(count, *x.shape[1:]) for x in _tensors(part)))
        for row, x in zip(_tensors(whole), _tensors(part), strict=True):
            row[start : start + len(part)] = x
        start += len(part)
    if whole is None:
        raise ValueError("there is no clip to make a table of")
    return whole


def _tensors(table: EvidenceTable) -> list[Tensor]:
    return [getattr(table, field.name) for field in fields(table)]


def tabulate_all(
    net: MiniNet,
    clips: ClipSet,
    tokens: Tokens,
    seed: int,
    size: int = 16,
    count: int | None = None,
    prefetched: int = 0,
) -> EvidenceTable:
    """The table of the first `count` clips (of all by default), each once, augmented, on the net's device.

    `prefetched` batches of `size` clips are read while one is tabulated.
    """
    count = len(clips) if count is None else min(count, len(clips))

    def read(number: int) -> Batch:
        rows = np.arange(min(number * size, count), min(number * size + size, count))
        return augment(make_batch(clips, tokens, rows), generator_at(seed, number * size))

    batch = prefetch(read, prefetched)

    def part(number: int) -> EvidenceTable:
        if number % 100 == 0:
            print(f"table {number * size}/{count}", flush=True)
        return tabulate(net, batch(number))

    return concatenate(map(part, range(-(-count // size))), count)


def flow_error(flow: Tensor, target: Tensor, opacity: Tensor) -> Tensor:
    """Mean of |dx| + |dy| on the object over the moving frames of each clip, (B,), image units."""
    on = (opacity > 0.3).float()[:, 1:]
    return ((flow - target)[:, 1:, :2].abs().sum(2) * on).sum((1, 2, 3)) / on.sum((1, 2, 3)).clamp_min(1.0)


def flow_loss(flow: Tensor, target: Tensor, opacity: Tensor) -> Tensor:
    """`flow_error`, weighted in a clip and between clips by how far things move, (B,).

    Up to 4 times the weight where the object moves: most of an object that moves its limbs is at rest, and the safest
    guess would be that all of it is. And clips that move little count more, up to twice: a step is a tenth of a fall.
    """
    length, on = target.square().sum(2).sqrt(), (opacity > 0.3).float()  # `norm` over the middle is slow on CPUs
    error = (flow - target).abs().sum(2) * on * (1.0 + 3.0 * length / (length + 0.05))
    area = on[:, 1:].sum((1, 2, 3)).clamp_min(1.0)
    error, far = ((x[:, 1:].sum((1, 2, 3)) / area) for x in (error, length * on))
    return error * 2.0 * TYPICAL / (far + TYPICAL)


def forward_loss(forward: Tensor, target: Tensor, opacity: Tensor) -> Tensor:
    """`flow_loss` of forward flows, where frame 0 shows the object: (B,)."""
    return flow_loss(forward, target, opacity[:, :1].expand_as(opacity))


def head_errors(
    net: MiniNet, table: EvidenceTable, tokens: Tokens, alpha_bar: Tensor, has_image: Tensor, draw: Tensor
) -> Tensor:
    """The head's loss of both flows on a table of B rows, noised to `alpha_bar` (B,): (B,). All on the net's device.

    `draw` (B, V, K) is standard normal; `has_image` (B,) whether there is a first frame.
    """
    signal, noise = alpha_bar.sqrt(), (1.0 - alpha_bar).sqrt()
    with exact(draw):
        draw = draw @ table.root.float().transpose(1, 2)
    match = signal[:, None, None] * table.match + noise[:, None, None] * draw
    coefficients, _ = net.head_coefficients(
        evidence(match, table.energy, signal, noise),
        net.encode_words(tokens),
        summary(table.still.float(), table.box, table.relief.float()),
        has_image,
        torch.log(signal / noise),
        table.stride,
        table.azimuth_deg,
    )
    backward, forward = (smooth_flow(each, table.terms.float()) for each in coefficients.unbind(2))
    opacity = table.opacity.float()
    return flow_loss(backward, table.flow.float(), opacity) + forward_loss(forward, table.forward.float(), opacity)
