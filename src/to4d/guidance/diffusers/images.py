"""Stills as CLIP's image readers want them."""

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from to4d.guidance.clip_image import MEAN, STD


def cropped(images: Tensor, pixels: int, mode: str) -> Tensor:
    """(n, 3, H, W) in [-1, 1] -> (n, 3, pixels, pixels), normalised: the middle, its shorter side being `pixels`."""
    height, width = images.shape[-2:]
    if min(height, width) != pixels:
        size = [round(side * pixels / min(height, width)) for side in (height, width)]
        images = interpolate(images, size, mode=mode, antialias=True)
    top, left = ((side - pixels) // 2 for side in images.shape[-2:])
    middle = images[..., top : top + pixels, left : left + pixels].clamp(-1.0, 1.0)
    mean, std = (torch.tensor(values, device=images.device)[:, None, None] for values in (MEAN, STD))
    return ((middle + 1.0) / 2.0 - mean) / std
