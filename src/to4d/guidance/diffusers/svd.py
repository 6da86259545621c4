"""Stable Video Diffusion (Blattmann et al. 2023): EDM, sees the still in two ways and reads no words."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from to4d.guidance.clip_image import prepare
from to4d.guidance.diffusers import tiny
from to4d.guidance.diffusers.autoencoders import encode_images, mean_latents
from to4d.guidance.diffusers.family import Condition
from to4d.guidance.diffusers.schedule import Tables, edm


@dataclass(frozen=True)
class SVD:
    """The still's latents, which are not scaled and a little noised, are shown beside every frame.

    Args of the constructor:
        fps: of the clip.
        motion: 0 to 255, more moves more ("motion bucket").
        still_noise: spread of the noise on the still, in [-1, 1] units; more moves more. It is the same at every step.
        first_scale: guidance of the first frame, from which it rises evenly to that of the last.
    """

    fps: int = 7
    motion: int = 127
    still_noise: float = 0.02
    first_scale: float = 1.0
    pipeline, network, joined = "StableVideoDiffusionPipeline", "unet", 1

    def tiny(self) -> Any:
        """A pipeline for tests."""
        return tiny.svd()

    def tables(self, pipe: Any) -> Tables:
        """EDM, over the range of its scheduler."""
        return edm(pipe.scheduler.config.sigma_min, pipe.scheduler.config.sigma_max)

    def layers(self, pipe: Any) -> list[nn.Module]:
        """None."""
        return []

    def read(self, pipe: Any, text: str) -> None:
        """None."""

    def see(self, pipe: Any, images: Tensor, frames: int) -> tuple[Tensor, Tensor]:
        """Latents for every frame, and one token."""
        noise = torch.randn(images.shape[1:], generator=torch.Generator().manual_seed(0)).to(images)
        latents = mean_latents(pipe.vae, images + self.still_noise * noise)
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

    def predict(self, pipe: Any, x: Tensor, time: Tensor, told: Condition, blind: bool) -> Tensor:
        """The velocity; blind does not see the still."""
        still, token = (torch.zeros_like(seen) if blind else seen for seen in (told.still.to(x), told.image.to(x)))
        about = x.new_tensor([self.fps - 1, self.motion, self.still_noise])
        return pipe.unet(
            torch.cat([x, still], 1).transpose(1, 2),
            time,
            encoder_hidden_states=token,
            added_time_ids=about.expand(len(x), -1),
            return_dict=False,
        )[0].transpose(1, 2)
