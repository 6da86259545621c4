import pytest
import torch

from to4d.distillation import SDS, Reconstruction, implied_noise, noised
from to4d.losses import sds_loss
from to4d.schedules import Constant
from to4d.types import Denoised, Prompt, Render, generator_at


class TwoValley(torch.nn.Module):
    """The exact denoiser of clips that are all +1 or all -1: a prior whose answer is known in closed form."""

    frames = 4

    def __init__(self):
        super().__init__()
        self.register_buffer("alpha_bar", torch.linspace(0.999, 1e-4, 1000))

    def encode(self, frames):
        return frames.permute(0, 4, 1, 2, 3) * 2 - 1

    def condition(self, still, prompt):
        return None

    def denoise(self, noisy, t, condition, guidance_scale):
        a = self.alpha_bar[t]
        evidence = (noisy * a.sqrt() / (1 - a)).sum((1, 2, 3, 4), keepdim=True)
        clean = torch.tanh(evidence).expand_as(noisy)
        return Denoised(clean, torch.ones(noisy[:, 0].shape))


def clip_of(value):
    rgb = torch.full((1, 4, 8, 8, 3), value, requires_grad=True)
    return Render(rgb, torch.ones(1, 4, 8, 8, 1), torch.ones(1, 4, 8, 8, 1))


PROMPT = Prompt("a ball jumping", "ball")
STYLES = [
    SDS(t_min=Constant(0.3), t_max=Constant(0.9), weighting="clean"),
    Reconstruction(start=Constant(0.7)),
]


def distil(style, clip, step=0):
    return style(TwoValley(), clip, clip.at(0), PROMPT, 0.0, generator_at(0, step))


@pytest.mark.parametrize("style", STYLES)
def test_descent_reaches_a_mode_of_the_prior_and_stays(style):
    value = torch.tensor(0.55)
    for step in range(60):
        clip = clip_of(float(value))
        score = distil(style, clip, step)
        sds_loss(score, torch.ones(())).backward()
        value = (value - 0.5 * clip.rgb.grad.mean()).clamp(0, 1)
    assert value == pytest.approx(1.0, abs=0.02)


def test_held_noise_lets_an_undecided_clip_begin_the_same_way_each_time():
    style, undecided = Reconstruction(start=Constant(0.98), jitter=0.0, hold=0.5), clip_of(0.5)

    def pushes(progress):
        scores = (
            style(TwoValley(), undecided, undecided.at(0), PROMPT, progress, generator_at(0, i)) for i in range(8)
        )
        return torch.stack([score.gradient for score in scores])

    held, free = pushes(0.49), pushes(0.5)
    assert (held == held[0]).all()
    assert (free.std(0) > 0).any()


@pytest.mark.parametrize("style", STYLES)
def test_a_clip_at_a_mode_gets_no_push(style):
    score = distil(style, clip_of(1.0))
    assert score.gradient.abs().max() < 1e-3


@pytest.mark.parametrize("style", [*STYLES, SDS(), SDS(weighting="uniform")])
def test_one_generator_gives_one_score(style):
    first, again = (distil(style, clip_of(0.6), 7) for _ in range(2))
    assert torch.equal(first.gradient, again.gradient) and first.timestep == again.timestep


def test_sds_weights_are_those_of_equation_2():
    alpha_bar, latents, clean, noise = torch.tensor(0.3), torch.randn(5), torch.randn(5), torch.randn(5)
    noisy = noised(latents, noise, alpha_bar)
    predicted = implied_noise(noisy, clean, alpha_bar)
    for weighting, w in (("uniform", 1.0), ("sds", 0.7)):
        torch.testing.assert_close(
            SDS(weighting=weighting).weight(alpha_bar) * (latents - clean), w * (predicted - noise)
        )


def test_an_unknown_weighting_is_refused():
    with pytest.raises(ValueError, match="'loud'.*choose"):
        SDS(weighting="loud")


def test_score_and_latents_have_one_shape_and_only_latents_a_gradient():
    score = distil(STYLES[0], clip_of(0.6))
    assert score.latents.shape == score.gradient.shape
    assert score.attention.shape == score.opacity.shape == score.latents[:, 0].shape
    assert score.latents.requires_grad and not score.gradient.requires_grad
