"""Stable Diffusion (Rombach et al. 2022): text to image, noise or velocity. For baselines that know no motion."""

from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from to4d.guidance.diffusers import tiny
from to4d.guidance.diffusers.autoencoders import encode_images
from to4d.guidance.diffusers.family import Condition
from to4d.guidance.diffusers.i2vgen_xl import clip_words, decode_images, spatial_layers
from to4d.guidance.diffusers.schedule import Tables, discrete


@dataclass(frozen=True)
class StableDiffusion:
    """Each frame is a picture of its own: it sees neither the still nor the other frames."""

    pipeline, network, joined, first_scale = "StableDiffusionPipeline", "unet", 1, None

    def tiny(self) -> Any:
        """A pipeline for tests."""
        return tiny.stable_diffusion()

    def tables(self, pipe: Any) -> Tables:
        """Of its scheduler."""
        return discrete(pipe.scheduler)

    def layers(self, pipe: Any) -> list[nn.Module]:
        """Those of the U-Net's transformers."""
        return spatial_layers(pipe.unet)

    def read(self, pipe: Any, text: str) -> tuple[Tensor, None]:
        """CLIP's tokens."""
        return clip_words(pipe, text, skip=0), None

    def see(self, pipe: Any, images: Tensor, frames: int) -> tuple[None, None]:
        """Nothing."""
        return None, None

    def encode(self, pipe: Any, clips: Tensor, chunk: int) -> Tensor:
        """Frame by frame."""
        return pipe.vae.config.scaling_factor * encode_images(pipe.vae, clips, chunk)

    def decode(self, pipe: Any, latents: Tensor, chunk: int) -> Tensor:
        """Frame by frame."""
        return decode_images(pipe, latents, chunk)

    def predict(self, pipe: Any, x: Tensor, time: Tensor, told: Condition, blind: bool) -> Tensor:
        """The noise or the velocity, of every frame; blind is with the negative words."""
        images = x.transpose(1, 2).flatten(0, 1)
        words = told.words[int(blind)].expand(len(images), -1, -1).to(x)
        said = pipe.unet(images, time.long(), encoder_hidden_states=words, return_dict=False)[0]
        return said.unflatten(0, (len(x), -1)).transpose(1, 2)
