"""The shipped weights: a denoiser that uses the noised clip, knows stillness, and finds the noun."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from mini_clips import batch_of, clip_set

from to4d.errors import InputError
from to4d.guidance.mini.adapter import SHIPPED as ADAPTER
from to4d.guidance.mini.gaits import SHIPPED as GAITS
from to4d.guidance.mini.prior import MiniPrior, sample
from to4d.guidance.mini.weights import SHIPPED, load_weights
from to4d.types import Prompt, generator_at
from to4d_lab.data.clip_rendering import ClipLabels, View, draw_clips, make_clip
from to4d_lab.data.dataset import ClipSet
from to4d_lab.data.humanoids import snowman as draw_snowman
from to4d_lab.data.object_motions import move
from to4d_lab.data.objects import fitting
from to4d_lab.data.style import Style
from to4d_lab.mini.evaluate import figures, nearer_share, overlap, predict, swapped_flow
from to4d_lab.mini.stage_head import flow_error
from to4d_lab.mini.weight_files import save_weights

FRONT = View(20.0, 10.0, 3.0, 36.0, np.ones(3), np.array([0.0, 1.0, 0.0]), 1.0)
ORDINARY = Style(amplitude=1.0, speed=1.0, sign=1.0, phase=0.0, cycles=0.3, heading=0.3)


@pytest.fixture(scope="module")
def prior() -> MiniPrior:
    return MiniPrior()


@pytest.fixture(scope="module")
def pairs() -> ClipSet:
    """16 pairs of opposite clips of snowmen and sheep, moving in ways that the shipped weights were trained on."""
    known = ("sway", "rock", "shake", "fall", "nod", "stretch")
    draws = (draw_clips(np.random.default_rng([99, i]), {}, True, known[i % 6], (1.0, -1.0)) for i in range(16))
    return clip_set([clip for clips in draws for clip in clips])


@pytest.fixture(scope="module")
def few(pairs: ClipSet) -> ClipSet:
    """8 of those clips."""
    return ClipSet(*(getattr(pairs, name)[:8] for name in ClipSet.__dataclass_fields__))


@pytest.fixture(scope="module")
def snowman() -> tuple[ClipSet, torch.Tensor]:
    """One snowman: jumping, growing, swaying, standing still; and its first frame (1, S, S, 3).

    It is dyed blue: a white object on white is beyond this prior's attention (docs/mini_prior.md).
    """
    mesh = draw_snowman(np.random.default_rng(0))
    offset, scale = fitting(mesh.vertices, 0.6)
    mesh = replace(mesh.moved(offset).scaled(scale), colors=mesh.colors * [0.4, 0.5, 0.8])
    verbs = {"jump": "jumping", "grow": "growing", "sway": "swaying", "still": "standing still"}
    clips = [
        make_clip(
            mesh,
            move(kind, mesh.vertices, np.arange(16) / 16, ORDINARY),
            FRONT,
            ClipLabels(f"a snowman {verb}", "snowman", kind, 1.0, 0.0),
        )
        for kind, verb in verbs.items()
    ]
    return clip_set(clips), torch.from_numpy(clips[0].frames[:1]).float() / 255.0


def test_the_weights_fit_in_ten_megabytes():
    assert sum(path.stat().st_size for path in (SHIPPED, ADAPTER, GAITS)) <= 10_000_000


def test_the_prediction_is_nearer_to_the_clip_it_was_given_than_to_the_opposite(prior: MiniPrior, pairs: ClipSet):
    assert nearer_share(prior, pairs, 500, 32) >= 0.85


def test_the_prediction_beats_a_clip_that_stands_still(prior: MiniPrior, snowman):
    batch = batch_of(prior, snowman[0])
    clean = prior.net.codec.encode(batch.frames)
    guess = predict(prior, batch, clean, 500, generator_at(0, 0)).clean
    error, still = ((x - clean).square().mean((1, 2, 3, 4))[:-1] for x in (guess, clean[:, :1]))
    assert (error < 0.5 * still).all()


def test_standing_still_moves_less_than_any_motion(prior: MiniPrior, snowman):
    batch = batch_of(prior, snowman[0])
    flow = predict(prior, batch, torch.zeros(4, 16, 8, 16, 16), 990, generator_at(1, 0)).flow
    sizes = flow_error(flow, torch.zeros_like(flow), batch.opacity[-1:].expand(4, -1, -1, -1))
    assert sizes[-1] < 0.5 * sizes[:-1].min()


def upper_half_goes_right(prior: MiniPrior, still: torch.Tensor, verb: str, azimuth_deg: float) -> float:
    """Mean forward flow of frames 1 to 4 in the upper half of the object, from words alone."""
    condition = prior.condition(still, Prompt(f"a snowman {verb}", "snowman"), azimuth_deg=torch.tensor([azimuth_deg]))
    noise = torch.randn(1, 8, 16, 16, 16, generator=generator_at(3, 0))
    forward = prior.denoise(noise, 990, condition, 1.25).forward_flow
    return float(forward[0, 1:5, 0, 4:8, 6:10].mean())


@pytest.mark.parametrize("verb", ["swaying", "nodding", "falling over"])
def test_from_behind_things_begin_the_other_way(prior: MiniPrior, snowman, verb):
    front, behind = (upper_half_goes_right(prior, snowman[1], verb, azimuth) for azimuth in (0.0, 180.0))
    assert front > 0.005 and behind < -0.005


def test_a_turn_is_told_forward_from_words_alone(prior: MiniPrior, snowman):
    condition = prior.condition(snowman[1], Prompt("a snowman spinning", "snowman"), azimuth_deg=torch.tensor([0.0]))
    noise = torch.randn(1, 8, 16, 16, 16, generator=generator_at(4, 0))
    forward = prior.denoise(noise, 990, condition, 1.25).forward_flow[0]
    assert forward[8, 0, 6:11, 7:9].mean() > 0.05  # the front goes to the right, counterclockwise from above
    left, right = forward[8, 2, 6:11, 6].mean(), forward[8, 2, 6:11, 9].mean()
    assert left > 0.02 and right < -0.02  # the left comes nearer


def test_the_attention_to_the_noun_lies_on_the_object(prior: MiniPrior, snowman):
    batch = batch_of(prior, snowman[0])
    for t in (500, 900):
        attention = predict(prior, batch, prior.net.codec.encode(batch.frames), t, generator_at(2, t)).attention
        assert overlap(attention, batch.opacity).mean() > 0.5


def test_the_attention_follows_a_noun_that_nobody_knows(prior: MiniPrior, snowman):
    condition = prior.condition(snowman[1], Prompt("the quxley zorb is jumping up", "quxley zorb"))
    noisy = torch.randn(1, 8, 16, 16, 16, generator=generator_at(0, 1))
    attention = prior.denoise(noisy, 900, condition, 1.0).attention
    assert attention.amax() == 1.0 and attention.amin() >= 0.0
    inside = torch.from_numpy(snowman[0].opacity[:1, :1]) > 0.5
    assert attention[:, :1][inside].mean() > 3.0 * attention[:, :1][~inside].mean()


def test_guidance_is_linear_where_no_colour_is_clipped(prior: MiniPrior, snowman):
    condition = prior.condition(0.3 + 0.4 * snowman[1], Prompt("a snowman growing", "snowman"))
    noisy = torch.randn(1, 8, 16, 16, 16, generator=generator_at(0, 2))
    one, two, three = (prior.denoise(noisy, 700, condition, s).clean for s in (1.0, 1.5, 2.0))
    bend, size = ((three - two) - (two - one)).abs(), (three - two).abs()
    assert (bend < 1e-4).float().mean() > 0.9 and size.amax() > 0.1  # a few colours are clipped


def test_the_prior_is_deterministic_and_keeps_its_mode(prior: MiniPrior, snowman):
    prior.train()
    assert not any(module.training for module in prior.modules())
    condition = prior.condition(snowman[1], Prompt("a snowman jumping", "snowman"))
    clips = [sample(prior, condition, 2.0, 3, generator_at(0, 3)) for _ in range(2)]
    assert torch.equal(*clips)
    assert not any(parameter.requires_grad for parameter in prior.parameters())


def test_views_of_a_batch_do_not_see_each_other(prior: MiniPrior, snowman):
    stills = torch.cat([snowman[1], snowman[1].flip(2)])
    prompt, noisy = Prompt("a snowman swaying", "snowman"), torch.randn(2, 8, 16, 16, 16, generator=generator_at(0, 4))
    together = prior.denoise(noisy, 800, prior.condition(stills, prompt), 2.0).clean
    alone = prior.denoise(noisy[1:], 800, prior.condition(stills[1:], prompt), 2.0).clean
    torch.testing.assert_close(together[1:], alone, atol=1e-3, rtol=1e-3)


def test_without_its_image_the_prior_knows_nothing_of_it(snowman):
    blind, prompt = MiniPrior(sees_image=False), Prompt("a snowman jumping", "snowman")
    noisy = torch.randn(1, 8, 16, 16, 16, generator=generator_at(0, 8))
    one, other = (
        blind.denoise(noisy, 600, blind.condition(still, prompt), 2.0) for still in (snowman[1], 1 - snowman[1])
    )
    assert torch.equal(one.clean, other.clean)


def test_encoding_is_differentiable_and_linear(prior: MiniPrior):
    frames = torch.rand(1, 16, 64, 64, 3, generator=generator_at(0, 5), requires_grad=True)
    direction = torch.randn(1, 8, 16, 16, 16, generator=generator_at(0, 6))
    (gradient,) = torch.autograd.grad((prior.encode(frames) * direction).sum(), frames)
    step = 0.1 * torch.randn(frames.shape, generator=generator_at(0, 7))
    change = ((prior.encode(frames + step) - prior.encode(frames)) * direction).sum()
    torch.testing.assert_close(change, (gradient * step).sum(), rtol=1e-3, atol=1e-2)


def test_decoding_returns_what_was_encoded(prior: MiniPrior, snowman):
    frames = torch.from_numpy(snowman[0].frames).float() / 255.0
    error = (prior.decode(prior.encode(frames)) - frames).square().mean()
    assert -10 * error.log10() > 26.0


def test_a_prompt_without_its_noun_is_refused(prior: MiniPrior, snowman):
    with pytest.raises(InputError, match="'cat'"):
        prior.condition(snowman[1], Prompt("a snowman jumping", "cat"))


def test_a_noun_beyond_the_token_limit_is_found_before_any_work(prior: MiniPrior):
    long = "jumping and spinning " * 20
    prior.check_prompt(Prompt(f"a cat {long}", "cat"))
    with pytest.raises(InputError, match="'cat'"):
        prior.check_prompt(Prompt(f"{long} cat", "cat"))


def test_images_of_another_size_are_resized(prior: MiniPrior):
    clip = torch.rand(1, 1, 64, 64, 3).expand(1, 16, -1, -1, -1)
    larger = clip.repeat_interleave(2, 2).repeat_interleave(2, 3).clone().requires_grad_()
    latents = prior.encode(larger)
    latents.sum().backward()
    assert latents.shape == prior.encode(clip).shape and larger.grad.abs().sum() > 0
    prompt, relief = Prompt("a plant swaying", "plant"), torch.rand(1, 128, 128, 1)
    condition = prior.condition(larger[:, 0].detach(), prompt, relief)
    assert condition.both.image.shape == prior.condition(clip[:, 0], prompt).both.image.shape


def test_weights_survive_a_round_trip(prior: MiniPrior, tmp_path):
    path = save_weights(prior.net, prior.vocabulary, tmp_path / "again.safetensors")
    net, vocabulary = load_weights(path)
    assert vocabulary == prior.vocabulary
    for name, value in prior.net.state_dict().items():
        assert torch.equal(value, net.state_dict()[name]), name


def test_missing_weights_say_how_to_make_them(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"python -m to4d_lab\.mini\.train"):
        MiniPrior(str(tmp_path / "none.safetensors"))


def test_the_report_measures_what_was_predicted(prior: MiniPrior, few: ClipSet):
    found = figures(prior, few, 600, 8)
    assert len(found.clean) == 8
    assert (found.truth > 0).all() and (found.flow < found.truth).float().mean() > 0.6
    assert swapped_flow(prior, few, 500, 8) > 0.05
