"""Clips to latents and back, in pieces that fit the memory. Latents are means: a step is a function of its seed."""

from typing import Any

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from to4d.errors import AUTOENCODER, memory_of


def encode_images(vae: Any, clips: Tensor, chunk: int) -> Tensor:
    """(B, 3, V, H, W) -> (B, C, V, h, w), image by image; of `chunk` at once, computed again for the gradient."""
    images = clips.transpose(1, 2).flatten(0, 1)
    again = images.requires_grad and len(images) > chunk
    parts = [_again(vae, x) if again else mean_latents(vae, x) for x in images.split(chunk)]
    return torch.cat(parts).unflatten(0, (len(clips), -1)).transpose(1, 2)


def encode_clips(vae: Any, clips: Tensor) -> Tensor:
    """(B, 3, V, H, W) -> (B, C, v, h, w), clip by clip, each computed again for its gradient if there are several."""
    again = clips.requires_grad and len(clips) > 1
    return torch.cat([_again(vae, x) if again else mean_latents(vae, x) for x in clips.split(1)])


def decode_clips(vae: Any, latents: Tensor, *time: Tensor) -> Tensor:
    """(B, C, v, h, w) -> (B, 3, V, H, W), clip by clip."""
    return torch.cat([vae.decode(x, *time).sample for x in latents.split(1)])


@memory_of(AUTOENCODER)
def mean_latents(vae: Any, x: Tensor) -> Tensor:
    """What an autoencoder of diffusers makes of images or clips."""
    return vae.encode(x).latent_dist.mode()


def _again(vae: Any, x: Tensor) -> Tensor:
    return checkpoint(mean_latents, vae, x, use_reentrant=False)


def per_channel(values: Any, like: Tensor) -> Tensor:
    """Numbers of the channels, to be broadcast with latents (B, C, v, h, w)."""
    return torch.as_tensor(values).to(like).view(1, -1, 1, 1, 1)
