"""Print the prior's figures on held-out objects: `python -m to4d_lab.mini.evaluate --data DIR`.

Everything is measured on clips that training never saw (objects of `assets.HELD_OUT`, and procedural snowmen and
sheep), with ordinary random signs, phases and directions, and with the conditional prediction (guidance scale 1).
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from to4d.guidance.mini.net import Prediction
from to4d.guidance.mini.prior import MiniPrior
from to4d.guidance.mini.schedule import alpha_bar
from to4d.guidance.mini.tensors import to_device
from to4d.types import generator_at
from to4d_lab.data.dataset import ClipSet, load
from to4d_lab.mini import adherence
from to4d_lab.mini.batches import Batch, make_batch, tokenise
from to4d_lab.mini.compute import device_of
from to4d_lab.mini.sample_sheets import Sampler
from to4d_lab.mini.stage_head import flow_error
from to4d_lab.mini.stage_joint import noised

LEVELS = (300, 600, 900, 999)
CLIPS, PAIRS = 768, 200  # held out
SIZE = 16


@dataclass(frozen=True)
class Figures:
    """Per clip, at one noise level."""

    clean: Tensor  # (N,) mean squared error of the clean latents
    still: Tensor  # (N,) the same for a clip that stands still
    head: Tensor  # (N,) flow error of the head
    flow: Tensor  # (N,) flow error with the trunk's correction
    size: Tensor  # (N,) length of the predicted flow on the object
    truth: Tensor  # (N,) length of the true flow on the object
    overlap: Tensor  # (N,) intersection over union of attention > 1/2 of its maximum and opacity > 1/2


def batches(prior: MiniPrior, clips: ClipSet, count: int) -> Iterator[Batch]:
    """The first `count` clips in batches, where the prior is."""
    tokens, device = tokenise(clips, prior.vocabulary), device_of(prior.net)
    for start in range(0, min(count, len(clips)), SIZE):
        yield to_device(make_batch(clips, tokens, np.arange(start, min(start + SIZE, count, len(clips)))), device)


@torch.no_grad()
def predict(prior: MiniPrior, batch: Batch, clean: Tensor, level: int, rng: torch.Generator) -> Prediction:
    """The prior's view of clips noised to a step; `clean` (B, V, C, 16, 16) need not be the batch's own."""
    net, shares = prior.net, alpha_bar()[level].expand(len(clean)).to(clean)
    first = net.first_frame(batch.first, batch.relief, azimuth_deg=batch.azimuth_deg)
    noisy = noised(clean, shares, torch.randn(clean.shape, generator=rng).to(clean))
    head = prior.head(prior.uses_adapter(batch.tokens))
    return net(noisy, shares, first, net.encode_words(batch.tokens), batch.stride, head)


def overlap(attention: Tensor, opacity: Tensor) -> Tensor:
    """Intersection over union per clip."""
    attended = attention > 0.5 * attention.amax((1, 2, 3), keepdim=True)
    there = opacity > 0.5
    return (attended & there).sum((1, 2, 3)) / (attended | there).sum((1, 2, 3)).clamp_min(1)


def figures(prior: MiniPrior, clips: ClipSet, level: int, count: int) -> Figures:
    """All figures of a prior at one noise level."""
    rows = []
    for number, batch in enumerate(batches(prior, clips, count)):
        clean = prior.net.codec.encode(batch.frames)
        out = predict(prior, batch, clean, level, generator_at(7, number))
        zero = torch.zeros_like(out.flow)
        rows.append(
            [
                (out.clean - clean).square().mean((1, 2, 3, 4)),
                (clean[:, :1] - clean).square().mean((1, 2, 3, 4)),
                flow_error(out.head_flow, batch.flow, batch.opacity),
                flow_error(out.flow, batch.flow, batch.opacity),
                flow_error(out.flow, zero, batch.opacity),
                flow_error(batch.flow, zero, batch.opacity),
                overlap(out.attention, batch.opacity),
            ]
        )
    return Figures(*(torch.cat(column).cpu() for column in zip(*rows, strict=True)))


def nearer_share(prior: MiniPrior, pairs: ClipSet, level: int, count: int) -> float:
    """How often the prediction from a noised clip is nearer to that clip than to its opposite; 0.5 is blind.

    Rows 2 i and 2 i + 1 are opposite clips of one object, view and caption; both get the same noise, and both must see
    the same condition, so the first frame and the words are those of row 2 i. The camera's azimuth is left out: from
    it follows which of the two is the likelier one.
    """
    right = []
    for number, batch in enumerate(batches(prior, pairs, count)):
        clean = prior.net.codec.encode(batch.frames)
        first = batch.first[0::2]
        words = batch.tokens[0 : len(clean) : 2]
        for own, other in ((clean[0::2], clean[1::2]), (clean[1::2], clean[0::2])):
            known = {"first": first, "relief": batch.relief[0::2], "tokens": words, "stride": batch.stride[0::2]}
            same = replace(batch, **known, azimuth_deg=torch.full_like(known["stride"], torch.nan))
            guess = predict(prior, same, own, level, generator_at(8, number)).clean
            to_own, to_other = ((guess - clip).square().sum((1, 2, 3, 4)) for clip in (own, other))
            right.append(to_own < to_other)
    return float(torch.cat(right).float().mean())


def swapped_flow(prior: MiniPrior, clips: ClipSet, level: int, count: int) -> float:
    """How much the flow changes, as a share of itself, if the noised clip is a static one instead of the true one."""
    change, size = [], []
    for number, batch in enumerate(batches(prior, clips, count)):
        clean = prior.net.codec.encode(batch.frames)
        flows = [
            predict(prior, batch, each, level, generator_at(9, number)).flow
            for each in (clean, clean[:, :1].expand_as(clean))
        ]
        change.append(flow_error(flows[1], flows[0], batch.opacity))
        size.append(flow_error(flows[0], torch.zeros_like(flows[0]), batch.opacity))
    return float(torch.cat(change).mean() / torch.cat(size).mean())


def report(prior: MiniPrior, folder: Path, seed: int = 0, count: int = CLIPS) -> Iterator[str]:
    """Lines of the model card."""
    clips, pairs = load(folder, "validation", seed, CLIPS), load(folder, "pairs", seed, PAIRS)
    kinds = np.array(clips.kind[:count])
    found = {level: figures(prior, clips, level, count) for level in LEVELS}
    yield f"clips {len(kinds)}; flow error |dx| + |dy| in half images (of the true flow's length)"
    yield "kind      truth  " + "  ".join(f"t={level} head  full" for level in LEVELS)
    for kind in [*sorted(set(kinds)), "all"]:
        rows = torch.from_numpy((kinds == kind) | (kind == "all"))
        cells = "  ".join(f"   {f.head[rows].mean():8.3f} {f.flow[rows].mean():5.3f}" for f in found.values())
        yield f"{kind:8s} {found[LEVELS[0]].truth[rows].mean():6.3f} {cells}"
    for level, f in found.items():
        errors = f"x0 error {f.clean.mean():.4f} (static clip {f.still.mean():.4f})"
        moves = f"predicted flow: still {f.size[kinds == 'still'].mean():.4f}, least of the others "
        least = min((float(f.size[kinds == kind].mean()), kind) for kind in set(kinds) - {"still"})
        yield f"t={level}: {errors}; noun overlap {f.overlap.mean():.3f}; {moves}{least[0]:.4f} ({least[1]})"
    for level in (500, 800, 950):
        share = 100 * nearer_share(prior, pairs, level, 2 * PAIRS)
        change = swapped_flow(prior, clips, level, 64)
        yield f"t={level}: nearer to its own clip {share:.1f} % of {2 * PAIRS}; flow changes by {change:.2f} of itself"


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", default=None, help="a safetensors file; the shipped one by default")
    parser.add_argument("--data", type=Path, required=True, help="where the clips are kept, or made if absent")
    parser.add_argument("--count", type=int, default=CLIPS, help="clips to measure on")
    parser.add_argument("--samples", type=int, default=256, help="clips to sample and classify; 0 for none")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    options = parser.parse_args()
    prior = MiniPrior(options.weights).to(options.device)
    lines = report(prior, options.data, count=options.count)
    if options.samples:
        clips = load(options.data, "validation", 0, CLIPS)
        lines = chain(lines, adherence.report(prior, clips, options.samples, Sampler()))
    for line in lines:
        print(line, flush=True)


if __name__ == "__main__":
    main()
