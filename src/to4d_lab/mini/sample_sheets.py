"""Sheets of sampled clips: what a net in training makes of held-out captions, a row each."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor

from to4d.guidance.mini.prior import MiniPrior, sample
from to4d.types import generator_at
from to4d_lab.data.dataset import ClipSet
from to4d_lab.mini.batches import make_batch, tokenise

LINE = 12  # pixels for the caption over each row


def varied(kinds: list[str], count: int) -> np.ndarray:
    """Rows of `count` clips, of as many kinds as there are, ascending.

    >>> varied(["sway", "sway", "jump", "sway"], 3)
    array([0, 1, 2])
    """
    place: dict[str, int] = {}
    rank = []  # how many of the same kind come before a clip
    for kind in kinds:
        rank.append(place.get(kind, 0))
        place[kind] = rank[-1] + 1
    return np.sort(np.argsort(rank, kind="stable")[:count])


@dataclass(frozen=True)
class Sampler:
    """How clips are sampled: `eta` 1 is ancestral, 0 is DDIM."""

    steps: int = 16
    scale: float = 1.5
    eta: float = 1.0


@torch.no_grad()
def sampled(prior: MiniPrior, clips: ClipSet, rows: np.ndarray, seed: int, sampler: Sampler) -> Tensor:
    """Samples for the first frames and captions of rows: (B, V, S, S, 3) in [0, 1] on the CPU."""
    batch = make_batch(clips, tokenise(clips, prior.vocabulary), rows)
    condition = prior.conditions(batch.first, batch.tokens, batch.relief, batch.azimuth_deg)
    latents = sample(prior, condition, sampler.scale, sampler.steps, generator_at(seed, 0), sampler.eta)
    return prior.decode(latents).cpu()


def sheet(clips: Tensor, texts: list[str]) -> Image.Image:
    """Clips (B, V, S, S, 3), a row each, with its text above."""
    count, frames, size = clips.shape[:3]
    picture = Image.new("RGB", (frames * size, count * (size + LINE)), "white")
    draw = ImageDraw.Draw(picture)
    for row, text in enumerate(texts):
        draw.text((2, row * (size + LINE)), text, fill="black")
        pixels = (clips[row].transpose(0, 1).reshape(size, frames * size, 3) * 255.0).round().byte().numpy()
        picture.paste(Image.fromarray(pixels), (0, row * (size + LINE) + LINE))
    return picture


def show_samples(prior: MiniPrior, clips: ClipSet, path: Path, count: int = 8, steps: int = 25, seed: int = 0) -> Path:
    """Write a sheet of samples for `count` clips of many kinds."""
    rows = varied(clips.kind, count)
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet(sampled(prior, clips, rows, seed, Sampler(steps, scale=2.0)), [clips.text[row] for row in rows]).save(path)
    return path
