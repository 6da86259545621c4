"""The latent space: 4 x 4 pixels become 8 numbers by a fixed linear map, the main axes of the training patches."""

import torch
from torch import Tensor, nn

from to4d.guidance.mini.tensors import exact

PATCH, CHANNELS = 4, 8


class PatchCodec(nn.Module):
    """Images in [0, 1] to latents with root mean square 1 and back."""

    basis: Tensor  # (8, 48), orthonormal rows
    mean: Tensor  # (48,)
    gain: Tensor  # (8,)

    def __init__(self) -> None:
        super().__init__()
        width = PATCH * PATCH * 3
        self.register_buffer("basis", torch.zeros(CHANNELS, width))
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("gain", torch.ones(CHANNELS))

    def encode(self, images: Tensor) -> Tensor:
        """(..., H, W, 3) -> (..., 8, H / 4, W / 4)."""
        axes = self.basis.T * self.gain
        with exact(images):
            return (patches_of(images) @ axes - self.mean @ axes).movedim(-1, -3)

    def decode(self, latents: Tensor) -> Tensor:
        """(..., 8, h, w) -> (..., 4 h, 4 w, 3), not clipped."""
        patches = (latents.movedim(-3, -1) / self.gain) @ self.basis + self.mean
        *lead, h, w, _ = patches.shape
        pixels = patches.reshape(*lead, h, w, PATCH, PATCH, 3).transpose(-4, -3)
        return pixels.reshape(*lead, h * PATCH, w * PATCH, 3)


def patches_of(images: Tensor) -> Tensor:
    """(..., H, W, 3) -> (..., H / 4, W / 4, 48)."""
    *lead, height, width, _ = images.shape
    cells = images.reshape(*lead, height // PATCH, PATCH, width // PATCH, PATCH, 3).transpose(-4, -3)
    return cells.reshape(*lead, height // PATCH, width // PATCH, PATCH * PATCH * 3)
