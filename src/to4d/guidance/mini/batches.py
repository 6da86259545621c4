"""Clips of a data set as training batches, augmented; and the two parts of the net that are fitted, not trained."""

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Generator, Tensor
from torch.nn.functional import avg_pool2d, pad

from to4d.guidance.mini.codec import PatchCodec
from to4d.guidance.mini.data.dataset import ClipSet
from to4d.guidance.mini.flow import TERMS, find_object, outline_terms, smooth_terms
from to4d.guidance.mini.templates import COUNT
from to4d.guidance.mini.vocabulary import Tokens, Vocabulary


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


def trimmed(tokens: Tokens) -> Tokens:
    """Without the columns in which no row has a token."""
    length = int(tokens.present.any(0).sum())
    return Tokens(tokens.words[:, :length], tokens.trigrams[:, :length], tokens.noun[:, :length])


def take(clips: ClipSet, tokens: Tokens, rows: np.ndarray) -> Batch:
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
        trimmed(tokens[torch.from_numpy(rows)]),
        torch.from_numpy(clips.stride[rows]),
        torch.from_numpy(clips.azimuth_deg[rows]),
    )


def _chance(share: float, count: int, rng: Generator) -> Tensor:
    return torch.rand(count, generator=rng) < share


def forgotten(azimuth_deg: Tensor, rng: Generator, share: float = 0.2) -> Tensor:
    """Azimuths (B,), NaN now and then: who is not told where the camera stands must see which way things go."""
    return azimuth_deg.where(~_chance(share, len(azimuth_deg), rng).to(azimuth_deg.device), torch.nan)


def _blur(images: Tensor) -> Tensor:
    """A 3 x 3 binomial blur of (..., S, S, 3)."""
    x = images.movedim(-1, -3)
    lead, shape = x.shape[:-3], x.shape[-3:]
    x = pad(x.reshape(-1, *shape), (1, 1, 1, 1), mode="replicate")
    x = avg_pool2d(avg_pool2d(x, 2, 1), 2, 1)
    return x.reshape(*lead, *shape).movedim(-3, -1)


def augmented(batch: Batch, rng: Generator) -> Batch:
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


def fit_codec(codec: PatchCodec, clips: ClipSet, rng: Generator, count: int = 2000) -> None:
    """Fit the latent space to `count` random frames."""
    rows = torch.randint(len(clips), (count,), generator=rng).numpy()
    times = torch.randint(clips.frames.shape[1], (count,), generator=rng).numpy()
    codec.fit(
        torch.from_numpy(np.stack([clips.frames[r, t] for r, t in zip(rows, times, strict=True)])).float() / 255.0
    )


def flow_coefficients(batch: Batch) -> Tensor:
    """The smooth flow across the view that fits each frame's best (ridge least squares): (B, V, 2, 20)."""
    terms = outline_terms(find_object(batch.first, batch.relief)).flatten(2)
    weight = batch.opacity.flatten(2)
    weighted = terms[:, None] * weight[:, :, None]
    normal = torch.einsum("bvqn,bpn->bvqp", weighted, terms)
    strength = 1e-3 * normal.diagonal(dim1=-2, dim2=-1).mean(-1)[..., None, None] + 1e-6
    right = torch.einsum("bvqn,bvcn->bvqc", weighted, batch.flow[:, :, :2].flatten(3))
    return torch.linalg.solve(normal + strength * torch.eye(TERMS), right).transpose(-1, -2)


def typical_flows(coefficients: Tensor, rng: Generator, known: Tensor, rounds: int = 20) -> Tensor:
    """K-means of smooth flows (N, 2, 20), compared around a round object: (128, 2, 20), the first is zero.

    The `known` (M, 2, 20) are kept and come next; then only flows are grouped that are far from them for their size.
    """
    line = torch.linspace(-1.0, 1.0, 7)
    u, v = torch.meshgrid(line, 0.6 * line + 0.6, indexing="xy")
    round_ = (0.36 - u * u).clamp_min(0.0).sqrt()
    terms = smooth_terms(u, v, round_, round_)
    flows, old = (torch.einsum("ncq,qhw->nchw", x, terms).flatten(1).clamp(-3.0, 3.0) for x in (coefficients, known))
    if len(known):
        far = torch.cdist(flows, old).amin(1) / (flows.norm(dim=1) + 0.1 * flows.norm(dim=1).mean())
        chosen = far > far.median()
        flows, coefficients = flows[chosen], coefficients[chosen]
    count = COUNT - 1 - len(known)
    centres = flows[torch.randperm(len(flows), generator=rng)[:count]]
    for _ in range(rounds):
        owner = torch.cdist(flows, centres).argmin(1)
        members = torch.bincount(owner, minlength=count)[:, None]
        total = torch.zeros_like(centres).index_add_(0, owner, flows)
        centres = torch.where(members > 0, total / members.clamp_min(1), centres)
    nearest = torch.cdist(centres, flows).argmin(1)  # a member of the cluster: a mean of flows may be none
    return torch.cat([torch.zeros(1, 2, TERMS), known, coefficients[nearest]])
