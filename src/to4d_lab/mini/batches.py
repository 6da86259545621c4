"""Clips of a data set as training batches, augmented."""

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Generator, Tensor
from torch.nn.functional import avg_pool2d, pad

from to4d.guidance.mini.vocabulary import Tokens, Vocabulary
from to4d_lab.data.dataset import ClipSet


@dataclass(frozen=True)
class Batch:
    """B clips ready for the net."""

    frames: Tensor  # (B, V, S, S, 3) in [0, 1], what is denoised
    first: Tensor  # (B, S, S, 3) the first frame as the condition shows it
    opacity: Tensor  # (B, V, 16, 16)
    flow: Tensor  # (B, V, 3, 16, 16) backward
    forward: Tensor  # (B, V, 3, 16, 16) from frame 0
    relief: Tensor  # (B, 16, 16) of the first frame
    tokens: Tokens
    stride: Tensor  # (B,)
    azimuth_deg: Tensor  # (B,) of the camera; NaN is unknown


def tokenise(clips: ClipSet, vocabulary: Vocabulary) -> Tokens:
    """All captions of a data set."""
    return vocabulary.encode(clips.text, clips.noun)


def trim_padding(tokens: Tokens) -> Tokens:
    """Without the columns in which no row has a token."""
    length = int(tokens.present.any(0).sum())
    return Tokens(tokens.words[:, :length], tokens.trigrams[:, :length], tokens.noun[:, :length])


def make_batch(clips: ClipSet, tokens: Tokens, rows: np.ndarray) -> Batch:
    """Rows of a data set as they are."""
    frames = torch.from_numpy(clips.frames[rows]).float() / 255.0
    flows = (torch.from_numpy(x[rows]).float().movedim(-1, 2) for x in (clips.flow, clips.forward))
    opacity = torch.from_numpy(clips.opacity[rows]).float()
    return Batch(
        frames,
        frames[:, 0],
        opacity,
        *flows,
        torch.from_numpy(clips.relief[rows]).float(),
        trim_padding(tokens[torch.from_numpy(rows)]),
        torch.from_numpy(clips.stride[rows]),
        torch.from_numpy(clips.azimuth_deg[rows]),
    )


def _chance(share: float, count: int, rng: Generator) -> Tensor:
    return torch.rand(count, generator=rng) < share


def drop_azimuths(azimuth_deg: Tensor, rng: Generator, share: float = 0.2) -> Tensor:
    """Azimuths (B,), some replaced by NaN, which is unknown: the direction must be inferred from the frames then."""
    return azimuth_deg.where(~_chance(share, len(azimuth_deg), rng).to(azimuth_deg.device), torch.nan)


def _blur(images: Tensor) -> Tensor:
    """A 3 x 3 binomial blur of (..., S, S, 3)."""
    x = images.movedim(-1, -3)
    lead, shape = x.shape[:-3], x.shape[-3:]
    x = pad(x.reshape(-1, *shape), (1, 1, 1, 1), mode="replicate")
    x = avg_pool2d(avg_pool2d(x, 2, 1), 2, 1)
    return x.reshape(*lead, *shape).movedim(-3, -1)


def augment(batch: Batch, rng: Generator) -> Batch:
    """Colours swapped, softened and a little noisy, as a render of a field is; each with its own chance.

    Not mirrored: what may begin either way begins the same way in most clips.
    """
    count, frames = len(batch.frames), batch.frames.clone()
    swapped = _chance(0.4, count, rng)
    for row in swapped.nonzero().flatten().tolist():
        frames[row] = frames[row][..., torch.randperm(3, generator=rng)]
    soft = _chance(0.3, count, rng)
    frames = torch.where(soft[:, None, None, None, None], _blur(frames), frames)
    grain = 0.03 * torch.rand(count, generator=rng) * _chance(0.5, count, rng)
    first = frames[:, 0] + grain[:, None, None, None] * torch.randn(frames[:, 0].shape, generator=rng)
    frames = frames + grain[:, None, None, None, None] * torch.randn(frames.shape, generator=rng)
    return replace(batch, frames=frames.clamp(0, 1), first=first.clamp(0, 1))
