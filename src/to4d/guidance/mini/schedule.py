"""How much of the clip is left at each diffusion step."""

import math

import torch
from torch import Tensor

STEPS = 1000
SHIFT = -2.4  # of the cosine schedule's log SNR: 16 similar frames carry more signal than one image


def alpha_bar(steps: int = STEPS, shift: float = SHIFT) -> Tensor:
    """Signal share (steps,), a shifted cosine schedule (Hoogeboom et al. 2023, Eq. 3); noise share is 1 minus it."""
    t = (torch.arange(steps, dtype=torch.float64) + 1.0) / steps
    log_snr = -2.0 * torch.log(torch.tan(0.5 * math.pi * t).clamp(1e-6, 1e6)) + shift
    return torch.sigmoid(log_snr.clamp(-12.0, 12.0)).float()
