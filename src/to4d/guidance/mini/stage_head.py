"""Stage 1: train the motion head and the text encoder on flows alone, without a single noised image.

The head sees a noised clip only through <z_i - a w_0, D_k>. For z = a x + s e that is a <x_i - w_0, D_k> plus Gaussian
noise with covariance s^2 D D^T, so it can be drawn from a small table: one matrix product instead of images.
"""

from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from to4d.guidance.mini.batches import Batch
from to4d.guidance.mini.flow import outline_terms, smooth_flow
from to4d.guidance.mini.net import MiniNet
from to4d.guidance.mini.templates import evidence
from to4d.guidance.mini.vocabulary import Tokens


@dataclass(frozen=True)
class Table:
    """What stage 1 needs of N clips."""

    match: Tensor  # (N, V, K) <x_i - w_0, D_k>
    root: Tensor  # (N, K, K) Cholesky factor of D D^T
    energy: Tensor  # (N, K)
    still: Tensor  # (N, C, 16, 16)
    box: Tensor  # (N, 3)
    terms: Tensor  # (N, 17, 16, 16) of smooth flows
    flow: Tensor  # (N, V, 2, 16, 16)
    opacity: Tensor  # (N, V, 16, 16)
    stride: Tensor  # (N,)


def tabulate(net: MiniNet, batch: Batch) -> Table:
    """The table of a batch."""
    with torch.no_grad():
        first = net.first_frame(batch.first)
        match = first.templates.match(net.codec.encode(batch.frames), torch.ones(len(batch.frames)))
        gram = first.templates.change @ first.templates.change.transpose(1, 2)
        jitter = 1e-4 * gram.diagonal(dim1=-2, dim2=-1).mean(-1)[:, None, None] + 1e-4
        root = torch.linalg.cholesky(gram + jitter * torch.eye(gram.shape[-1]))
    still, box = first.templates.still, first.outline.stack()
    terms = outline_terms(first.outline).half()
    return Table(
        match,
        root.half(),
        first.templates.energy,
        still,
        box,
        terms,
        batch.flow.half(),
        batch.opacity.half(),
        batch.stride,
    )


def joined(tables: list[Table]) -> Table:
    """Tables one after the other."""
    return Table(*(torch.cat([getattr(table, name) for table in tables]) for name in Table.__dataclass_fields__))


def flow_error(flow: Tensor, target: Tensor, opacity: Tensor) -> Tensor:
    """Mean of |dx| + |dy| on the object over the moving frames of each clip, (B,), image units."""
    on = (opacity > 0.3).float()[:, 1:]
    return ((flow - target)[:, 1:].abs().sum(2) * on).sum((1, 2, 3)) / on.sum((1, 2, 3)).clamp_min(1.0)


def head_errors(
    net: MiniNet, table: Table, rows: Tensor, tokens: Tokens, alpha_bar: Tensor, seen: Tensor, rng: Generator
) -> Tensor:
    """The head's flow error on rows of the table, noised to `alpha_bar` (B,): (B,)."""
    signal, noise = alpha_bar.sqrt(), (1.0 - alpha_bar).sqrt()
    match, energy = table.match[rows], table.energy[rows]
    draw = torch.randn(match.shape, generator=rng) @ table.root[rows].float().transpose(1, 2)
    match = signal[:, None, None] * match + noise[:, None, None] * draw
    coefficients, _ = net.head_coefficients(
        evidence(match, energy, signal, noise),
        net.encode_words(tokens),
        table.still[rows],
        table.box[rows],
        seen,
        torch.log(signal / noise),
        table.stride[rows],
    )
    flow = smooth_flow(coefficients, table.terms[rows].float())
    return flow_error(flow, table.flow[rows].float(), table.opacity[rows].float())
