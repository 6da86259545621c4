"""Models that noise in other ways distil as their own textbooks say."""

import pytest
import torch

from to4d.distillation import SDS, Reconstruction, add_noise, predicted_noise
from to4d.guidance.diffusers.schedule import (
    STEPS,
    TableSchedule,
    edm_schedule,
    epsilon_tables,
    rectified_flow_schedule,
    velocity_tables,
)
from to4d.schedules import Constant
from to4d.types import Denoised, Prompt, Render

RAMP = torch.linspace(0.999, 0.001, STEPS, dtype=torch.float64)
TIME = torch.arange(STEPS, dtype=torch.float64)
KINDS = {
    "flow": rectified_flow_schedule(3.0),
    "edm": edm_schedule(0.002, 700.0),
    "velocity": velocity_tables(RAMP, TIME),
    "noise": epsilon_tables(RAMP, TIME),
}


def numbers(seed=0):
    return torch.Generator().manual_seed(seed)


def said_by_a_network_that_knows(kind, clean, eps, t):
    if kind == "flow":
        return eps - clean
    a = KINDS[kind].alpha_bar[t].float()
    return eps if kind == "noise" else a.sqrt() * eps - (1 - a).sqrt() * clean


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("t", [0, 30, 500, 970, 999])
def test_a_network_that_knows_the_noise_gives_back_the_clip(kind, t):
    clean, eps = torch.randn(2, 4, 3, 5, 5, generator=numbers()), torch.randn(2, 4, 3, 5, 5, generator=numbers(1))
    schedule = TableSchedule(KINDS[kind])
    noisy = add_noise(clean, eps, schedule.alpha_bar[t])
    assert torch.allclose(schedule.clean(noisy, said_by_a_network_that_knows(kind, clean, eps, t), t), clean, atol=1e-3)


@pytest.mark.parametrize("kind", KINDS)
def test_noise_rises_from_almost_none_to_almost_all(kind):
    alpha_bar = KINDS[kind].alpha_bar
    assert (alpha_bar.diff() < 0).all() and alpha_bar[0] > 0.99 and alpha_bar[-1] < 0.01


@pytest.mark.parametrize("t", [0, 400, 999])
def test_the_network_is_shown_what_it_was_trained_on(t):
    clean, eps = torch.randn(1, 4, 3, 5, 5, generator=numbers()), torch.randn(1, 4, 3, 5, 5, generator=numbers(1))
    flow, s = TableSchedule(KINDS["flow"]), KINDS["flow"].time[t].float() / 1000
    shown = flow.scale[t] * add_noise(clean, eps, flow.alpha_bar[t])
    assert torch.allclose(shown, (1 - s) * clean + s * eps, atol=1e-5)
    levels, s = TableSchedule(KINDS["edm"]), (4 * KINDS["edm"].time[t]).exp().float()
    shown = levels.scale[t] * add_noise(clean, eps, levels.alpha_bar[t])
    assert torch.allclose(shown, (clean + s * eps) / (1 + s**2).sqrt(), atol=1e-5)


def test_a_shift_spends_more_steps_on_much_noise():
    plain, shifted = rectified_flow_schedule(1.0), rectified_flow_schedule(3.0)
    assert plain.time[499] == 500 and shifted.time[499] == pytest.approx(750)
    assert shifted.time[-1] == plain.time[-1] == 1000


class Flow(torch.nn.Module):
    """A rectified flow whose network is some function of its inputs."""

    frames = 4

    abilities = frozenset()

    def __init__(self):
        super().__init__()
        self.schedule = TableSchedule(rectified_flow_schedule(2.0))
        self.alpha_bar = self.schedule.alpha_bar
        self.asked = []

    def encode(self, frames):
        return frames.permute(0, 4, 1, 2, 3) * 2 - 1

    def condition(self, still, prompt):
        return None

    def network(self, x, time):
        return torch.sin(3 * x) + time / 1000

    def denoise(self, noisy, t, condition, guidance_scale):
        x = self.schedule.scale[t] * noisy
        self.asked.append((x, self.schedule.time[t] / 1000))
        clean = self.schedule.clean(noisy, self.network(x, self.schedule.time[t]), t)
        return Denoised(clean, torch.ones(noisy[:, 0].shape))


def distilled(style, prior):
    rgb = torch.rand(1, 4, 8, 8, 3, generator=numbers())
    clip = Render(rgb, torch.ones(1, 4, 8, 8, 1), torch.ones(1, 4, 8, 8, 1))
    return style(prior, clip, clip.at(0), Prompt("a ball jumping", "ball"), 0.0, numbers(2))


@pytest.mark.parametrize(
    ("weighting", "factor"),
    [("clean", lambda s: s), ("sds", lambda s: s**2 * (1 - s) / (s**2 + (1 - s) ** 2))],
    ids=["clean", "sds"],
)
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_the_gradient_of_a_rectified_flow_is_the_textbook_s(weighting, factor, share):
    """u_hat(x_s, s) - (eps - z), times a stated function of s."""
    prior = Flow()
    score = distilled(SDS(t_min=Constant(share), t_max=Constant(share), weighting=weighting), prior)
    (x, s) = prior.asked[0]
    z = score.latents
    eps = (x - (1 - s) * z) / s
    textbook = prior.network(x, 1000 * s) - (eps - z)
    assert torch.allclose(score.gradient, factor(s) * textbook, rtol=1e-3, atol=1e-4)


def test_steps_of_reconstruction_are_euler_steps_of_the_flow():
    prior, style = Flow(), Reconstruction(start=Constant(0.8), jitter=0.0, steps=4)
    target = distilled(style, prior).clean
    x, times = prior.asked[0][0], [s for _, s in prior.asked] + [torch.zeros(())]
    for s, after in zip(times, times[1:], strict=False):
        x = x + (after - s) * prior.network(x, 1000 * s)
    assert len(times) == 5 and torch.allclose(target, x, atol=1e-4)


def test_the_noise_that_a_guess_implies_is_the_flow_s():
    prior = Flow()
    noisy, t = torch.randn(1, 3, 4, 8, 8, generator=numbers()), 600
    clean = prior.denoise(noisy, t, None, 1.0).clean
    x, s = prior.asked[0]
    eps = x + (1 - s) * prior.network(x, 1000 * s)
    assert torch.allclose(predicted_noise(noisy, clean, prior.alpha_bar[t]), eps, atol=1e-4)
