"""DynamiCrafter as a prior: what training may rely on, and what is easily got wrong with it."""

from pathlib import Path

import pytest
import torch
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate

from to4d.distillation import SDS, Reconstruction, add_noise
from to4d.errors import InputError
from to4d.guidance.dynamicrafter.prior import DynamiCrafter
from to4d.guidance.dynamicrafter.schedule import clean_from, rescale_guidance
from to4d.types import Prompt, Render

PROMPT = Prompt("a plant blooming", "plant")
KINDS = ["tiny", "tiny_velocity"]


@pytest.fixture(scope="module", params=KINDS)
def prior(request):
    return DynamiCrafter(request.param)


@pytest.fixture(scope="module")
def eps_prior():
    return DynamiCrafter("tiny")


def numbers(seed=0):
    return torch.Generator().manual_seed(seed)


def clip(rows=2, size=64):
    return torch.rand(rows, 16, size, size, 3, generator=numbers())


def condition(prior, rows=2, prompt=PROMPT):
    return prior.condition(clip(rows)[:, 0], prompt)


def noisy(rows=2):
    return torch.randn(rows, 4, 16, 8, 8, generator=numbers(1))


def test_clips_become_latents_an_eighth_the_size_and_back(prior):
    latents = prior.encode(clip())
    assert latents.shape == (2, 4, 16, 8, 8)
    shown = prior.decode(latents)
    assert shown.shape == (2, 16, 64, 64, 3)
    assert shown.min() >= 0 and shown.max() <= 1


def test_every_pixel_gets_a_gradient_and_chunks_do_not_change_it():
    gradients = []
    for chunk in (32, 7):
        frames = clip().requires_grad_()
        latents = DynamiCrafter("tiny", chunk=chunk).encode(frames)
        (latents * noisy()).sum().backward()
        gradients.append(frames.grad)
    assert (gradients[0].abs() > 0).float().mean() > 0.99
    assert torch.allclose(*gradients, atol=1e-6 * float(gradients[0].abs().max()), rtol=1e-3)


def test_encoding_is_not_random(prior):
    assert torch.equal(prior.encode(clip()), prior.encode(clip()))


def test_a_still_is_encoded_like_the_first_frame_of_a_clip_at_any_size(eps_prior):
    frames = clip(size=40)
    still = eps_prior.condition(frames[:, 0], PROMPT).still
    assert torch.allclose(still, eps_prior.encode(frames)[:, :, 0], atol=1e-5)


def test_dropout_never_wakes_and_no_weight_learns(prior):
    prior.train()
    assert not prior.training and not any(part.training for part in prior.modules())
    assert not any(p.requires_grad for p in prior.parameters())
    assert not any(isinstance(part, torch.nn.Dropout) for part in prior.modules())


def test_a_clip_of_another_length_is_refused(prior):
    with pytest.raises(ValueError, match=r"frames.* \(2, 3, 64, 64, 3\)"):
        prior.encode(clip()[:, :3])
    with pytest.raises(ValueError, match=r"noisy.* \(2, 4, 3, 8, 8\)"):
        prior.denoise(noisy()[:, :, :3], 500, condition(prior), 2.0)


def test_guidance_one_is_the_conditional_prediction_and_others_are_linear(prior):
    guess = [prior.denoise(noisy(), 300, condition(prior), scale).clean for scale in (0.0, 1.0, 7.5)]
    assert torch.allclose(guess[0].lerp(guess[1], 7.5), guess[2], atol=1e-4 * float(guess[2].abs().max()))
    assert not torch.allclose(guess[0], guess[1], atol=1e-2)


def test_without_words_and_image_tokens_it_still_sees_the_still(eps_prior):
    first, other = condition(eps_prior), eps_prior.condition(1 - clip()[:, 0], PROMPT)
    blind = [eps_prior.denoise(noisy(), 300, c, 0.0).clean for c in (first, other)]
    assert not torch.allclose(*blind, atol=1e-2)
    context = first.context(guided=True)
    assert torch.equal(context.image[2], other.context(guided=True).image[3])
    assert torch.equal(
        context.text[2:], eps_prior.condition(clip()[:, 0], Prompt("a pot", "pot")).text[1:].repeat(2, 1, 1)
    )


