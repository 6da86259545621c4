"""Frames of a clip and of its latents under temporal compression: the first alone, then groups of r."""

from dataclasses import replace

import torch
from torch import Tensor

from to4d.types import Score


def in_latent_frames(score: Score) -> Score:
    """The score with opacity per latent frame, which also replaces the attention of a prior that has none."""
    opacity = to_latent_frames(score.opacity, score.latents.shape[2])
    return replace(score, opacity=opacity, attention=opacity if score.attention is None else score.attention)


def to_latent_frames(x: Tensor, count: int) -> Tensor:
    """(B, V, ...) -> (B, count, ...): the mean of each group; V = 1 + r (count - 1).

    >>> to_latent_frames(torch.tensor([[1.0, 0.0, 2.0, 3.0, 5.0]]), 3)
    tensor([[1., 1., 4.]])
    """
    if x.shape[1] == count:
        return x
    groups = x[:, 1:].unflatten(1, (count - 1, -1)).mean(2)
    return torch.cat([x[:, :1], groups], 1)


def to_clip_frames(x: Tensor, count: int) -> Tensor:
    """(B, v, ...) -> (B, count, ...): every frame of a group gets its value.

    >>> to_clip_frames(torch.tensor([[1.0, 2.0, 3.0]]), 5)
    tensor([[1., 2., 2., 3., 3.]])
    """
    if x.shape[1] == count:
        return x
    group = (count - 1) // (x.shape[1] - 1)
    return torch.cat([x[:, :1], x[:, 1:].repeat_interleave(group, 1)], 1)
