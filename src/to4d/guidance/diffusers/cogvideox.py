"""CogVideoX image to video (Yang et al. 2024): velocity, one transformer over words and patches alike."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from to4d.errors import InputError
from to4d.guidance.diffusers import tiny
from to4d.guidance.diffusers.autoencoders import decode_clips, encode_clips
from to4d.guidance.diffusers.family import DiffusersCondition
from to4d.guidance.diffusers.noun_spans import single_spaced
from to4d.guidance.diffusers.schedule import ScheduleTables, discrete_schedule


@dataclass(frozen=True)
class CogVideoX:
    """The still is shown beside the first latent frame, and zeros beside the others."""

    pipeline, network = "CogVideoXImageToVideoPipeline", "transformer"
    temporal_compression, min_guidance_scale = 4, None

    def tiny(self) -> Any:
        """A pipeline for tests."""
        return tiny.cogvideox()

    def tables(self, pipe: Any) -> ScheduleTables:
        """Of its scheduler, which ends in pure noise.

        Raises:
            InputError: if it is CogVideoX 1.5, whose patches join frames.
        """
        if pipe.transformer.config.patch_size_t is not None:
            raise InputError("this is a model of CogVideoX 1.5; guidance=cogvideox knows those of 1.0")
        return discrete_schedule(pipe.scheduler)

    def attention_layers(self, pipe: Any) -> list[nn.Module]:
        """None: words and patches share their attention."""
        return []

    def encode_text(self, pipe: Any, text: str) -> tuple[Tensor, None]:
        """T5."""
        length, device = pipe.transformer.config.max_text_seq_length, pipe.text_encoder.device
        words, _ = pipe.encode_prompt(single_spaced(text), None, False, max_sequence_length=length, device=device)
        return words[0], None

    def encode_stills(self, pipe: Any, images: Tensor, frames: int) -> tuple[Tensor, None]:
        """The latents of the still alone; some models were trained with the wrong scale (`invert_scale_latents`)."""
        latents = self.encode(pipe, images[:, :, None])
        if pipe.vae.config.invert_scale_latents:
            latents = latents / pipe.vae.config.scaling_factor**2
        rest = latents.new_zeros(*latents.shape[:2], (frames - 1) // self.temporal_compression, *latents.shape[3:])
        return torch.cat([latents, rest], 2), None

    def encode(self, pipe: Any, clips: Tensor, chunk: int = 0) -> Tensor:
        """The autoencoder makes 4 frames one, but keeps the first."""
        return pipe.vae.config.scaling_factor * encode_clips(pipe.vae, clips)

    def decode(self, pipe: Any, latents: Tensor, chunk: int = 0) -> Tensor:
        """Latents to frames."""
        return decode_clips(pipe.vae, latents / pipe.vae.config.scaling_factor)

    def predict(self, pipe: Any, x: Tensor, time: Tensor, condition: DiffusersCondition, unconditional: bool) -> Tensor:
        """The velocity; `unconditional` is with the negative words, but sees the still."""
        config, (height, width) = pipe.transformer.config, (pipe.vae_scale_factor_spatial * n for n in x.shape[-2:])
        places = pipe._prepare_rotary_positional_embeddings(height, width, x.shape[2], x.device)
        return pipe.transformer(
            hidden_states=torch.cat([x, condition.still_latents(x)], 1).transpose(1, 2),
            encoder_hidden_states=condition.text_tokens(x, unconditional),
            timestep=time.long().expand(len(x)),
            ofs=None if config.ofs_embed_dim is None else x.new_full((1,), 2.0),
            image_rotary_emb=places if config.use_rotary_positional_embeddings else None,
            return_dict=False,
        )[0].transpose(1, 2)
