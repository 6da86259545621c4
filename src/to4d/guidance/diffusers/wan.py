"""Wan 2.1 and 2.2 image to video (Wan Team 2025): rectified flow, cross-attention to words, in 2.1 to image tokens."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from to4d.errors import InputError
from to4d.guidance.diffusers import tiny
from to4d.guidance.diffusers.autoencoders import decode_clips, encode_clips, per_channel
from to4d.guidance.diffusers.family import DiffusersCondition
from to4d.guidance.diffusers.images import cropped
from to4d.guidance.diffusers.noun_spans import single_spaced
from to4d.guidance.diffusers.schedule import STEPS, ScheduleTables, rectified_flow_schedule

LENGTH = 512  # of texts


@dataclass(frozen=True)
class Wan:
    """The still is the first of V frames that are otherwise grey, encoded as a clip, with a mask that says so.

    Args of the constructor:
        shift: of the steps towards noise; the authors sample 480p at 3 and 720p at 5.
    """

    shift: float = 3.0
    pipeline, network = "WanImageToVideoPipeline", "transformer"
    temporal_compression, min_guidance_scale = 4, None

    def tiny(self) -> Any:
        """A pipeline for tests."""
        return tiny.wan()

    def tables(self, pipe: Any) -> ScheduleTables:
        """Rectified flow.

        Raises:
            InputError: if it is one whose frames have times of their own (Wan 2.2, 5 B).
        """
        if pipe.config.expand_timesteps:
            raise InputError("this is Wan 2.2 of 5 B; guidance=wan knows Wan 2.1, and guidance=wan22 that of 14 B")
        return rectified_flow_schedule(self.shift)

    def attention_layers(self, pipe: Any) -> list[nn.Module]:
        """Of every block."""
        networks = [network for network in (pipe.transformer, pipe.transformer_2) if network is not None]
        return [block.attn2 for network in networks for block in network.blocks]

    def encode_text(self, pipe: Any, text: str) -> tuple[Tensor, None]:
        """UMT5; what is beyond the text is zeros."""
        device = pipe.text_encoder.device
        words, _ = pipe.encode_prompt(single_spaced(text), None, False, max_sequence_length=LENGTH, device=device)
        return words[0], None

    def encode_stills(self, pipe: Any, images: Tensor, frames: int) -> tuple[Tensor, Tensor | None]:
        """A mask of the still (a channel a frame of a latent one) and latents; tokens of CLIP's last layer but one."""
        clips = torch.cat([images[:, :, None], images.new_zeros(*images.shape[:2], frames - 1, *images.shape[2:])], 2)
        latents = self.encode(pipe, clips)
        mask = torch.zeros_like(latents[:, : self.temporal_compression])
        mask[:, :, 0] = 1.0
        return torch.cat([mask, latents], 1), self.tokens(pipe, images)

    def tokens(self, pipe: Any, images: Tensor) -> Tensor | None:
        """(B, 257, D), for the networks that look at them."""
        if pipe.transformer.config.image_dim is None:
            return None
        tower = pipe.image_encoder
        cropped_images = cropped(images, tower.config.image_size, "bicubic").to(tower.dtype)
        return tower(cropped_images, output_hidden_states=True).hidden_states[-2]

    def encode(self, pipe: Any, clips: Tensor, chunk: int = 0) -> Tensor:
        """The autoencoder makes 4 frames one, but keeps the first."""
        latents, config = encode_clips(pipe.vae, clips), pipe.vae.config
        return (latents - per_channel(config.latents_mean, latents)) / per_channel(config.latents_std, latents)

    def decode(self, pipe: Any, latents: Tensor, chunk: int = 0) -> Tensor:
        """Latents to frames."""
        config = pipe.vae.config
        plain = latents * per_channel(config.latents_std, latents) + per_channel(config.latents_mean, latents)
        return decode_clips(pipe.vae, plain)

    def predict(self, pipe: Any, x: Tensor, time: Tensor, condition: DiffusersCondition, unconditional: bool) -> Tensor:
        """The flow; `unconditional` is with the negative words, but sees the still."""
        boundary = pipe.config.boundary_ratio
        network = pipe.transformer if boundary is None or time >= boundary * STEPS else pipe.transformer_2
        return network(
            hidden_states=torch.cat([x, condition.still_latents(x)], 1),
            timestep=time.expand(len(x)),
            encoder_hidden_states=condition.text_tokens(x, unconditional),
            encoder_hidden_states_image=None if condition.image is None else condition.image_tokens(x),
            return_dict=False,
        )[0]


@dataclass(frozen=True)
class Wan22(Wan):
    """Wan 2.2 of 14 B: one network for the noisier steps, one for the others; neither reads image tokens."""

    shift: float = 5.0

    def tiny(self) -> Any:
        """A pipeline for tests."""
        return tiny.wan22()
