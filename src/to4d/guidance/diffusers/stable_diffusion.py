"""Stable Diffusion (Rombach et al. 2022): text to image, noise or velocity. For baselines that know no motion."""

from dataclasses import dataclass
from typing import Any

from torch import Tensor

from to4d.guidance.diffusers import tiny
from to4d.guidance.diffusers.family import DiffusersCondition
from to4d.guidance.diffusers.modelscope import ModelScope


@dataclass(frozen=True)
class StableDiffusion(ModelScope):
    """As ModelScope, but each frame is a picture of its own: it sees neither the still nor the other frames."""

    pipeline = "StableDiffusionPipeline"

    def tiny(self) -> Any:
        """A pipeline for tests."""
        return tiny.stable_diffusion()

    def predict(self, pipe: Any, x: Tensor, time: Tensor, condition: DiffusersCondition, unconditional: bool) -> Tensor:
        """The noise or the velocity, of every frame; `unconditional` is with the negative words."""
        images = x.transpose(1, 2).flatten(0, 1)
        return super().predict(pipe, images, time, condition, unconditional).unflatten(0, (len(x), -1)).transpose(1, 2)
