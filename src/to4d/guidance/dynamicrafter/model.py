"""All networks of DynamiCrafter under the names of the official checkpoints."""

from typing import cast

import torch
from torch import nn

from to4d.guidance.dynamicrafter.autoencoder import KlAutoencoder
from to4d.guidance.dynamicrafter.clip import ClipImageTower, ClipTextTower
from to4d.guidance.dynamicrafter.resampler import Resampler
from to4d.guidance.dynamicrafter.sizes import ModelSize
from to4d.guidance.dynamicrafter.unet import UNet


class DynamiCrafterNetworks(nn.Module):
    """The five networks. Made without memory: load values with `checkpoint.fill` or `random_weights.randomise`."""

    def __init__(self, size: ModelSize) -> None:
        super().__init__()
        with torch.device("meta"):
            self.model = nn.ModuleDict({"diffusion_model": UNet(size.unet)})
            self.first_stage_model = KlAutoencoder(size.autoencoder)
            self.cond_stage_model = nn.ModuleDict({"model": ClipTextTower(size.clip)})
            self.embedder = nn.ModuleDict({"model": nn.ModuleDict({"visual": ClipImageTower(size.clip)})})
            self.image_proj_model = Resampler(size.resampler, size.frames)

    @property
    def unet(self) -> UNet:
        """Denoises."""
        return cast(UNet, self.model["diffusion_model"])

    @property
    def autoencoder(self) -> KlAutoencoder:
        """Pixels to latents and back."""
        return self.first_stage_model

    @property
    def text(self) -> ClipTextTower:
        """Reads the prompt."""
        return cast(ClipTextTower, self.cond_stage_model["model"])

    @property
    def image(self) -> ClipImageTower:
        """Reads the first frame."""
        return cast(ClipImageTower, cast(nn.ModuleDict, self.embedder["model"])["visual"])

    @property
    def resampler(self) -> Resampler:
        """Makes tokens of what `image` has read."""
        return self.image_proj_model
