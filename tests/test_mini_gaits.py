"""How the embedded prior walks, runs and waves: which prompts want it, how it is fitted, what it does to the answer."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from to4d.guidance.mini.flow import find_object
from to4d.guidance.mini.gait_words import Gait, gait_of
from to4d.guidance.mini.gaits import PERIODS, WHOLE, Gaits, arm_terms, basis, extent, leg_terms, shape
from to4d.guidance.mini.head import FRAMES
from to4d.guidance.mini.prior import MiniPrior
from to4d.types import Prompt
from to4d_lab.data.actions import Action, perform
from to4d_lab.data.objects import KINDS, Subject
from to4d_lab.mini.fit_gaits import (
    ORDINARY,
    RADIUS,
    Example,
    clip_of,
    enlarge_limb_terms,
    example,
    explained_by,
    explained_share,
    first_frame_outline,
    fit_stance_classifier,
    fitted,
    gain_of,
)


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
        ("a mario is jogging", "mario", "run"),
        ("a robot trudging", "robot", "walk"),
        ("a walking fox", "fox", "walk"),
        ("a fox on a march", "fox", None),
        ("a horse jumps, then gallops", "horse", None),
        ("a walker jumping", "walker", None),
        ("a race car spinning", "car", None),
        ("a running shoe swaying", "running shoe", None),
        ("a plant blooming", "plant", None),
        ("a knight waves its hand", "knight", "wave"),
        ("a palm tree waving", "palm tree", None),
        ("a cat waving its tail", "cat", None),
    ],
)
def test_the_first_verb_of_motion_decides_whether_a_prompt_wants_limbs_to_move(text, noun, gait):
    found = gait_of(text, noun)
    assert (found and found.kind) == gait


@pytest.mark.parametrize(
    ("text", "speed", "amplitude"),
    [
        ("a robot quickly walking", 1.5, 1.0),
        ("a little robot runs a lot", 1.0, 1.35),
        ("a robot runs lazily, gently", 0.6, 0.6),
    ],
)
def test_adverbs_say_how_fast_and_how_far(text, speed, amplitude):
    found = gait_of(text, "robot")
    assert (found.speed, found.amplitude) == (speed, amplitude)


def test_limbs_move_alone():
    """Terms of legs are zero above the hip, those of arms inside the torso; one moves left against right."""
    u, v = torch.meshgrid(torch.linspace(-0.5, 0.5, 21), torch.linspace(0.0, 1.0, 21), indexing="xy")
    flat, wide = torch.zeros(1, 21, 21), torch.tensor([[[0.5]]])
    legs, arms = (torch.cat(terms(u[None], v[None], flat, wide)) for terms in (leg_terms, arm_terms))
    assert (legs[:, v > 0.55] == 0.0).all() and (legs[:4, v > 0.31] == 0.0).all()
    assert (arms[:, u.abs() < 0.25] == 0.0).all() and arms[:12].abs().amax((1, 2)).min() > 0.2
    torch.testing.assert_close(legs[1], -legs[1].flip(1), atol=1e-6, rtol=0)
    ball = (0.25 - u.square() - (v - 0.5).square()).clamp_min(0.0)[None].sqrt()
    towards = torch.cat(arm_terms(u[None], v[None], ball, wide))[12:]
    assert towards[0, 10, 10] > 0.9 and (towards[:, u.abs() > 0.45] == 0.0).all()


def test_least_squares_find_the_flows_that_examples_have_and_half_of_their_limbs_is_doubled():
    random = torch.Generator().manual_seed(0)
    true = torch.randn(16, 2, 3, WHOLE + 4, generator=random, dtype=torch.double)
    true[0] = 0.0
    examples = []
    for _ in range(4):
        terms = torch.randn(WHOLE + 4, 256, generator=random, dtype=torch.double)
        examples.append(Example(terms, true @ terms, torch.ones(16, 2, 256, dtype=torch.double)))
    found = fitted(examples, ridge=1e-9)
    torch.testing.assert_close(found, true, atol=1e-6, rtol=0)
    assert explained_by(0.5 * found, examples[0]) == pytest.approx(0.5)
    assert gain_of(enlarge_limb_terms(found, 0.5), examples) == pytest.approx(2.0)


def test_regression_finds_what_tells_two_groups_apart():
    random = torch.Generator().manual_seed(2)
    shapes = torch.randn(200, 3, generator=random, dtype=torch.double)
    normal = torch.tensor([1.0, -2.0, 0.5], dtype=torch.double)
    found = fit_stance_classifier(shapes, (shapes @ normal > 0.0).double())
    assert torch.cosine_similarity(found, normal, dim=0) > 0.99


def test_an_extent_is_over_what_is_there():
    x = torch.tensor([[[1.0, 4.0], [9.0, -2.0]]]).repeat(3, 1, 1)
    there = torch.tensor([[[1, 1], [0, 1]], [[0, 1], [0, 0]], [[0, 0], [0, 0]]]).bool()
    assert extent(x, there).tolist() == [6.0, 0.0, 0.0]


@pytest.mark.parametrize("gait", ["walk", "run"])
def test_an_animal_that_nobody_saw_steps_as_it_should_and_is_known_to_stand_on_four(sheep, gait):
    gaits, shares, fours = Gaits(), [], []
    for azimuth in (-90.0, 0.0, 90.0, 180.0):
        clip = clip_of(sheep, gait, azimuth)
        (outline, side), one = first_frame_outline(clip), example(clip)
        there = one.there[:, 1, None]
        flow = gaits(Gait(gait), outline, side, 1.0)[0, :, 1].flatten(2).double()
        shares.append(explained_share(flow * there, one.flows[:, 1] * there))
        fours.append((shape(outline, side) @ gaits.four).sigmoid().item())
    assert min(shares) > 0.2 and np.mean(shares) > 0.5
    assert np.mean(fours) > 0.7


def asked(prior: MiniPrior, subject: Subject, text: str, azimuth: torch.Tensor | None):
    clip = clip_of(subject, "walk", 90.0)
    return prior.condition(torch.from_numpy(clip.frames[:1]).float() / 255.0, Prompt(text, "sheep"), None, azimuth)


def test_only_who_walks_steps_and_only_if_it_is_seen_and_from_where(prior, sheep):
    side = torch.tensor([90.0])
    assert asked(prior, sheep, "a sheep jumping", side).gait is None
    assert asked(MiniPrior(sees_image=False), sheep, "a sheep walking", side).gait is None
    assert asked(prior, sheep, "a sheep walking", None).gait is None
    steps = asked(prior, sheep, "a sheep walking", side).gait
    assert steps.shape == (1, 16, 2, 3, 16, 16) and (steps[:, 0] == 0.0).all() and steps.abs().max() > 0.02


def test_the_gait_is_the_answer_to_the_prompt_and_guided_away_from_none(prior, sheep):
    condition = asked(prior, sheep, "a sheep walking", torch.tensor([90.0]))
    noisy = torch.randn(1, 8, 16, 16, 16, generator=torch.Generator().manual_seed(0))
    with_ = prior.denoise(noisy, 950, condition, 1.0)
    plain = prior.denoise(noisy, 950, replace(condition, gait=None), 1.0)
    torch.testing.assert_close(with_.forward_flow, condition.gait[:, :, 1])
    torch.testing.assert_close(with_.backward_flow, condition.gait[:, :, 0])
    assert (with_.clean - plain.clean).abs().max() > 0.1
    none = prior.denoise(noisy, 950, condition, 0.0)
    guided = prior.denoise(noisy, 950, condition, 1.5)
    torch.testing.assert_close(
        guided.forward_flow, none.forward_flow.lerp(condition.gait[:, :, 1], 1.5), atol=1e-5, rtol=0
    )


def test_a_short_stride_is_slow_motion_and_a_hurried_walk_goes_on(sheep):
    clip, side = clip_of(sheep, "walk", 90.0), torch.tensor([90.0])
    outline = find_object(torch.from_numpy(clip.frames[:1]).float() / 255.0)
    slow, plain, quick = (Gaits()(Gait("walk"), outline, side, stride)[0] for stride in (0.5, 1.0, 1.5))
    torch.testing.assert_close(slow[::2], plain[:8])
    torch.testing.assert_close(quick[2], plain[3])
    assert (quick[1:] - quick[:-1]).abs().amax((1, 2, 3, 4)).min() > 0.01  # it does not stand still at its end
    torch.testing.assert_close(Gaits()(Gait("walk", speed=1.5), outline, side, 1.0)[0], quick)
    torch.testing.assert_close(Gaits()(Gait("walk", amplitude=0.6), outline, side, 1.0)[0], 0.6 * plain)
    assert basis(outline, side).shape == (1, 435, 16, 16)


@pytest.mark.parametrize("kind", PERIODS)
def test_motions_repeat_after_their_period(kind):
    """A figure's limbs are where they were a period ago, once the motion has swelled."""
    someone, period = Subject(KINDS["figure"][0](np.random.default_rng(0)), ("man",)), PERIODS[kind] / FRAMES
    now = np.array([1.0, 1.05, 1.1])
    both = (
        perform(Action(kind, "limbs"), someone, np.random.default_rng(0), at, ORDINARY, RADIUS)
        for at in (now, now - period)
    )
    np.testing.assert_allclose(*both, atol=1e-6)