def test_views_of_a_batch_do_not_mix(prior):
    both = prior.denoise(noisy(), 300, condition(prior), 3.0)
    one = prior.denoise(noisy()[:1], 300, condition(prior, rows=1), 3.0)
    assert torch.allclose(both.clean[:1], one.clean, atol=1e-3)
    assert torch.allclose(both.attention[:1], one.attention, atol=1e-4)


def test_attention_is_to_the_noun_of_the_conditional_pass(eps_prior):
    asked = condition(eps_prior)
    attention = eps_prior.denoise(noisy(), 300, asked, 7.5).attention
    assert attention.shape == (2, 16, 8, 8)
    assert torch.allclose(attention.amax((1, 2, 3)), torch.ones(2)) and attention.min() >= 0 and attention.std() > 1e-3
    assert torch.allclose(attention, eps_prior.denoise(noisy(), 300, asked, 1.0).attention, atol=1e-5)
    verb = condition(eps_prior, prompt=Prompt("a plant blooming", "blooming"))
    assert not torch.allclose(attention, eps_prior.denoise(noisy(), 300, verb, 7.5).attention, atol=1e-2)


def test_a_prompt_without_its_noun_is_refused(prior):
    with pytest.raises(InputError, match="'pot'.*object.noun"):
        condition(prior, prompt=Prompt("a plant blooming", "pot"))
    assert prior.unknown_words("zorbing") == []


def test_other_prompts_are_not_answered_from_memory(eps_prior):
    first, other = (
        condition(eps_prior, prompt=Prompt(text, "plant")) for text in ("a plant blooming", "a plant dying")
    )
    again = condition(eps_prior)
    assert torch.equal(first.text, again.text)
    assert not torch.allclose(first.text[0], other.text[0])


@pytest.mark.parametrize("t", [0, 20, 399, 700, 999])
def test_a_network_that_knows_the_noise_gives_back_the_clip(prior, t, monkeypatch):
    """What it is shown must be noised as in its training, whose clips were scaled; what it says is unscaled."""
    clean, noise = noisy(), torch.randn(2, 4, 16, 8, 8, generator=numbers(2))
    signal, spread, scale = prior.share[t].sqrt(), (1 - prior.share[t]).sqrt(), prior.clip_scale[t]

    def knowing(x, still, steps, pace, context):
        assert torch.allclose(x, signal * scale * clean + spread * noise, atol=1e-5)
        predicted = signal * noise - spread * scale * clean if prior.shape.velocity else noise
        return predicted, [torch.ones(32, 8, 8, 17)]

    monkeypatch.setattr(prior.networks.unet, "forward", knowing)
    guess = prior.denoise(add_noise(clean, noise, prior.alpha_bar[t]), t, condition(prior), 1.0).clean
    assert torch.allclose(guess, clean, atol=1e-3)


def test_the_velocity_models_end_in_pure_noise_and_the_first_one_does_not():
    plain, velocity = (DynamiCrafter(kind).alpha_bar for kind in KINDS)
    assert (plain.diff() < 0).all() and (velocity.diff() < 0).all()
    assert velocity[-1] == 0.0 and 0.004 < plain[-1] < 0.005
    steps = torch.tensor([20, 200, 500, 600, 800, 980])
    assert torch.allclose(plain[steps], torch.tensor([0.981, 0.754, 0.276, 0.161, 0.037, 0.0058]), atol=6e-4)
    assert torch.isfinite(clean_from(torch.ones(1), torch.ones(1), velocity[-1], velocity=True)).all()


def test_rescaled_guidance_has_the_spread_of_the_plain_prediction():
    plain, guided = noisy(), 3.0 * noisy() + 0.1
    assert torch.allclose(rescale_guidance(guided, plain, 1.0).std((1, 2, 3, 4)), plain.std((1, 2, 3, 4)))
    assert torch.equal(rescale_guidance(guided, plain, 0.0), guided)


@pytest.mark.parametrize(("size", "pace"), [("tiny", 24), ("tiny", 0), ("tiny_velocity", 3)])
def test_a_pace_it_was_not_trained_on_is_refused(size, pace):
    with pytest.raises(InputError, match=r"guidance\.pace"):
        DynamiCrafter(size, pace=pace)


