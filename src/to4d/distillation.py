"""Distillation of a diffusion prior into a clip: from a render to a `Score`.

Every option is one call:

    distillation(prior, clip, still, prompt, progress, generator, noise) -> Score

`clip` is the 4D model's render (B, V), `still` the mesh seen from the same cameras (B,), progress runs over [0, 1).
All randomness comes from `generator`; `noise(shape, generator)` samples the noise on the clip (see `to4d.noise`).
`needs` are the abilities that the prior must have.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import torch
from torch import Generator, Tensor
from torch.nn.functional import adaptive_avg_pool2d

from to4d.distributed import draw_sharded
from to4d.errors import InputError
from to4d.guidance_query import GuidanceQuery
from to4d.protocols import SEVERAL_PRIORS, Distillation, Prior, PriorMixture
from to4d.schedules import Constant
from to4d.timestep import UniformTimesteps
from to4d.types import Denoised, Prompt, Render, Score

WEIGHTINGS = {  # w(t), as a function of alpha_bar
    "sds": lambda a: 1.0 - a,
    "uniform": torch.ones_like,
    "fantasia3d": lambda a: a.sqrt() * (1.0 - a),
}


def fresh_noise(shape: torch.Size, generator: Generator) -> Tensor:
    """Independent Gaussian noise, drawn for all views of all ranks."""
    return draw_sharded(torch.randn, shape, generator)


def add_noise(latents: Tensor, noise: Tensor, alpha_bar: Tensor) -> Tensor:
    """z_t = sqrt(alpha_bar) z + sqrt(1 - alpha_bar) eps."""
    return alpha_bar.sqrt() * latents + (1.0 - alpha_bar).sqrt() * noise


def make_score(latents: Tensor, guess: Denoised, gradient: Tensor, clip: Render, t: int) -> Score:
    """The score of a prediction at step t.

    Raises:
        InputError: if the prediction is not finite.
    """
    if not torch.isfinite(gradient).all():
        raise InputError(
            f"the prior's prediction at its step {t} is not finite; half precision can overflow: take "
            "guidance.precision=bfloat16 or float32"
        )
    opacity, gradient = pooled_opacity(clip, latents), gradient.detach()
    return Score(
        latents,
        guess.clean,
        gradient,
        guess.attention,
        opacity,
        t,
        guess.backward_flow,
        guess.attention_maps,
        guess.forward_flow,
    )


def amplify_motion(gradient: Tensor, gain: float) -> Tensor:
    """Differences from the mean over frames (B, C, V, h, w), multiplied by `gain`."""
    mean = gradient.mean(2, keepdim=True)
    return gradient if gain == 1.0 else mean + gain * (gradient - mean)


def pooled_opacity(clip: Render, latents: Tensor) -> Tensor:
    """Opacity at latent pixels, (B, V, h, w), without gradient."""
    height, width = latents.shape[-2:]
    return adaptive_avg_pool2d(clip.opacity.detach()[..., 0], (height, width))


@dataclass(frozen=True)
class SDS:
    """Score distillation sampling (Eq. 2): one noise level, one prediction, gradient w(t) (eps_hat - eps).

    Args of the constructor:
        guidance_scale: s of classifier-free guidance, eps_u + s (eps_c - eps_u); for others see `GuidanceQuery`.
        t_max, t_min: schedules over progress of the range that t is drawn from, as fractions of the prior's steps.
        timestep: how it is drawn (see `to4d.timestep`).
        weighting: w(t): "sds" is 1 - alpha_bar, "uniform" is 1, "fantasia3d" is sqrt(alpha_bar) (1 - alpha_bar);
            "clean" makes the gradient z - x0 itself.
        motion_gain: multiplies the gradient's differences from its mean over frames.
        guidance_query: other settings of the guidance.
    """

    guidance_scale: float = 7.5
    t_min: Callable[[float], float] = field(default_factory=lambda: Constant(0.02))
    t_max: Callable[[float], float] = field(default_factory=lambda: Constant(0.98))
    timestep: Callable[[float, Generator], float] = field(default_factory=UniformTimesteps)
    weighting: str = "sds"
    motion_gain: float = 1.0
    guidance_query: GuidanceQuery = field(default_factory=GuidanceQuery)

    def __post_init__(self) -> None:
        if self.weighting not in (*WEIGHTINGS, "clean"):
            known = ", ".join(WEIGHTINGS)
            raise InputError(f"distillation.weighting is {self.weighting!r}; choose one of {known}, clean")

    @property
    def needs(self) -> frozenset[str]:
        """Abilities that the prior must have."""
        return self.guidance_query.needs

    def weight(self, alpha_bar: Tensor) -> Tensor:
        """w(t) times the factor that turns z - x0 into eps_hat - eps."""
        if self.weighting == "clean":
            return torch.ones_like(alpha_bar)
        return (alpha_bar / (1.0 - alpha_bar)).sqrt() * WEIGHTINGS[self.weighting](alpha_bar)

    def __call__(
        self,
        prior: Prior,
        clip: Render,
        still: Render,
        prompt: Prompt,
        progress: float,
        generator: Generator,
        noise: Callable = fresh_noise,
    ) -> Score:
        """The score at one noise level."""
        latents = prior.encode(clip.rgb)
        t = timestep_at(prior, self.t_min(progress), self.t_max(progress), self.timestep(progress, generator))
        noise = noise(latents.shape, generator).to(latents)
        with torch.no_grad():
            condition = self.guidance_query.condition(prior, still, prompt, t, generator)
            noisy = add_noise(latents, noise, prior.alpha_bar[t])
            guess = self.guidance_query.denoise(prior, noisy, t, condition, self.guidance_scale)
            gradient = self.weight(prior.alpha_bar[t]) * (latents - guess.clean)
        return make_score(latents, guess, amplify_motion(gradient, self.motion_gain), clip, t)


@dataclass(frozen=True)
class Reconstruction:
    """Denoise the noised render in a few deterministic steps, then fit the clip to the result.

    SDS follows the mean of all clips that the prior predicts, which for a motion that may start left or right is no
    motion; a few steps commit to one mode. The gradient is z - x0, so that a step of size 1 lands on the target.

    Args of the constructor:
        guidance_scale: s of classifier-free guidance, eps_u + s (eps_c - eps_u).
        start: schedule over progress of the first noise level, as a fraction of the prior's steps.
        jitter: half-width of a uniform draw about it.
        steps: DDIM steps (Song et al. 2021, eta = 0) from there to the clean clip.
        hold: progress until which every step starts from the same noise, so that a motion that may start left or right
            starts the same way each time, until the clip itself decides.
        noise_seed: of that noise.
        guidance_query: other settings of the guidance.
    """

    guidance_scale: float = 3.0
    start: Callable[[float], float] = field(default_factory=lambda: Constant(0.8))
    jitter: float = 0.05
    steps: int = 4
    hold: float = 0.0
    noise_seed: int = 0
    guidance_query: GuidanceQuery = field(default_factory=GuidanceQuery)

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise InputError(f"distillation.steps={self.steps} denoises nothing; it takes 1 or more")

    @property
    def needs(self) -> frozenset[str]:
        """Abilities that the prior must have."""
        return self.guidance_query.needs

    def __call__(
        self,
        prior: Prior,
        clip: Render,
        still: Render,
        prompt: Prompt,
        progress: float,
        generator: Generator,
        noise: Callable = fresh_noise,
    ) -> Score:
        """The score whose gradient leads to the denoised clip."""
        latents = prior.encode(clip.rgb)
        start = self.start(progress)
        t = timestep_at(prior, start - self.jitter, start + self.jitter, UniformTimesteps()(progress, generator))
        held = torch.Generator().manual_seed(self.noise_seed) if progress < self.hold else generator
        noise = noise(latents.shape, held).to(latents)
        with torch.no_grad():
            noisy = add_noise(latents, noise, prior.alpha_bar[t])
            guess = self.denoise(prior, noisy, t, self.guidance_query.condition(prior, still, prompt, t, generator))
            gradient = latents - guess.clean
        return make_score(latents, guess, gradient, clip, t)

    def denoise(self, prior: Prior, noisy: Tensor, t: int, condition: object) -> Denoised:
        """From z_t by DDIM steps to the last prediction of the clean clip."""
        levels = [round(t * (1.0 - i / self.steps)) for i in range(self.steps)]
        for now, after in zip(levels, levels[1:] + [None], strict=True):
            guess = self.guidance_query.denoise(prior, noisy, now, condition, self.guidance_scale)
            if after is not None:
                noise = predicted_noise(noisy, guess.clean, prior.alpha_bar[now])
                noisy = add_noise(guess.clean, noise, prior.alpha_bar[after])
        return guess


@dataclass(frozen=True)
class MixedDistillation:
    """One of several distillations a step, each with the prior of its name in a `protocols.PriorMixture` (4D-fy).

    Args of the constructor:
        parts: distillations by name.
        probabilities: of each, not normalised.
        weights: of the gradient of each.
    """

    parts: Mapping[str, Distillation]
    probabilities: Mapping[str, float]
    weights: Mapping[str, float]

    def __post_init__(self) -> None:
        if not set(self.parts) == set(self.probabilities) == set(self.weights):
            raise InputError(f"distillation.probabilities and .weights must name exactly {', '.join(self.parts)}")

    @property
    def needs(self) -> frozenset[str]:
        """Those of all parts, and several priors."""
        return frozenset({SEVERAL_PRIORS}).union(*(part.needs for part in self.parts.values()))

    def __call__(
        self,
        prior: PriorMixture,
        clip: Render,
        still: Render,
        prompt: Prompt,
        progress: float,
        generator: Generator,
        noise: Callable = fresh_noise,
    ) -> Score:
        """The score of one part, picked at random."""
        names = list(self.parts)
        probabilities = torch.tensor([float(self.probabilities[name]) for name in names])
        name = names[int(torch.multinomial(probabilities, 1, generator=generator))]
        score = self.parts[name](prior.parts[name], clip, still, prompt, progress, generator, noise)
        return replace(score, gradient=self.weights[name] * score.gradient)


def predicted_noise(noisy: Tensor, clean: Tensor, alpha_bar: Tensor) -> Tensor:
    """eps_hat = (z_t - sqrt(alpha_bar) x0) / sqrt(1 - alpha_bar)."""
    return (noisy - alpha_bar.sqrt() * clean) / (1.0 - alpha_bar).sqrt()


def timestep_at(prior: Prior, low: float, high: float, level: float) -> int:
    """The step of the prior's schedule at `level` in [0, 1] between two fractions of it."""
    last = len(prior.alpha_bar) - 1
    fraction = low + (high - low) * level
    return max(0, min(last, round(fraction * last)))
