"""How a clip learns from a diffusion prior.

Every option is one call:

    distil(prior, clip, still, prompt, progress, generator) -> Score

`clip` is the 4D model's render (B, V), `still` the mesh seen from the same cameras (B,), progress runs over [0, 1).
All randomness comes from `generator`.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Generator, Tensor
from torch.nn.functional import adaptive_avg_pool2d

from to4d.schedules import Constant
from to4d.types import Denoised, Prior, Prompt, Render, Score


def noised(latents: Tensor, noise: Tensor, alpha_bar: Tensor) -> Tensor:
    """z_t = sqrt(alpha_bar) z + sqrt(1 - alpha_bar) eps."""
    return alpha_bar.sqrt() * latents + (1.0 - alpha_bar).sqrt() * noise


def as_score(latents: Tensor, guess: Denoised, gradient: Tensor, clip: Render, t: int) -> Score:
    """What a phase needs of a guess at step t."""
    opacity = pooled_opacity(clip, latents)
    return Score(latents, guess.clean, gradient.detach().nan_to_num(), guess.attention, opacity, t, guess.flow)


def pooled_opacity(clip: Render, latents: Tensor) -> Tensor:
    """Opacity at latent pixels, (B, V, h, w), without gradient."""
    opacity = clip.opacity.detach()[..., 0]
    return adaptive_avg_pool2d(opacity, tuple(latents.shape[-2:]))


@dataclass(frozen=True)
class SDS:
    """Score distillation sampling (Eq. 2): one noise level, one look, gradient w(t) (eps_hat - eps).

    Args of the constructor:
        guidance_scale: s of classifier-free guidance, eps_u + s (eps_c - eps_u).
        t_max, t_min: schedules over progress of the range that t is drawn from, as shares of the prior's steps.
        weighting: "sds" is w = 1 - alpha_bar, "uniform" is w = 1, "clean" makes the gradient z - x0 itself.
    """

    guidance_scale: float = 7.5
    t_min: Callable[[float], float] = field(default_factory=lambda: Constant(0.02))
    t_max: Callable[[float], float] = field(default_factory=lambda: Constant(0.98))
    weighting: str = "sds"

    def __post_init__(self) -> None:
        if self.weighting not in ("sds", "uniform", "clean"):
            raise ValueError(f"distillation.weighting is {self.weighting!r}; choose sds, uniform or clean")

    def weight(self, alpha_bar: Tensor) -> Tensor:
        """w(t) times the factor that turns z - x0 into eps_hat - eps."""
        if self.weighting == "clean":
            return torch.ones_like(alpha_bar)
        to_noise = (alpha_bar / (1.0 - alpha_bar)).sqrt()
        return to_noise * (1.0 - alpha_bar) if self.weighting == "sds" else to_noise

    def __call__(
        self, prior: Prior, clip: Render, still: Render, prompt: Prompt, progress: float, generator: Generator
    ) -> Score:
        """The prior's opinion at one random noise level."""
        latents = prior.encode(clip.rgb)
        t = draw_step(prior, self.t_min(progress), self.t_max(progress), generator)
        noise = torch.randn(latents.shape, generator=generator).to(latents)
        with torch.no_grad():
            condition = prior.condition(still.rgb, prompt)
            noisy = noised(latents, noise, prior.alpha_bar[t])
            guess = prior.denoise(noisy, t, condition, self.guidance_scale)
            gradient = self.weight(prior.alpha_bar[t]) * (latents - guess.clean)
        return as_score(latents, guess, gradient, clip, t)


@dataclass(frozen=True)
class Reconstruction:
    """Denoise the noised render by a few deterministic steps, then fit the clip to the result.

    SDS takes the mean of what the prior can imagine, which for a motion that may start left or right is no motion;
    a few steps commit to one of them. The gradient is z - x0, so that a step of size 1 lands on the target.

    Args of the constructor:
        guidance_scale: s of classifier-free guidance, eps_u + s (eps_c - eps_u).
        start: schedule over progress of the first noise level, as a share of the prior's steps.
        jitter: half-width of a uniform draw about it.
        steps: DDIM steps (Song et al. 2021, eta = 0) from there to the clean clip.
        hold: share of the phase in which every step starts from the same noise, so that what may begin to the left or
            to the right begins the same way each time, until the clip itself shows the way.
        noise_seed: of that noise.
    """

    guidance_scale: float = 3.0
    start: Callable[[float], float] = field(default_factory=lambda: Constant(0.8))
    jitter: float = 0.05
    steps: int = 4
    hold: float = 0.0
    noise_seed: int = 0

    def __call__(
        self, prior: Prior, clip: Render, still: Render, prompt: Prompt, progress: float, generator: Generator
    ) -> Score:
        """The distance to what the prior makes of the clip."""
        latents = prior.encode(clip.rgb)
        start = self.start(progress)
        t = draw_step(prior, start - self.jitter, start + self.jitter, generator)
        held = torch.Generator().manual_seed(self.noise_seed) if progress < self.hold else generator
        noise = torch.randn(latents.shape, generator=held).to(latents)
        with torch.no_grad():
            noisy = noised(latents, noise, prior.alpha_bar[t])
            guess = self.denoise(prior, noisy, t, prior.condition(still.rgb, prompt))
            gradient = latents - guess.clean
        return as_score(latents, guess, gradient, clip, t)

    def denoise(self, prior: Prior, noisy: Tensor, t: int, condition: object) -> Denoised:
        """From z_t to the last guess of the clean clip."""
        levels = [round(t * (1.0 - i / self.steps)) for i in range(self.steps)]
        for now, after in zip(levels, levels[1:] + [None], strict=True):
            guess = prior.denoise(noisy, now, condition, self.guidance_scale)
            if after is not None:
                noise = implied_noise(noisy, guess.clean, prior.alpha_bar[now])
                noisy = noised(guess.clean, noise, prior.alpha_bar[after])
        return guess


def implied_noise(noisy: Tensor, clean: Tensor, alpha_bar: Tensor) -> Tensor:
    """eps_hat = (z_t - sqrt(alpha_bar) x0) / sqrt(1 - alpha_bar)."""
    return (noisy - alpha_bar.sqrt() * clean) / (1.0 - alpha_bar).sqrt()


def draw_step(prior: Prior, low: float, high: float, generator: Generator) -> int:
    """One step of the prior's schedule, uniform between two shares of it."""
    last = len(prior.alpha_bar) - 1
    share = low + (high - low) * float(torch.rand((), generator=generator))
    return max(0, min(last, round(share * last)))
