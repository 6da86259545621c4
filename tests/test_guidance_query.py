"""Guidance queries of a prior, on the real architecture with random weights."""

from functools import cache

import pytest
import torch

from to4d.distillation import SDS, MixedDistillation
from to4d.errors import InputError
from to4d.guidance.dynamicrafter.prior import DynamiCrafter
from to4d.guidance.mini.prior import MiniPrior
from to4d.guidance_query import GuidanceQuery
from to4d.phases import check_abilities
from to4d.protocols import ATTENTION_MAPS, CAMERA_AZIMUTH, IMAGE_SCALE, NEGATIVE_PROMPT, RELIEF, SEVERAL_PRIORS
from to4d.types import Prompt, Render, generator_at

PROMPT, T = Prompt("a plant blooming", "plant"), 300


@pytest.fixture(scope="module")
def prior():
    return DynamiCrafter("tiny")


def shown(rgb):
    nothing = torch.zeros_like(rgb[..., :1])
    return Render(rgb, nothing, nothing, relief=nothing + 0.25, azimuth_deg=torch.tensor([30.0]))


@cache
def answer(prior, query, scale, prompt=PROMPT):
    still = torch.rand(1, 64, 64, 3, generator=generator_at(0, 0))
    noisy = torch.randn(1, 4, 16, 8, 8, generator=generator_at(0, 1))
    return query.denoise(
        prior, noisy, T, query.condition(prior, shown(still), prompt, T, generator_at(0, 2)), scale
    ).clean


def close(a, b):
    return torch.allclose(a, b, atol=2e-4 * float(a.abs().max()))


def test_threestudio_s_scale_is_one_less_than_the_usual(prior):
    assert close(answer(prior, GuidanceQuery("threestudio"), 6.5), answer(prior, GuidanceQuery(), 7.5))


def test_equal_scales_of_words_and_image_are_guidance_by_both(prior):
    assert close(answer(prior, GuidanceQuery(image_scale=3.0), 3.0), answer(prior, GuidanceQuery(), 3.0))


def test_each_scale_pulls_along_its_own_line(prior):
    settings = ((0.0, 0.0), (1.0, 0.0), (0.0, 2.0), (1.0, 2.0))
    neither, image, words, both = (answer(prior, GuidanceQuery(image_scale=i), w) for i, w in settings)
    assert close(neither + (image - neither) + (words - neither), both)
    assert close(neither, answer(prior, GuidanceQuery(), 0.0))
    assert not close(image, neither) and not close(words, neither)


def test_without_a_scale_for_words_they_do_not_matter(prior):
    query, other = GuidanceQuery(image_scale=1.0), Prompt("a plant dying", "plant")
    assert close(answer(prior, query, 0.0), answer(prior, query, 0.0, other))
    assert not close(answer(prior, query, 2.0), answer(prior, query, 2.0, other))


def test_guidance_leads_away_from_the_negative_prompt(prior):
    nothing, itself = (GuidanceQuery(image_scale=1.0, negative_prompt=words) for words in ("", PROMPT.text))
    assert close(answer(prior, itself, 0.0), answer(prior, itself, 2.0))  # from the prompt to itself is no way at all
    assert not close(answer(prior, nothing, 0.0), answer(prior, nothing, 2.0))
    assert close(
        answer(prior, GuidanceQuery(negative_prompt="a static statue"), 1.0), answer(prior, GuidanceQuery(), 1.0)
    )


class Listener(torch.nn.Module):
    """Remembers what it was shown."""

    abilities = frozenset()
    alpha_bar = torch.linspace(0.999, 1e-3, 1000)

    def condition(self, still, prompt):
        self.still, self.prompt = still, prompt


@pytest.mark.parametrize(("t", "deviation"), [(0, 0.0), (999, 0.2), (333, 0.2 / 3)])
def test_noise_on_the_first_frame_grows_with_the_noise_on_the_clip(t, deviation):
    prior, still = Listener(), torch.full((1, 64, 64, 3), 0.5)
    GuidanceQuery(first_frame_noise=0.2).condition(prior, shown(still), PROMPT, t, generator_at(0, 0))
    assert (prior.still - still).std() == pytest.approx(deviation, rel=0.03)


def test_a_plain_question_draws_no_numbers_and_changes_nothing():
    prior, still, random = Listener(), torch.rand(1, 8, 8, 3), generator_at(0, 0)
    GuidanceQuery().condition(prior, shown(still), PROMPT, 500, random)
    assert prior.still is still and prior.prompt == PROMPT
    assert torch.equal(torch.rand(1, generator=random), torch.rand(1, generator=generator_at(0, 0)))


def test_only_a_prior_that_reads_reliefs_or_views_is_shown_them():
    class Reader(Listener):
        abilities = frozenset({RELIEF, CAMERA_AZIMUTH})

        def condition(self, still, prompt, relief, azimuth_deg):
            self.relief, self.azimuth_deg = relief, azimuth_deg

    still, prior = shown(torch.rand(1, 8, 8, 3)), Reader()
    GuidanceQuery(first_frame_noise=0.2).condition(prior, still, PROMPT, 500, generator_at(0, 0))
    assert prior.relief is still.relief and prior.azimuth_deg is still.azimuth_deg
    GuidanceQuery().condition(Listener(), still, PROMPT, 500, generator_at(0, 0))  # takes no such argument


def test_what_a_prior_cannot_do_is_refused_by_name(prior):
    demanding = GuidanceQuery(image_scale=1.0, negative_prompt="a statue")
    assert demanding.needs == {IMAGE_SCALE, NEGATIVE_PROMPT} and not GuidanceQuery().needs
    assert prior.abilities > {IMAGE_SCALE, NEGATIVE_PROMPT, ATTENTION_MAPS}
    check_abilities(prior, {"distillation": demanding})
    with pytest.raises(InputError, match=f"distillation.*{IMAGE_SCALE}.*{NEGATIVE_PROMPT}.*MiniPrior"):
        check_abilities(MiniPrior(), {"distillation": demanding})
    turns = MixedDistillation({"a": SDS()}, {"a": 1.0}, {"a": 1.0})
    with pytest.raises(InputError, match=f"distillation.*{SEVERAL_PRIORS}.*MiniPrior"):
        check_abilities(MiniPrior(), {"distillation": turns})
    with pytest.raises(InputError, match="'loud'.*usual, threestudio"):
        GuidanceQuery("loud")
