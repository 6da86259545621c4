from types import SimpleNamespace

import pytest
import torch

from to4d.distillation import SDS, MixedDistillation, Reconstruction, add_noise, amplify_motion, predicted_noise
from to4d.errors import InputError
from to4d.losses import sds_loss
from to4d.schedules import Constant, Linear
from to4d.timestep import DecreasingTimesteps
from to4d.types import Denoised, Prompt, Render, generator_at


class TwoValley(torch.nn.Module):
    """The exact denoiser of clips that are all +1 or all -1: a prior whose answer is known in closed form."""

    frames = 4

    abilities = frozenset()

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
def test_a_prior_that_overflows_is_refused_instead_of_giving_no_gradient(style):
    clip = clip_of(float("inf"))
    with pytest.raises(InputError, match="precision=bfloat16"):
        distil(style, clip)


def test_denoising_in_no_steps_is_refused():
    with pytest.raises(InputError, match="distillation.steps=0"):
        Reconstruction(steps=0)


@pytest.mark.parametrize("style", STYLES)
def test_descent_reaches_a_mode_of_the_prior_and_stays(style):
    value = torch.tensor(0.55)
    for step in range(60):
        clip = clip_of(float(value))
        score = distil(style, clip, step)
        sds_loss(score, torch.ones(())).backward()
        value = (value - 0.5 * clip.rgb.grad.mean()).clamp(0, 1)
    assert value == pytest.approx(1.0, abs=0.02)


def test_from_noise_alone_a_still_makes_one_video_whatever_the_clip_shows():
    ends = set()
    for seed in range(8):
        style = Reconstruction(start=Constant(1.0), jitter=0.0, steps=10, hold=1.0, noise_seed=seed)
        dark, bright = (distil(style, clip_of(value), step).clean for step, value in enumerate((0.45, 0.55)))
        assert torch.allclose(dark, bright, atol=1e-2)
        ends.add(round(dark.mean().item()))
    assert ends == {-1, 1}  # another seed, another video


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
    noisy = add_noise(latents, noise, alpha_bar)
    predicted = predicted_noise(noisy, clean, alpha_bar)
    for weighting, w in (("uniform", 1.0), ("sds", 0.7)):
        torch.testing.assert_close(
            SDS(weighting=weighting).weight(alpha_bar) * (latents - clean), w * (predicted - noise)
        )


def test_an_unknown_weighting_is_refused():
    with pytest.raises(ValueError, match="'loud'.* sds"):
        SDS(weighting="loud")


def test_score_and_latents_have_one_shape_and_only_latents_a_gradient():
    score = distil(STYLES[0], clip_of(0.6))
    assert score.latents.shape == score.gradient.shape
    assert score.attention.shape == score.opacity.shape == score.latents[:, 0].shape
    assert score.latents.requires_grad and not score.gradient.requires_grad


def test_the_weight_of_fantasia3d_is_theirs():
    alpha_bar = torch.tensor(0.3)
    expected = 0.3**0.5 * 0.7 * (0.3 / 0.7) ** 0.5
    torch.testing.assert_close(SDS(weighting="fantasia3d").weight(alpha_bar), torch.tensor(expected))


def test_motion_gain_amplifies_what_differs_between_frames_and_keeps_their_mean():
    gradient = torch.randn(2, 3, 4, 5, 5)
    strong = amplify_motion(gradient, 30.0)
    torch.testing.assert_close(strong.mean(2), gradient.mean(2), atol=1e-5, rtol=0)
    torch.testing.assert_close(strong.diff(dim=2), 30.0 * gradient.diff(dim=2), atol=1e-4, rtol=1e-4)
    assert amplify_motion(gradient, 1.0) is gradient
    still = gradient[:, :, :1].expand_as(gradient)
    torch.testing.assert_close(amplify_motion(still, 30.0), still)


def test_the_level_is_drawn_by_the_strategy_from_the_range_of_the_moment():
    style = SDS(t_min=Linear(0.2, 0.1), t_max=Linear(0.9, 0.5), timestep=DecreasingTimesteps())
    steps = [
        style(TwoValley(), clip_of(0.6), clip_of(0.6).at(0), PROMPT, progress, generator_at(0, 0)).timestep
        for progress in (0.0, 0.5, 1.0)
    ]
    assert steps == [round(999 * share) for share in (0.9, 0.15 + 0.5 * (0.7 - 0.15), 0.1)]


@pytest.mark.parametrize("style", [SDS(timestep=DecreasingTimesteps(), weighting="clean"), Reconstruction(jitter=0.0)])
def test_the_noise_on_the_clip_is_the_part_s(style):
    clip, asked = clip_of(0.5), []

    def noise(shape, generator):
        asked.append(shape)
        return torch.full(shape, len(asked) * 2.0 - 3.0)  # -1, then 1: which decides an undecided clip

    scores = [style(TwoValley(), clip, clip.at(0), PROMPT, 0.3, generator_at(0, i), noise) for i in range(2)]
    assert asked == [scores[0].latents.shape] * 2
    assert scores[0].clean.max() < 0 < scores[1].clean.min()


def test_a_mixture_queries_its_priors_by_their_probabilities():
    asked = []

    def way(name):
        def distil(prior, clip, still, prompt, progress, generator, noise):
            assert prior == f"prior of {name}"
            asked.append(name)
            return SDS(weighting="clean")(TwoValley(), clip, still, prompt, progress, generator)

        return distil

    ways = {name: way(name) for name in ("video", "image")}
    mixed = MixedDistillation(ways, probabilities={"video": 1, "image": 3}, weights={"video": 0.5, "image": 0.0})
    prior, clip = SimpleNamespace(parts={name: f"prior of {name}" for name in ways}), clip_of(0.6)
    for step in range(200):
        score = mixed(prior, clip, clip.at(0), PROMPT, 0.0, generator_at(0, step))
        assert (score.gradient == 0).all() == (asked[-1] == "image")
    assert 30 < asked.count("video") < 70
    again = [mixed(prior, clip, clip.at(0), PROMPT, 0.0, generator_at(0, step)).gradient for step in (3, 3)]
    assert torch.equal(*again)
    with pytest.raises(InputError, match=r"distillation\.probabilities.*video, image"):
        MixedDistillation(ways, probabilities={"video": 1.0}, weights={"video": 1.0, "image": 1.0})
