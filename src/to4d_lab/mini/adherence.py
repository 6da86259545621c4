"""Do samples show the motion of their caption? By the motion classifier, on held-out objects and words.

A motion counts if the classifier is right on at least nine in ten of its true held-out clips: which motions those are
is settled before any sample is classified.
"""

from collections import Counter
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from to4d.guidance.mini.prior import MiniPrior
from to4d.metrics.motion_classifier.classifier import KINDS, classify, load_classifier
from to4d.metrics.motion_classifier.tracking import track_clips
from to4d_lab.data.dataset import ClipSet
from to4d_lab.mini.sample_sheets import Sampler, sampled, varied

SURE = 0.9  # share of a kind's true clips on which the classifier has to be right
CHUNK = 8  # clips sampled together
OTHER_SEEDS, EVERY = (1000, 2000), 4  # for diversity: every fourth clip is sampled twice more

Confusion = dict[str, Counter[str]]  # kind of the caption -> predicted kind -> count


def confusion(wanted: list[str], predicted: list[str]) -> Confusion:
    """Count the predicted kinds of each wanted kind.

    >>> confusion(["jump", "jump", "fly"], ["jump", "fly", "fly"])
    {'fly': Counter({'fly': 1}), 'jump': Counter({'jump': 1, 'fly': 1})}
    """
    table: Confusion = {kind: Counter() for kind in sorted(set(wanted))}
    for kind, found in zip(wanted, predicted, strict=True):
        table[kind][found] += 1
    return table


def accuracy(table: Confusion, kind: str) -> float:
    """The share of a kind's clips that are classified as it.

    >>> accuracy({"jump": Counter(jump=3, fly=1)}, "jump")
    0.75
    """
    return table[kind][kind] / table[kind].total()


def reliable_kinds(truth: Confusion) -> list[str]:
    """The kinds that the classifier is reliable on."""
    return [kind for kind in truth if accuracy(truth, kind) >= SURE]


def cell(table: Confusion, kind: str) -> str:
    """How often a kind was predicted, and what was predicted instead.

    >>> cell({"jump": Counter(jump=3, fly=1)}, "jump")
    '  3 of   4  fly 1'
    """
    found = table.get(kind, Counter())
    others = ", ".join(f"{other} {count}" for other, count in found.most_common() if other != kind)
    return f"{found[kind]:3d} of {found.total():3d}  {others}"


def lines(truth: Confusion, samples: Confusion) -> Iterator[str]:
    """A row for each kind, those that count first, and the means over kinds."""
    counts = reliable_kinds(truth)
    others = [kind for kind in truth if kind not in counts]
    yield f"a kind counts if at least {SURE:.0%} of its true held-out clips are recognised: {len(counts)} do"
    yield f"{'kind':8s}  {'true clips recognised':40s} samples that follow"
    for kind in [*counts, *others]:
        mark = "" if kind in counts else "  (does not count)"
        yield f"{kind:8s}  {cell(truth, kind):40s} {cell(samples, kind)}{mark}"
    for name, kinds in ((f"{len(counts)} kinds that count", counts), (f"all {len(truth)} kinds", list(truth))):
        known, followed = (
            np.mean([accuracy(table, kind) for kind in kinds if kind in table]) for table in (truth, samples)
        )
        yield f"{name}: true clips recognised {known:.1%}, samples that follow {followed:.1%} (means over kinds)"


def samples_of(prior: MiniPrior, clips: ClipSet, rows: np.ndarray, seed: int, sampler: Sampler) -> Tensor:
    """One sample for the first frame and caption of each row: (N, V, S, S, 3)."""
    starts = range(0, len(rows), CHUNK)
    return torch.cat([sampled(prior, clips, rows[i : i + CHUNK], seed + i, sampler) for i in starts])


def diversity(samples: list[Tensor], follows: list[Tensor]) -> float:
    """How far apart two samples (N, V, S, S, 3) of other seeds are, as a share of how far they go from frame 0.

    Only where both follow the caption (N,): to be wrong in other ways is no diversity.
    """
    apart, gone = [], []
    for i in range(len(samples)):
        for j in range(i):
            both = follows[i] & follows[j]
            pair = [samples[i][both], samples[j][both]]
            apart.append((pair[0] - pair[1]).abs().mean((1, 2, 3, 4)))
            gone += [0.5 * (clip - clip[:, :1]).abs().mean((1, 2, 3, 4)) for clip in pair]
    return float(torch.cat(apart).sum() / torch.cat(gone).sum())


def first_frame_psnr(samples: Tensor, clips: ClipSet, rows: np.ndarray) -> float:
    """Median over clips of the PSNR between frame 0 of a sample and the first frame that was given, dB."""
    truth = torch.from_numpy(clips.frames[rows, 0]).float() / 255.0
    return float((-10.0 * (samples[:, 0] - truth).square().mean((1, 2, 3)).log10()).median())


def report(prior: MiniPrior, clips: ClipSet, count: int, sampler: Sampler) -> Iterator[str]:
    """Lines of the model card."""
    classifier = load_classifier()
    known = np.array([row for row, kind in enumerate(clips.kind) if kind in KINDS])
    kinds = [clips.kind[row] for row in known]
    truth = confusion(kinds, classify(classifier, track_clips(clips.frames[known])))
    rows = known[varied(kinds, count)]
    wanted = [clips.kind[row] for row in rows]
    samples = samples_of(prior, clips, rows, 0, sampler)
    predicted = classify(classifier, track_clips(samples.numpy()))
    yield f"samples: {len(rows)} of {len(set(wanted))} kinds; {sampler}"
    yield from lines(truth, confusion(wanted, predicted))
    several = [samples[::EVERY], *(samples_of(prior, clips, rows[::EVERY], seed, sampler) for seed in OTHER_SEEDS)]
    found = [predicted[::EVERY], *(classify(classifier, track_clips(clip.numpy())) for clip in several[1:])]
    follows = [torch.tensor([a == s for a, s in zip(wanted[::EVERY], each, strict=True)]) for each in found]
    yield f"samples of other seeds that follow too differ by {diversity(several, follows):.2f} of how much they move"
    yield f"first frame kept: {first_frame_psnr(samples, clips, rows):.1f} dB"
