"""Pictures as the image towers of CLIP and OpenCLIP want them: resized, and normalised by their training images."""

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, pad

MEAN, STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)  # of CLIP's training images


def prepare(images: Tensor, pixels: int) -> Tensor:
    """(n, 3, H, W) in [-1, 1] -> (n, 3, pixels, pixels) as CLIP wants it: squeezed to a square, normalised."""
    x = interpolate(soften(images, pixels), (pixels, pixels), mode="bicubic", align_corners=True)
    mean, std = (torch.tensor(values, dtype=x.dtype, device=x.device)[:, None, None] for values in (MEAN, STD))
    return ((x + 1.0) / 2.0 - mean) / std


def soften(images: Tensor, pixels: int) -> Tensor:
    """Blur by half of what the size shrinks by, as kornia's antialiased resize does; 256 to 224 is next to nothing."""
    factors = [side / pixels for side in images.shape[-2:]]
    if max(factors) <= 1.0:
        return images
    sigmas = [max((factor - 1.0) / 2.0, 0.001) for factor in factors]
    rows, columns = (_gaussian(sigma).to(images) for sigma in sigmas)
    kernel = rows[:, None] * columns
    edge = [len(columns) // 2] * 2 + [len(rows) // 2] * 2
    blurred = nn.functional.conv2d(pad(images, edge, mode="reflect").flatten(0, 1)[:, None], kernel[None, None])
    return blurred[:, 0].unflatten(0, images.shape[:2])


def _gaussian(sigma: float) -> Tensor:
    """Weights of a blur, over 4 sigma and at least 3 pixels."""
    count = int(max(4.0 * sigma, 3.0)) | 1
    places = torch.arange(count, dtype=torch.float64) - count // 2
    weights = torch.exp(-0.5 * (places / sigma) ** 2)
    return weights / weights.sum()
