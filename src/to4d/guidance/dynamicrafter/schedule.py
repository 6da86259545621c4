"""How much of the clip is left at each step, and what a prediction says about the clean clip.

The models of 512 and 1024 were trained on clips that are scaled down in the noisier steps ("dynamic rescale"). Since a
noised clip s a z + b eps is n times another one whose clip is not scaled, with n = sqrt(s^2 a^2 + b^2), the rest of the
program need not know: `signal_share` is that other one's.
"""

import torch
from torch import Tensor

STEPS, TURN = 1000, 400  # steps in all; the step from which the scale stays


def trained_share(velocity: bool) -> Tensor:
    """Signal share (1000,) that the network was trained at, float64: betas are even in their roots.

    With `velocity` its root is shifted and stretched so that the last step is pure noise (Lin et al. 2023, Alg. 1).
    """
    betas = torch.linspace(0.00085**0.5, 0.012**0.5, STEPS, dtype=torch.float64) ** 2
    root = (1.0 - betas).cumprod(0).sqrt()
    if velocity:
        root = (root - root[-1]) * root[0] / (root[0] - root[-1])
    return root**2


def clip_scale(base: float) -> Tensor:
    """What clips were multiplied by in training, (1000,), float64: from 1 down to `base`."""
    ramp = torch.linspace(1.0, base, TURN, dtype=torch.float64)
    return torch.cat([ramp, torch.full((STEPS - TURN,), base, dtype=torch.float64)])


def power(share: Tensor, scale: Tensor) -> Tensor:
    """Mean square of a noised scaled clip: n^2 above."""
    return share * scale**2 + 1.0 - share


def signal_share(share: Tensor, scale: Tensor) -> Tensor:
    """The signal share of an unscaled clip that is noised just as much."""
    return share * scale**2 / power(share, scale)


def clean_from(prediction: Tensor, noisy: Tensor, share: Tensor, velocity: bool) -> Tensor:
    """The clean clip from a network's view on a noised one."""
    if velocity:
        return share.sqrt() * noisy - (1.0 - share).sqrt() * prediction
    return (noisy - (1.0 - share).sqrt() * prediction) / share.sqrt()


def classifier_free_guidance(
    predictions: tuple[Tensor, ...], guidance_scale: float, image_scale: float | None
) -> Tensor:
    """One prediction of those with everything, with the image alone (if apart) and with neither."""
    if len(predictions) == 1:
        return predictions[0]
    full, unconditional = predictions[0], predictions[-1]
    if image_scale is None:
        return unconditional.lerp(full, guidance_scale)
    image = predictions[1]
    return unconditional + image_scale * (image - unconditional) + guidance_scale * (full - image)


def rescale_guidance(guided: Tensor, plain: Tensor, share: float) -> Tensor:
    """Guided predictions (R, ...), pulled by `share` to the standard deviation of the plain ones (Lin et al. 2023)."""
    axes = tuple(range(1, guided.ndim))
    same_spread = guided * (plain.std(axes, keepdim=True) / guided.std(axes, keepdim=True))
    return guided.lerp(same_spread, share)
