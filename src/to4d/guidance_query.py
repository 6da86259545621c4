"""How a distillation queries a prior: guidance scales, negative prompt, noise on the first frame."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from to4d.distributed import draw_sharded
from to4d.errors import InputError
from to4d.protocols import (
    CAMERA_AZIMUTH,
    IMAGE_SCALE,
    NEGATIVE_PROMPT,
    RELIEF,
    Distillation,
    Mask,
    Prior,
    PriorMixture,
    TimeSampler,
)
from to4d.types import Denoised, Prompt, Render

CONVENTIONS = {"usual": 0.0, "threestudio": 1.0}  # what is added to the guidance scale


@dataclass(frozen=True)
class GuidanceQuery:
    """Classifier-free guidance of one prior; the defaults are the usual one.

    Args of the constructor:
        convention: of the guidance scale s. "usual" is eps_u + s (eps_c - eps_u); "threestudio", which 4D-fy writes its
            numbers in, is eps_c + s (eps_c - eps_u): the usual one at s + 1.
        image_scale: a guidance scale of the image alone, so that `guidance_scale` is of the text alone (see
            `Prior.denoise`); None guides by both together.
        negative_prompt: what guidance leads away from.
        first_frame_noise: standard deviation of noise on the first frame as the prior sees it, at its noisiest step;
            proportionally less at the others. In the noisiest steps image-to-video models tend to copy the first frame,
            which stands still; a noisy one leaks less (Zhao et al. 2024).
    """

    convention: str = "usual"
    image_scale: float | None = None
    negative_prompt: str = ""
    first_frame_noise: float = 0.0

    def __post_init__(self) -> None:
        if self.convention not in CONVENTIONS:
            raise InputError(
                f"guidance_query.convention is {self.convention!r}; choose one of {', '.join(CONVENTIONS)}"
            )

    @property
    def needs(self) -> frozenset[str]:
        """What the prior must be able to do."""
        wanted = {IMAGE_SCALE: self.image_scale is not None, NEGATIVE_PROMPT: bool(self.negative_prompt)}
        return frozenset(ability for ability, needed in wanted.items() if needed)

    def condition(self, prior: Prior, still: Render, prompt: Prompt, t: int, generator: Generator) -> object:
        """What `prior.denoise` needs at step t of first frames (B,) and the prompt."""
        rgb, prompt = still.rgb, Prompt(prompt.text, prompt.noun, self.negative_prompt)
        if self.first_frame_noise:
            std = self.first_frame_noise * t / (len(prior.alpha_bar) - 1)
            rgb = rgb + std * draw_sharded(torch.randn, rgb.shape, generator).to(rgb)
        known = {RELIEF: ("relief", still.relief), CAMERA_AZIMUTH: ("azimuth_deg", still.azimuth_deg)}
        more = dict(known[ability] for ability in known.keys() & prior.abilities)
        return prior.condition(rgb, prompt, **more)

    def denoise(self, prior: Prior, noisy: Tensor, t: int, condition: object, guidance_scale: float) -> Denoised:
        """The prior's guess of the clean clip behind `noisy` (B, C, V, h, w) at step t."""
        scale = guidance_scale + CONVENTIONS[self.convention]
        if self.image_scale is None:
            return prior.denoise(noisy, t, condition, scale)
        return prior.denoise(noisy, t, condition, scale, self.image_scale)


def check_abilities(prior: Prior | PriorMixture, parts: Mapping[str, Distillation | Mask]) -> None:
    """Check that the prior has the abilities that parts, by name, need.

    Raises:
        InputError: if not.
    """
    for name, part in parts.items():
        if missing := part.needs - prior.abilities:
            raise InputError(
                f"{name} needs {' and '.join(sorted(missing))}, which {type(prior).__name__} does not have; "
                "choose another prior (docs/priors.md), or leave that setting out"
            )


def check_frames(prior: Prior | PriorMixture, time_sampler: TimeSampler) -> None:
    """Raise, before work is lost, if the clips that are made are not of the length that the prior knows."""
    if prior.frames != time_sampler.frames:
        raise InputError(
            f"the prior knows clips of {prior.frames} frames, but time_sampler.frames={time_sampler.frames};\n"
            f"say time_sampler.frames={prior.frames}, or take the prior by its experiment, which sets cameras too, "
            "as in experiments=[wan]"
        )
