"""Stable Video Diffusion (Blattmann et al. 2023): EDM, sees the still in two ways and reads no words."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from to4d.guidance.clip_image import prepare
from to4d.guidance.diffusers import tiny
from to4d.guidance.diffusers.autoencoders import encode_images, mean_latents
from to4d.guidance.diffusers.family import DiffusersCondition
from to4d.guidance.diffusers.schedule import ScheduleTables, edm_schedule


@dataclass(frozen=True)
class SVD:
    """The still's latents, which are not scaled and a little noised, are shown beside every frame.

    Args of the constructor:
        fps: of the clip.
        motion_bucket_id: 0 to 255; more moves more.
        noise_aug_strength: spread of the noise on the still, in [-1, 1] units; more moves more. It is the same at every
            step.
        min_guidance_scale: guidance of the first frame, from which it rises evenly to that of the last.
    """

    fps: int = 7
    motion_bucket_id: int = 127
    noise_aug_strength: float = 0.02
    min_guidance_scale: float = 1.0
    pipeline, network = "StableVideoDiffusionPipeline", "unet"
    temporal_compression = 1

    def tiny(self) -> Any:
        """A pipeline for tests."""
        return tiny.svd()

    def tables(self, pipe: Any) -> ScheduleTables:
        """EDM, over the range of its scheduler."""
        return edm_schedule(pipe.scheduler.config.sigma_min, pipe.scheduler.config.sigma_max)

    def attention_layers(self, pipe: Any) -> list[nn.Module]:
        """None."""
        return []

    def encode_text(self, pipe: Any, text: str) -> None:
        """None."""

    def encode_stills(self, pipe: Any, images: Tensor, frames: int) -> tuple[Tensor, Tensor]:
        """Latents for every frame, and one token."""
        noise = torch.randn(images.shape[1:], generator=torch.Generator().manual_seed(0)).to(images)
        latents = mean_latents(pipe.vae, images + self.noise_aug_strength * noise)
        tower = pipe.image_encoder
        token = tower(prepare(images, tower.config.image_size).to(tower.dtype)).image_embeds
        return latents[:, :, None].expand(-1, -1, frames, -1, -1), token[:, None]

    def encode(self, pipe: Any, clips: Tensor, chunk: int) -> Tensor:
        """Frame by frame."""
        return pipe.vae.config.scaling_factor * encode_images(pipe.vae, clips, chunk)

    def decode(self, pipe: Any, latents: Tensor, chunk: int) -> Tensor:
        """The decoder looks at neighbouring frames: `chunk` at once."""
        flat = (latents / pipe.vae.config.scaling_factor).transpose(1, 2)
        clips = [torch.cat([pipe.vae.decode(x, num_frames=len(x)).sample for x in clip.split(chunk)]) for clip in flat]
        return torch.stack(clips).transpose(1, 2)

    def predict(self, pipe: Any, x: Tensor, time: Tensor, condition: DiffusersCondition, unconditional: bool) -> Tensor:
        """The velocity; `unconditional` does not see the still."""
        still, token = condition.still_latents(x), condition.image_tokens(x)
        if unconditional:
            still, token = torch.zeros_like(still), torch.zeros_like(token)
        about = x.new_tensor([self.fps - 1, self.motion_bucket_id, self.noise_aug_strength])
        return pipe.unet(
            torch.cat([x, still], 1).transpose(1, 2),
            time,
            encoder_hidden_states=token,
            added_time_ids=about.expand(len(x), -1),
            return_dict=False,
        )[0].transpose(1, 2)
