"""Do samples show what the caption says? Judged by the classifier of `scorer.py`, on held-out objects and words."""

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from to4d.guidance.mini.data.dataset import ClipSet, load
from to4d.guidance.mini.prior import MiniPrior
from to4d.guidance.mini.samples import sampled, varied
from to4d.guidance.mini.scorer import Plan, Scorer, load_scorer, recognised, save_scorer, train_scorer

JUDGE_SEED, JUDGE_CLIPS = 1, 8000  # clips that the judge is trained on; the prior has seed 0
ALIKE = ({"jump", "bounce"}, {"walk", "run"}, {"sway", "ripple"})  # asked for one, the other is not wrong


def judge(folder: Path) -> Scorer:
    """The classifier of a data folder, trained first if it is not there."""
    path = folder / "scorer.safetensors"
    if not path.exists():
        save_scorer(train_scorer(load(folder, "train", JUDGE_SEED, JUDGE_CLIPS), Plan()), path)
    return load_scorer(path)


def follows(asked: str, seen: str) -> bool:
    """Whether a clip that is recognised as `seen` does what was `asked`.

    >>> follows("jump", "bounce"), follows("jump", "sway")
    (True, False)
    """
    return asked == seen or any({asked, seen} <= group for group in ALIKE)


def table(asked: list[str], seen: list[str]) -> Iterator[str]:
    """For every kind that was asked for: how often it was followed, and what was seen instead."""
    for kind in sorted(set(asked)):
        found = Counter(s for a, s in zip(asked, seen, strict=True) if a == kind)
        right, all_of = sum(n for s, n in found.items() if follows(kind, s)), found.total()
        wrong = ", ".join(f"{s} {n}" for s, n in found.most_common() if not follows(kind, s))
        yield f"{kind:12s} {right:3d} of {all_of:3d}  {wrong}"


def share(asked: Iterable[str], seen: Iterable[str]) -> float:
    """Mean over kinds of the share of clips that follow."""
    pairs = list(zip(asked, seen, strict=True))
    kinds = sorted({a for a, _ in pairs})
    return float(np.mean([np.mean([follows(a, s) for a, s in pairs if a == kind]) for kind in kinds]))


def samples_of(prior: MiniPrior, clips: ClipSet, rows: np.ndarray, seed: int, steps: int, scale: float) -> Tensor:
    """One sample for the first frame and caption of each row: (N, V, S, S, 3)."""
    parts = [sampled(prior, clips, rows[i : i + 8], seed + i, steps, scale) for i in range(0, len(rows), 8)]
    return torch.cat(parts)


def diversity(samples: list[Tensor]) -> float:
    """Mean distance between samples of other seeds, as a share of their distance to the first frame standing still."""
    still = [x[:, :1].expand_as(x) for x in samples]
    apart = torch.stack([(a - b).abs().mean() for i, a in enumerate(samples) for b in samples[:i]]).mean()
    return float(apart / torch.stack([(a - b).abs().mean() for a, b in zip(samples, still, strict=True)]).mean())


def first_frame_psnr(samples: Tensor, clips: ClipSet, rows: np.ndarray) -> float:
    """Median over clips of the PSNR between frame 0 of a sample and the first frame that was given, dB."""
    truth = torch.from_numpy(clips.frames[rows, 0]).float() / 255.0
    return float((-10.0 * (samples[:, 0] - truth).square().mean((1, 2, 3)).log10()).median())


def report(prior: MiniPrior, folder: Path, clips: ClipSet, count: int, steps: int = 16, scale: float = 1.5) -> Iterator:
    """Lines of the model card."""
    scorer = judge(folder)
    rows = varied(clips.kind, count)
    asked = [clips.kind[row] for row in rows]
    truth = recognised(scorer, torch.from_numpy(clips.frames[rows]).float() / 255.0)
    yield f"the judge on {len(rows)} true held-out clips: right {100 * share(asked, truth):.1f} % (mean over kinds)"
    yield from table(asked, truth)
    first = samples_of(prior, clips, rows, 0, steps, scale)
    seen = recognised(scorer, first)
    followed = 100 * share(asked, seen)
    yield f"samples ({steps} ancestral steps, guidance {scale}): followed {followed:.1f} % (mean over kinds)"
    yield from table(asked, seen)
    few = rows[::4]
    others = [first[::4], *(samples_of(prior, clips, few, seed, steps, scale) for seed in (1000, 2000))]
    yield f"three seeds differ by {diversity(others):.2f} of how much they move"
    yield f"first frame kept: {first_frame_psnr(first, clips, rows):.1f} dB"
