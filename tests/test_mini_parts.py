"""The embedded prior's parts: words, schedule, codec, flows, templates."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.functional import avg_pool2d

from to4d.errors import InputError
from to4d.guidance.mini.codec import PatchCodec
from to4d.guidance.mini.flow import (
    TERMS,
    Outline,
    bulge,
    coordinates,
    find_object,
    outline_terms,
    pixel_centres,
    smooth_flow,
    warp,
)
from to4d.guidance.mini.layers import attend
from to4d.guidance.mini.schedule import alpha_bar
from to4d.guidance.mini.templates import COUNT, TemplateBank, evidence
from to4d.guidance.mini.text_encoder import TextEncoder
from to4d.guidance.mini.vocabulary import MAX_TOKENS, START, UNKNOWN, Vocabulary
from to4d_lab.mini.fitted_parts import fit_axes

WORDS = Vocabulary(("a", "bell", "jumping", "swaying", "hand"))


def random_codec(seed: int = 0) -> PatchCodec:
    codec = PatchCodec()
    fit_axes(codec, torch.rand(50, 16, 16, 3, generator=torch.Generator().manual_seed(seed)))
    return codec


def scene(generator: torch.Generator, count: int = 2) -> torch.Tensor:
    """White images with a coloured, textured rectangle that stands at rows 20..50, columns 24..40."""
    images = torch.ones(count, 64, 64, 3)
    images[:, 20:50, 24:40] = 0.8 * torch.rand(count, 30, 16, 3, generator=generator)
    return images


def test_words_are_known_nouns_or_not_read():
    tokens = WORDS.encode(["A hand-made zorb, jumping!", "a bell"], ["zorb", None])
    assert tokens.words[0, 0] == START
    assert tokens.words[0].tolist()[1:] == [3, UNKNOWN, 5]
    assert tokens.noun[0].tolist() == [False, False, True, False]
    assert not tokens.noun[1].any()
    assert tokens.present.sum(1).tolist() == [4, 3]


def test_a_noun_of_two_words_anywhere_and_in_the_plural_is_marked():
    tokens = WORDS.encode(["swaying hand bells over a hand bell"], ["hand bell"])
    assert tokens.noun[0].nonzero().flatten().tolist() == [2, 3, 5, 6]


@pytest.mark.parametrize("text", ["a bell", "a bell jumping " * 16 + "a cat"])
def test_a_noun_that_is_missing_or_beyond_the_token_limit_is_refused(text):
    with pytest.raises(InputError, match="'cat'"):
        WORDS.encode([text], ["cat"])


def test_unknown_words_come_with_the_nearest_known_one():
    assert WORDS.unknown_words("a bells jumpin") == [("bells", "bell"), ("jumpin", "jumping")]


@given(st.text(max_size=300))
def test_any_text_becomes_at_most_32_tokens(text: str):
    tokens = WORDS.encode([text], [None])
    assert 1 <= tokens.words.shape[1] <= MAX_TOKENS
    assert tokens.trigrams.min() >= 0


def test_a_dropped_prompt_is_the_start_token_alone():
    tokens = WORDS.encode(["a bell jumping"] * 2, ["bell"] * 2).dropped(torch.tensor([True, False]))
    assert tokens.present.sum(1).tolist() == [1, 4]
    assert tokens.noun.any(1).tolist() == [False, True]


def test_padding_does_not_change_the_encoded_words():
    encoder = TextEncoder(len(WORDS), 20, heads=2).eval()
    alone = encoder(WORDS.encode(["a bell"], [None]))
    padded = encoder(WORDS.encode(["a bell", "a hand bell swaying jumping"], [None, None]))
    torch.testing.assert_close(alone[0], padded[0, :3])


def test_attention_written_out_agrees_with_torch():
    generator = torch.Generator().manual_seed(0)
    q, k, v = (torch.randn(2, 3, n, 8, generator=generator) for n in (5, 7, 7))
    present = torch.arange(7)[None] < torch.tensor([[4], [7]])
    wanted = torch.nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=present[:, None, None])
    torch.testing.assert_close(attend(q, k, v, present), wanted)


def test_the_schedule_falls_from_nearly_one_to_nearly_nothing():
    shares = alpha_bar()
    assert len(shares) == 1000
    assert (shares.diff() <= 0).all() and (shares[:990].diff() < 0).all()  # the very end is clamped
    assert shares[0] > 0.999 and 0 < shares[-1] < 1e-4


def test_the_codec_is_a_projection_onto_its_axes():
    codec, images = random_codec(), torch.rand(2, 3, 16, 16, 3, generator=torch.Generator().manual_seed(1))
    latents = codec.encode(images)
    assert latents.shape == (2, 3, 8, 4, 4)
    torch.testing.assert_close(codec.encode(codec.decode(latents)), latents, atol=1e-5, rtol=1e-5)
    error, other = codec.decode(latents) - images, codec.decode(torch.randn_like(latents)) - images
    assert error.square().mean() < other.square().mean()


def test_the_codec_keeps_images_that_lie_on_its_axes():
    codec = PatchCodec()
    base = torch.rand(8, 4, 4, 3, generator=torch.Generator().manual_seed(0))
    mixes = torch.rand(300, 8, generator=torch.Generator().manual_seed(1))
    images = torch.einsum("nk,khwc->nhwc", mixes / 8.0, base)
    fit_axes(codec, images)
    torch.testing.assert_close(codec.decode(codec.encode(images)), images, atol=1e-5, rtol=0)
    assert codec.encode(images).square().mean().sqrt() == pytest.approx(1.0, rel=0.02)


def test_the_object_is_found_where_it_stands():
    box = find_object(scene(torch.Generator().manual_seed(0)))
    assert box.centre.tolist() == pytest.approx([0.0, 0.0], abs=0.02)
    assert box.height.tolist() == pytest.approx([30 / 32] * 2)
    assert box.base.tolist() == pytest.approx([49.5 / 32 - 1] * 2)


def test_an_empty_image_has_a_box_too():
    assert torch.isfinite(find_object(torch.ones(1, 64, 64, 3)).stack()).all()


def test_no_flow_shows_the_image_itself():
    images = scene(torch.Generator().manual_seed(0))
    torch.testing.assert_close(warp(images, torch.zeros(2, 3, 2, 16, 16))[:, 1], images, atol=1e-5, rtol=0)


def test_a_constant_flow_shifts_by_whole_pixels():
    images = scene(torch.Generator().manual_seed(0))
    flow = torch.zeros(2, 1, 2, 16, 16)
    flow[:, :, 0], flow[:, :, 1] = 5 * 2 / 64, -3 * 2 / 64  # the colour comes from 5 to the right and 3 above
    moved = warp(images, flow)[:, 0]
    torch.testing.assert_close(moved[:, 3:, :-5], images[:, :-3, 5:], atol=1e-4, rtol=0)


def outline(height: float, mask: torch.Tensor) -> Outline:
    relief = avg_pool2d(bulge(mask), 4)
    return Outline(torch.zeros(1), torch.tensor([height / 2]), torch.tensor([height]), bulge(mask), mask, relief)


def test_smooth_flows_scale_with_the_object():
    up = torch.zeros(1, 1, 2, TERMS)
    up[..., 1, 0] = 1.0
    flows = [smooth_flow(up, outline_terms(outline(height, torch.zeros(1, 64, 64)))) for height in (0.5, 1.0)]
    torch.testing.assert_close(2.0 * flows[0], flows[1])


def test_the_bulge_of_a_disc_is_a_ball():
    line = pixel_centres(64)
    radius = (line[:, None] ** 2 + line**2).sqrt()
    depth = bulge((radius < 0.7).float()[None])[0]
    inner = radius < 0.6
    torch.testing.assert_close(depth[inner], (0.49 - radius[inner] ** 2).sqrt(), atol=0.08, rtol=0)
    assert (depth[radius >= 0.7] == 0).all()


@pytest.mark.parametrize("term", [14, 17], ids=["bulge", "relief"])
def test_the_bulge_and_the_relief_make_turning_a_smooth_flow(term):
    """A place of a ball turned by an angle came from x cos a - z sin a, where z is how far it stands out."""
    line, angle = pixel_centres(64), torch.tensor(0.5)
    mask = ((line[:, None] ** 2 + line**2).sqrt() < 0.8).float()[None]
    here = outline(1.6, mask)
    u, _, d, _ = coordinates(here)
    coefficients = torch.zeros(1, 1, 2, TERMS)
    coefficients[..., 0, 1], coefficients[..., 0, term] = angle.cos() - 1.0, -angle.sin()
    flow = smooth_flow(coefficients, outline_terms(here))[0, 0, 0]
    wanted = 0.8 * (u[0] * (angle.cos() - 1.0) - d[0] * angle.sin())
    torch.testing.assert_close(flow, wanted)


def test_without_a_relief_rows_are_taken_for_round_and_with_one_it_is_believed():
    images = scene(torch.Generator().manual_seed(0))
    round_ = find_object(images)
    torch.testing.assert_close(coordinates(round_)[3], coordinates(round_)[2])
    measured = find_object(images, 0.3 + 0.0 * round_.relief)
    torch.testing.assert_close(measured.relief, torch.full_like(measured.relief, 0.3))
    torch.testing.assert_close(measured.bulge, round_.bulge)


def test_likelihood_ratios_agree_with_gaussian_densities():
    generator, bank, codec = torch.Generator().manual_seed(0), TemplateBank(), random_codec()
    bank.coefficients.copy_(0.3 * torch.randn(bank.coefficients.shape, generator=generator))
    bank.coefficients[0] = 0.0
    images = scene(generator)
    box = find_object(images)
    templates = bank(codec, images, box)
    frames = torch.randn(2, 16, 8, 16, 16, generator=generator)
    signal, noise = torch.tensor([0.3, 0.05]), torch.tensor([0.954, 0.9987])
    match = templates.match(frames, signal)
    ratio = torch.sinh(evidence(match, templates.energy, signal, noise)[..., COUNT : 2 * COUNT] / 0.3)
    warped = codec.encode(warp(images, smooth_flow(bank.coefficients.expand(2, -1, -1, -1), outline_terms(box))))

    def log_density(row: int, frame: int, k: int) -> float:
        rest = frames[row, frame].double() - signal[row].double() * warped[row, k].double()
        return float(-0.5 * rest.square().sum() / noise[row].double() ** 2)

    for row, frame, k in ((0, 0, 1), (0, 7, COUNT - 1), (1, 15, 40), (1, 3, 0)):
        wanted = log_density(row, frame, k) - log_density(row, frame, 0)
        assert float(ratio[row, frame, k]) == pytest.approx(wanted, rel=2e-3, abs=2e-2)


def test_correlations_of_pure_noise_have_unit_variance():
    generator, bank, codec = torch.Generator().manual_seed(0), TemplateBank(), random_codec()
    bank.coefficients.copy_(0.3 * torch.randn(bank.coefficients.shape, generator=generator))
    images = scene(generator, 1)
    templates = bank(codec, images, find_object(images))
    frames = 0.9 * torch.randn(1, 400, 8, 16, 16, generator=generator)
    score = evidence(templates.match(frames, torch.zeros(1)), templates.energy, torch.zeros(1), torch.tensor([0.9]))
    deviation = torch.sinh(2.0 * score[0, :, 2 * COUNT :]).std(0)
    np.testing.assert_allclose(deviation, 1.0, atol=0.2)
