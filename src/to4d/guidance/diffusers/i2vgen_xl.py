"""I2VGen-XL (Zhang et al. 2023): velocity, cross-attention to words and image tokens at once."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from to4d.guidance.diffusers import tiny
from to4d.guidance.diffusers.autoencoders import encode_images, mean_latents
from to4d.guidance.diffusers.family import DiffusersCondition
from to4d.guidance.diffusers.images import cropped
from to4d.guidance.diffusers.noun_spans import single_spaced
from to4d.guidance.diffusers.schedule import ScheduleTables, discrete_schedule


@dataclass(frozen=True)
class I2VGenXL:
    """The still's latents stand beside the first frame; beside each other one stands its share of the clip's length.

    Args of the constructor:
        fps: of the clip.
    """

    fps: int = 16
    pipeline, network = "I2VGenXLPipeline", "unet"
    temporal_compression, min_guidance_scale = 1, None

    def tiny(self) -> Any:
        """A pipeline for tests."""
        return tiny.i2vgen_xl()

    def tables(self, pipe: Any) -> ScheduleTables:
        """Of its scheduler."""
        return discrete_schedule(pipe.scheduler)

    def attention_layers(self, pipe: Any) -> list[nn.Module]:
        """Those of the U-Net's spatial transformers."""
        return spatial_layers(pipe.unet)

    def encode_text(self, pipe: Any, text: str) -> tuple[Tensor, None]:
        """CLIP's tokens before its last layer."""
        return clip_words(pipe, text, skip=1), None

    def encode_stills(self, pipe: Any, images: Tensor, frames: int) -> tuple[Tensor, Tensor]:
        """Latents and places; one token."""
        latents = pipe.vae.config.scaling_factor * mean_latents(pipe.vae, images)[:, :, None]
        shares = torch.linspace(0.0, 1.0, frames).to(latents)[1:, None, None].expand(-1, *latents.shape[-2:])
        rest = shares.expand(*latents.shape[:2], *shares.shape)
        tower = pipe.image_encoder
        token = tower(cropped(images, tower.config.image_size, "bilinear").to(tower.dtype)).image_embeds
        return torch.cat([latents, rest], 2), token[:, None]

    def encode(self, pipe: Any, clips: Tensor, chunk: int) -> Tensor:
        """Frame by frame."""
        return pipe.vae.config.scaling_factor * encode_images(pipe.vae, clips, chunk)

    def decode(self, pipe: Any, latents: Tensor, chunk: int) -> Tensor:
        """Frame by frame."""
        return decode_images(pipe, latents, chunk)

    def predict(self, pipe: Any, x: Tensor, time: Tensor, condition: DiffusersCondition, unconditional: bool) -> Tensor:
        """The velocity; `unconditional` has the negative words and no token of the still, but sees its latents."""
        token = condition.image_tokens(x)
        return pipe.unet(
            x,
            time.long(),
            encoder_hidden_states=condition.text_tokens(x, unconditional),
            fps=torch.full((len(x),), self.fps, device=x.device),
            image_latents=condition.still_latents(x),
            image_embeddings=torch.zeros_like(token) if unconditional else token,
            return_dict=False,
        )[0]


def spatial_layers(unet: nn.Module) -> list[nn.Module]:
    """The cross-attention of a U-Net's spatial transformers; its temporal ones look at frames alone."""
    found = [(name, module) for name, module in unet.named_modules() if name.endswith(".attn2")]
    return [module for name, module in found if ".attentions." in name]


def clip_words(pipe: Any, text: str, skip: int) -> Tensor:
    """(77, D) of CLIP's text tower, after its norm but without its last `skip` layers."""
    encoder, length = pipe.text_encoder, pipe.tokenizer.model_max_length
    tokens = pipe.tokenizer(
        single_spaced(text), padding="max_length", max_length=length, truncation=True, return_tensors="pt"
    ).input_ids.to(encoder.device)
    layers = encoder(tokens, output_hidden_states=True).hidden_states
    return getattr(encoder, "text_model", encoder).final_layer_norm(layers[-1 - skip])[0]


def decode_images(pipe: Any, latents: Tensor, chunk: int) -> Tensor:
    """(B, C, V, h, w) -> (B, 3, V, H, W), `chunk` images at once."""
    flat = (latents / pipe.vae.config.scaling_factor).transpose(1, 2).flatten(0, 1)
    images = torch.cat([pipe.vae.decode(x).sample for x in flat.split(chunk)])
    return images.unflatten(0, (len(latents), -1)).transpose(1, 2)
