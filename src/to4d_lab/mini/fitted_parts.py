"""The two parts of the net that are fitted, not trained: the latent codec to frames, the templates to flows."""

import numpy as np
import torch
from torch import Generator, Tensor

from to4d.guidance.mini.codec import CHANNELS, PatchCodec, patches_of
from to4d.guidance.mini.flow import TERMS, find_object, outline_terms, smooth_terms
from to4d.guidance.mini.templates import COUNT
from to4d_lab.data.dataset import ClipSet
from to4d_lab.mini.batches import Batch


def fit_codec(codec: PatchCodec, clips: ClipSet, rng: Generator, count: int = 2000) -> None:
    """Fit the latent space to `count` random frames."""
    rows = torch.randint(len(clips), (count,), generator=rng).numpy()
    times = torch.randint(clips.frames.shape[1], (count,), generator=rng).numpy()
    frames = np.stack([clips.frames[r, t] for r, t in zip(rows, times, strict=True)])
    fit_axes(codec, torch.from_numpy(frames).float() / 255.0)


def fit_axes(codec: PatchCodec, images: Tensor) -> None:
    """Take mean and main axes from images (N, H, W, 3); gains balance the channels by half (std ** -0.5)."""
    patches = patches_of(images).reshape(-1, codec.mean.numel()).double()
    mean = patches.mean(0)
    variance, axes = torch.linalg.eigh((patches - mean).T @ (patches - mean) / len(patches))
    axes, deviation = axes.flip(1)[:, :CHANNELS], variance.flip(0)[:CHANNELS].clamp_min(1e-9).sqrt()
    axes = axes * axes.sum(0).sign()  # eigenvectors have no sign of their own
    gain = deviation**-0.5
    codec.basis.copy_(axes.T)
    codec.mean.copy_(mean)
    codec.gain.copy_(gain / ((gain * deviation) ** 2).mean().sqrt())


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
