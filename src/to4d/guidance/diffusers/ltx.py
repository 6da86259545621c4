"""LTX-Video image to video (HaCohen et al. 2024): rectified flow, cross-attention to words, times of each place."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from to4d.guidance.diffusers import tiny
from to4d.guidance.diffusers.autoencoders import decode_clips, encode_clips, per_channel
from to4d.guidance.diffusers.family import DiffusersCondition
from to4d.guidance.diffusers.noun_spans import single_spaced
from to4d.guidance.diffusers.schedule import ScheduleTables, rectified_flow_schedule

LENGTH = 128  # of texts


@dataclass(frozen=True)
class LTX:
    """The still takes the place of the first latent frame, which is said to be clean.

    Args of the constructor:
        frame_rate: of the clip; the positions of frames depend on it.
        shift: of the steps towards noise; the authors' samplers shift by 2.6 to 7.8, more for larger clips.
    """

    frame_rate: int = 25
    shift: float = 3.0
    pipeline, network = "LTXImageToVideoPipeline", "transformer"
    temporal_compression, min_guidance_scale = 8, None

    def tiny(self) -> Any:
        """A pipeline for tests."""
        return tiny.ltx()

    def tables(self, pipe: Any) -> ScheduleTables:
        """Rectified flow."""
        return rectified_flow_schedule(self.shift)

    def attention_layers(self, pipe: Any) -> list[nn.Module]:
        """Of every block."""
        return [block.attn2 for block in pipe.transformer.transformer_blocks]

    def encode_text(self, pipe: Any, text: str) -> tuple[Tensor, Tensor]:
        """T5, with a mask: what is beyond the text is not looked at."""
        device = pipe.text_encoder.device
        words, mask, *_ = pipe.encode_prompt(
            single_spaced(text), None, False, max_sequence_length=LENGTH, device=device
        )
        return words[0], mask[0]

    def encode_stills(self, pipe: Any, images: Tensor, frames: int) -> tuple[Tensor, None]:
        """(B, C, 1, h, w) latents."""
        return self.encode(pipe, images[:, :, None]), None

    def encode(self, pipe: Any, clips: Tensor, chunk: int = 0) -> Tensor:
        """The autoencoder makes 8 frames one, but keeps the first."""
        latents, vae = encode_clips(pipe.vae, clips), pipe.vae
        return (latents - per_channel(vae.latents_mean, latents)) / per_channel(vae.latents_std, latents)

    def decode(self, pipe: Any, latents: Tensor, chunk: int = 0) -> Tensor:
        """Latents to frames; later decoders are conditioned on a timestep of zero noise."""
        vae = pipe.vae
        plain = latents * per_channel(vae.latents_std, latents) + per_channel(vae.latents_mean, latents)
        return decode_clips(vae, plain, *([plain.new_zeros(1)] if vae.config.timestep_conditioning else []))

    def predict(self, pipe: Any, x: Tensor, time: Tensor, condition: DiffusersCondition, unconditional: bool) -> Tensor:
        """The flow; `unconditional` is with the negative words, but sees the still.

        The first latent frame's flow is the one that leads to the still, whatever the network says of it.
        """
        still, (frames, height, width) = condition.still_latents(x), x.shape[2:]
        shown = torch.cat([still, x[:, :, 1:]], 2)
        times = time.expand(frames, height * width).clone()
        times[0] = 0.0
        flow = pipe.transformer(
            hidden_states=shown.flatten(2).transpose(1, 2),
            encoder_hidden_states=condition.text_tokens(x, unconditional),
            timestep=times.flatten().expand(len(x), -1),
            encoder_attention_mask=condition.text_mask(x, unconditional),
            num_frames=frames,
            height=height,
            width=width,
            rope_interpolation_scale=(
                self.temporal_compression / self.frame_rate,
                *[pipe.vae_spatial_compression_ratio] * 2,
            ),
            return_dict=False,
        )[0]
        flow = flow.transpose(1, 2).unflatten(2, (frames, height, width))
        return torch.cat([(x[:, :, :1] - still) / (time / 1000.0).to(x), flow[:, :, 1:]], 2)
