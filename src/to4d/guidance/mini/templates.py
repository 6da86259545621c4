"""Matched filters: what each of K typical deformations would look like, and how likely each noised frame is it.

If frame i of the clip were the first frame seen through deformation k, with latents w_k, then z_i = a w_k + s noise.
With D_k = w_k - w_0, where w_0 are the latents of the first frame itself, the log-likelihood ratio of "k" against
"unmoved" is

    l_ik = (a <z_i - a w_0, D_k> - a^2 |D_k|^2 / 2) / s^2

which is all that a noised frame can say about k. The deformations are the centres of clusters of the training flows.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from to4d.guidance.mini.codec import PatchCodec
from to4d.guidance.mini.flow import TERMS, Outline, outline_terms, smooth_flow, warp
from to4d.guidance.mini.tensors import exact

COUNT = 128


@dataclass(frozen=True)
class Templates:
    """The deformed first frames of B clips, as differences of latents to the first frame."""

    still: Tensor  # (B, C, h, w) latents of the first frame, w_0
    change: Tensor  # (B, K, C h w), D_k
    energy: Tensor  # (B, K), |D_k|^2

    def match(self, frames: Tensor, signal: Tensor) -> Tensor:
        """<z_i - a w_0, D_k> for frames (B, V, C, h, w) and a (B,): (B, V, K)."""
        rest = frames - signal[:, None, None, None, None] * self.still[:, None]
        with exact(rest):
            return torch.einsum("bvn,bkn->bvk", rest.flatten(2), self.change)


class TemplateBank(nn.Module):
    """K typical deformations as coefficients of smooth flows across the view; number 0 is no deformation."""

    coefficients: Tensor  # (128, 2, 20)

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("coefficients", torch.zeros(COUNT, 2, TERMS))

    def forward(self, codec: PatchCodec, images: Tensor, outline: Outline) -> Templates:
        """Deform first frames (B, S, S, 3)."""
        flows = smooth_flow(self.coefficients.expand(len(images), -1, -1, -1), outline_terms(outline))
        still = codec.encode(images)
        change = codec.encode(warp(images, flows)) - still[:, None]
        change = change.flatten(2)
        return Templates(still, change, change.square().sum(-1))


def evidence(match: Tensor, energy: Tensor, signal: Tensor, noise: Tensor) -> Tensor:
    """Log-likelihood ratios and standardised correlations, squashed for a network: (B, V, 3 K).

    Args:
        match: (B, V, K) from `Templates.match`.
        energy: (B, K).
        signal: (B,) square root of alpha bar.
        noise: (B,) square root of one minus alpha bar.
    """
    a, s, energy = signal[:, None, None], noise[:, None, None], energy[:, None]
    ratio = (a * match - 0.5 * a * a * energy) / (s * s)
    score = match / (s * (energy + 1e-3).sqrt())
    return torch.cat([torch.tanh(0.25 * ratio), 0.3 * torch.asinh(ratio), 0.5 * torch.asinh(score)], -1)
