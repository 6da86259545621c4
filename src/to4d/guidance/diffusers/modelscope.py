"""ModelScope and ZeroScope (Wang et al. 2023): text to video, noise prediction. The ablation "w/o image-to-video"."""

from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from to4d.guidance.diffusers import tiny
from to4d.guidance.diffusers.autoencoders import encode_images
from to4d.guidance.diffusers.family import DiffusersCondition
from to4d.guidance.diffusers.i2vgen_xl import clip_words, decode_images, spatial_layers
from to4d.guidance.diffusers.schedule import ScheduleTables, discrete_schedule


@dataclass(frozen=True)
class ModelScope:
    """It takes no image: prompt and static loss alone determine the appearance."""

    pipeline, network = "TextToVideoSDPipeline", "unet"
    temporal_compression, min_guidance_scale = 1, None

    def tiny(self) -> Any:
        """A pipeline for tests."""
        return tiny.modelscope()

    def tables(self, pipe: Any) -> ScheduleTables:
        """Of its scheduler."""
        return discrete_schedule(pipe.scheduler)

    def attention_layers(self, pipe: Any) -> list[nn.Module]:
        """Those of the U-Net's spatial transformers."""
        return spatial_layers(pipe.unet)

    def encode_text(self, pipe: Any, text: str) -> tuple[Tensor, None]:
        """CLIP's tokens."""
        return clip_words(pipe, text, skip=0), None

    def encode_stills(self, pipe: Any, images: Tensor, frames: int) -> tuple[None, None]:
        """Nothing."""
        return None, None

    def encode(self, pipe: Any, clips: Tensor, chunk: int) -> Tensor:
        """Frame by frame."""
        return pipe.vae.config.scaling_factor * encode_images(pipe.vae, clips, chunk)

    def decode(self, pipe: Any, latents: Tensor, chunk: int) -> Tensor:
        """Frame by frame."""
        return decode_images(pipe, latents, chunk)

    def predict(self, pipe: Any, x: Tensor, time: Tensor, condition: DiffusersCondition, unconditional: bool) -> Tensor:
        """The noise; `unconditional` is with the negative words."""
        words = condition.text_tokens(x, unconditional)
        return pipe.unet(x, time.long(), encoder_hidden_states=words, return_dict=False)[0]
