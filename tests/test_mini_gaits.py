"""How the embedded prior walks: which prompts want steps, how they are fitted, what they do to the answer."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from to4d.guidance.mini.data.objects import KINDS, Subject
from to4d.guidance.mini.fit_gaits import Example, clip_of, example, fitted, gain_of, told
from to4d.guidance.mini.flow import find_object
from to4d.guidance.mini.gaits import Gaits, basis, enlarged, gait_of, limb_terms
from to4d.guidance.mini.prior import MiniPrior
from to4d.types import Prompt


@pytest.fixture(scope="module")
def prior() -> MiniPrior:
    return MiniPrior()


@pytest.fixture(scope="module")
def sheep() -> Subject:
    return Subject(KINDS["sheep"][0](np.random.default_rng(0)), ("sheep",))  # a kind that is never trained on


@pytest.mark.parametrize(
    ("text", "noun", "gait"),
    [
        ("the fox walks slowly", "fox", "walk"),
        ("a mario is jogging", "mario", None),
        ("a robot trudging", "robot", "walk"),
        ("a horse jumps, then gallops", "horse", None),
        ("a walker jumping", "walker", None),
        ("a race car spinning", "car", None),
        ("a running shoe swaying", "running shoe", None),
        ("a plant blooming", "plant", None),
    ],
)
def test_the_first_verb_of_motion_decides_whether_a_prompt_wants_steps(text, noun, gait):
    assert gait_of(text, noun) == gait


def test_limbs_move_alone():
    """Terms of legs are zero above the hip, those of arms inside the torso; one moves left against right."""
    u, v = torch.meshgrid(torch.linspace(-0.5, 0.5, 21), torch.linspace(0.0, 1.0, 21), indexing="xy")
    legs, arms = torch.stack(limb_terms(u, v, torch.zeros_like(u), torch.tensor(0.5))).split([8, 4])
    assert (legs[:, v > 0.55] == 0.0).all() and (legs[:4, v > 0.31] == 0.0).all()
    assert (arms[:, u.abs() < 0.25] == 0.0).all() and arms.abs().amax((1, 2)).min() > 0.4
    torch.testing.assert_close(legs[1], -legs[1].flip(1), atol=1e-6, rtol=0)


def test_least_squares_find_the_flows_that_examples_have_and_half_of_them_is_doubled():
    random = torch.Generator().manual_seed(0)
    true = torch.randn(16, 2, 3, 6, generator=random, dtype=torch.double)
    examples = []
    for _ in range(4):
        terms = torch.randn(6, 256, generator=random, dtype=torch.double)
        terms = terms - terms.mean(1, keepdim=True)  # nothing moves the whole
        examples.append(Example(terms, true @ terms, torch.ones(16, 2, 256, dtype=torch.double)))
    found = fitted(examples, ridge=1e-9)
    torch.testing.assert_close(found, true, atol=1e-6, rtol=0)
    assert told(0.5 * found, examples[0], 1.0) == pytest.approx(0.5)
    assert gain_of(0.5 * found, examples) == pytest.approx(2.0)


def test_what_is_enlarged_keeps_its_mean_over_the_object():
    random = torch.Generator().manual_seed(1)
    flows, there = torch.randn(2, 3, 8, 8, generator=random), (torch.rand(2, 8, 8, generator=random) > 0.4).float()
    larger = enlarged(flows, there, 3.0)
    means = [(x * there[:, None]).sum((-2, -1)) / there.sum((-2, -1))[:, None] for x in (flows, larger)]
    torch.testing.assert_close(*means)
    torch.testing.assert_close(larger - means[0][..., None, None], 3.0 * (flows - means[0][..., None, None]))


def test_an_animal_that_nobody_saw_steps_as_it_should(sheep):
    gaits, shares = Gaits(), []
    for azimuth in (-90.0, 0.0, 90.0, 180.0):
        one = example(clip_of(sheep, "walk", azimuth))
        shares.append(told(gaits.coefficients[0].double(), one, gaits.gain[0].item()))
    assert min(shares) > 0.0 and np.mean(shares) > 0.3


def asked(prior: MiniPrior, subject: Subject, text: str, azimuth: torch.Tensor | None):
    clip = clip_of(subject, "walk", 90.0)
    return prior.condition(torch.from_numpy(clip.frames[:1]).float() / 255.0, Prompt(text, "sheep"), None, azimuth)


def test_only_who_walks_steps_and_only_if_it_is_seen_and_from_where(prior, sheep):
    side = torch.tensor([90.0])
    assert asked(prior, sheep, "a sheep jumping", side).gait is None
    assert asked(MiniPrior(sees_image=False), sheep, "a sheep walking", side).gait is None
    assert (asked(prior, sheep, "a sheep walking", None).gait == 0.0).all()
    steps = asked(prior, sheep, "a sheep walking", side).gait
    assert steps.shape == (1, 16, 2, 3, 16, 16) and (steps[:, 0] == 0.0).all() and steps.abs().max() > 0.02


def test_steps_are_in_the_answer_of_the_prompt_and_guided_with_it(prior, sheep):
    side = torch.tensor([90.0])
    condition = asked(prior, sheep, "a sheep walking", side)
    noisy = torch.randn(1, 8, 16, 16, 16, generator=torch.Generator().manual_seed(0))
    with_ = prior.denoise(noisy, 950, condition, 1.0)
    plain = prior.denoise(noisy, 950, replace(condition, gait=None), 1.0)
    torch.testing.assert_close(with_.forward, plain.forward + condition.gait[:, :, 1])
    torch.testing.assert_close(with_.flow, plain.flow + condition.gait[:, :, 0])
    assert (with_.clean - plain.clean).abs().max() > 0.1
    guided = prior.denoise(noisy, 950, condition, 1.5)
    unguided = prior.denoise(noisy, 950, replace(condition, gait=None), 1.5)
    torch.testing.assert_close(guided.forward - unguided.forward, 1.5 * condition.gait[:, :, 1], atol=1e-5, rtol=0)


def test_a_short_stride_is_slow_motion(sheep):
    clip = clip_of(sheep, "walk", 90.0)
    outline = find_object(torch.from_numpy(clip.frames[:1]).float() / 255.0)
    slow, plain, quick = (Gaits()("walk", outline, torch.tensor([90.0]), stride)[0] for stride in (0.5, 1.0, 1.5))
    torch.testing.assert_close(slow[::2], plain[:8])
    torch.testing.assert_close(quick[2], plain[3])
    assert basis(outline, torch.tensor([90.0])).shape == (1, 480, 16, 16)