def test_the_pace_changes_what_it_imagines():
    slow, fast = (DynamiCrafter("tiny", pace=pace) for pace in (1, 6))
    assert DynamiCrafter("tiny").pace == 3 and DynamiCrafter("tiny_velocity").pace == 24
    guess = [prior.denoise(noisy(), 300, condition(prior), 1.0).clean for prior in (slow, fast)]
    assert not torch.allclose(*guess, atol=1e-2)


def test_half_precision_says_nearly_the_same(eps_prior):
    half = DynamiCrafter("tiny", precision="bfloat16")
    assert half.networks.unet.out[2].weight.dtype is torch.bfloat16
    assert torch.equal(half.encode(clip()), eps_prior.encode(clip()))
    full, rough = (p.denoise(noisy(), 300, condition(p), 1.0) for p in (eps_prior, half))
    assert rough.clean.dtype is torch.float32 and rough.attention.dtype is torch.float32
    assert (full.clean - rough.clean).abs().mean() < 0.05 * full.clean.std()
    assert (full.attention - rough.attention).abs().max() < 0.1


def test_an_autoencoder_in_half_precision_hands_down_nearly_the_same_gradient(eps_prior):
    half = DynamiCrafter("tiny", autoencoder_precision="bfloat16", chunk=5)
    assert half.networks.unet.out[2].weight.dtype is torch.float32
    gradients, weights = [], noisy()
    for prior in (eps_prior, half):
        frames = clip().requires_grad_()
        latents = prior.encode(frames)
        assert latents.dtype is prior.decode(latents.detach()).dtype is torch.float32
        gradients += torch.autograd.grad((weights * latents).sum(), frames)
    full, rough = gradients
    assert 0 < (full - rough).abs().mean() < 0.05 * full.abs().mean()


@pytest.mark.parametrize("mode", ["default", "reduce-overhead", "max-autotune"])
def test_the_u_net_is_compiled_in_the_mode_that_is_asked_for(mode, monkeypatch):
    asked = []
    monkeypatch.setattr(torch, "compile", lambda call, **options: asked.append(options) or call)
    keys = set(DynamiCrafter("tiny").state_dict())
    assert not asked
    assert set(DynamiCrafter("tiny", compile=mode).state_dict()) == keys
    assert asked == [{"mode": mode}]
    with pytest.raises(InputError, match=r"guidance\.compile.*'fast'.* default"):
        DynamiCrafter("tiny", compile="fast")


@pytest.mark.parametrize("distil", [SDS(guidance_scale=100.0), Reconstruction(steps=2)], ids=["sds", "reconstruction"])
def test_it_distils(prior, distil):
    frames = clip().requires_grad_()
    render = Render(frames, torch.ones(2, 16, 64, 64, 1), torch.ones(2, 16, 64, 64, 1))
    score = distil(prior, render, render.at(0), PROMPT, 0.0, numbers())
    again = distil(prior, render, render.at(0), PROMPT, 0.0, numbers())
    assert torch.equal(score.gradient, again.gradient)
    assert score.gradient.std() > 0 and not score.gradient.requires_grad and score.backward_flow is None
    (score.latents * score.gradient).sum().backward()
    assert frames.grad.isfinite().all() and (frames.grad != 0).any()


@pytest.mark.parametrize("option", ["dynamicrafter", "dynamicrafter_512", "dynamicrafter_1024"])
def test_a_config_builds_it(option):
    with initialize_config_dir(str(Path(__file__).parents[1] / "conf"), version_base="1.3"):
        cfg = compose("train", ["out=x", "prompt=a plant blooming", f"guidance={option}"])
        tiny = compose("train", ["out=x", "prompt=a plant blooming", f"guidance={option}", "guidance.size=tiny"])
    assert cfg.guidance.size == {"dynamicrafter": "256"}.get(option, option.split("_")[-1])
    assert isinstance(instantiate(tiny.guidance), DynamiCrafter)
    with pytest.raises(Exception, match=r"guidance\.weights.*python -m to4d\.weights get"):
        instantiate(cfg.guidance)


def test_an_unknown_size_lists_the_sizes():
    with pytest.raises(InputError, match="256, 512, 1024, tiny"):
        DynamiCrafter("257")
