"""Priors made of diffusers' pipelines: what training may rely on, on tiny random weights of the real classes."""

import pytest
import torch
from diffusers_families import CONF, FAMILIES, WITH_MAPS, clip_of, noisy_of, numbers, prior_of
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from safetensors.torch import load_file

from to4d.errors import InputError
from to4d.guidance.diffusers.pickles import NAMES, convert_pipeline
from to4d.runs.run import build_scene
from to4d.types import Prompt

for package in ("diffusers", "transformers"):
    pytest.importorskip(package, reason="priors of diffusers need the extra `priors`")
BLIND = ("modelscope", "stable_diffusion")  # to the still
PROMPT = Prompt("a plant blooming", "plant")


@pytest.fixture(scope="module")
def priors():
    return {family: prior_of(family) for family in FAMILIES}


@pytest.fixture(params=FAMILIES)
def prior(request, priors):
    return priors[request.param]


def condition_of(prior, prompt=PROMPT, rows=1, seed=0):
    stills = torch.rand(rows, *prior.size, 3, generator=numbers(seed))
    return prior.condition(stills, prompt)


def guess(prior, condition, scale=3.0, rows=1):
    return prior.denoise(noisy_of(prior, rows), 600, condition, scale)


def test_clips_become_latents_that_join_frames_and_back(prior):
    latents = prior.encode(clip_of(prior, 2))
    frames = (prior.frames - 1) // prior.family.temporal_compression + 1
    assert latents.shape[0] == 2 and latents.shape[2] == frames
    shown = prior.decode(latents.detach())
    assert shown.shape == (2, prior.frames, *prior.size, 3) and shown.min() >= 0 and shown.max() <= 1


def test_every_pixel_gets_the_gradient_that_one_clip_alone_would(prior):
    clips, weights = clip_of(prior, 2), noisy_of(prior, 2)
    both, one = clips.clone().requires_grad_(), clips[:1].clone().requires_grad_()
    (prior.encode(both) * weights).sum().backward()  # in pieces that are computed again
    (prior.encode(one) * weights[:1]).sum().backward()
    assert (both.grad != 0).all() and torch.allclose(both.grad[:1], one.grad, atol=1e-5 * float(one.grad.abs().max()))


def test_images_in_chunks_are_the_same_images(priors):
    prior, gradients = priors["i2vgen_xl"], []
    for chunk in (3, 100):
        prior.chunk, clip = chunk, clip_of(prior).requires_grad_()
        (prior.encode(clip) * noisy_of(prior)).sum().backward()
        gradients.append(clip.grad)
    assert torch.allclose(*gradients, atol=1e-6)


def test_guidance_one_is_the_conditional_prediction_and_others_are_linear(prior):
    condition = condition_of(prior)
    none, plain, strong = (guess(prior, condition, scale).clean for scale in (0.0, 1.0, 7.0))
    assert not torch.allclose(none, plain, atol=1e-3)
    last = (slice(None), slice(None), -1)  # SVD guides the last frame most
    assert torch.allclose(none[last].lerp(plain[last], 7.0), strong[last], atol=1e-4 * float(strong.abs().max()))


def test_views_of_a_batch_do_not_mix(prior):
    both, one = guess(prior, condition_of(prior, rows=2), rows=2), guess(prior, condition_of(prior))
    first = prior.denoise(noisy_of(prior, 2)[:1], 600, condition_of(prior), 3.0)
    assert torch.allclose(both.clean[:1], first.clean, atol=1e-4 * float(first.clean.abs().max()))
    assert one.clean.shape == first.clean.shape


def test_the_still_and_the_words_count_where_they_are_known(prior, priors):
    family = next(name for name, other in priors.items() if other is prior)
    here, still = guess(prior, condition_of(prior)), guess(prior, condition_of(prior, seed=9))
    words = guess(prior, condition_of(prior, Prompt("a plant dying", "plant")))
    assert torch.equal(here.clean, still.clean) == (family in BLIND)
    assert torch.equal(here.clean, words.clean) == (family == "svd")


@pytest.mark.parametrize("family", ["cogvideox", "wan"])
def test_the_log_says_where_masks_take_opacity(family, caplog):
    with caplog.at_level("INFO", "to4d"):
        prior_of(family)
    assert ("opacity" in caplog.text) == (family not in WITH_MAPS)


def test_attention_is_to_the_noun_of_the_conditional_pass_or_there_is_none(prior, priors):
    family = next(name for name, other in priors.items() if other is prior)
    attention = guess(prior, condition_of(prior)).attention
    if family not in WITH_MAPS:
        assert attention is None
        return
    assert attention.shape == (1, *noisy_of(prior).shape[2:])
    assert attention.max() == 1 and attention.min() >= 0 and attention.std() > 1e-4
    assert torch.allclose(attention, guess(prior, condition_of(prior), 1.0).attention)
    assert not torch.allclose(
        attention, guess(prior, condition_of(prior, Prompt(PROMPT.text, "blooming"))).attention, atol=1e-3
    )


def test_shares_of_attention_to_all_words_add_up_to_one(priors):
    from to4d.guidance.diffusers.attention_capture import capture_attention

    for family in ("wan", "ltx", "modelscope"):
        prior = priors[family]
        condition = condition_of(prior)
        mask = None if condition.mask is None else condition.mask[0]
        with (
            torch.no_grad(),
            capture_attention(
                prior.family.attention_layers(prior.pipe), torch.ones(len(condition.marks)), mask
            ) as maps,
        ):
            time = prior.schedule.time[600]
            prior.family.predict(prior.pipe, noisy_of(prior), time, condition, unconditional=False)
        assert maps and all(torch.allclose(one, torch.ones_like(one), atol=1e-5) for one in maps)


def test_a_prompt_without_its_noun_is_refused(priors):
    with pytest.raises(InputError, match="'pot'.*object.noun"):
        condition_of(priors["wan"], Prompt("a plant blooming", "pot"))
    assert priors["wan"].unknown_words("zorbing") == []


def test_it_stays_asleep_and_frozen(prior):
    prior.train()
    assert not prior.network.training and not any(p.requires_grad for p in prior.parameters())
    text = getattr(prior.pipe, "text_encoder", None)
    assert text is None or not {id(p) for p in text.parameters()} & {id(p) for p in prior.parameters()}


def test_another_length_of_clips_is_refused(priors):
    with pytest.raises(ValueError, match=r"frames.* \(1, 5, 32, 32, 3\)"):
        priors["wan"].encode(clip_of(priors["wan"])[:, :5])
    with pytest.raises(Exception, match=r"guidance\.shapes.* 8 .*4 n \+ 1"):
        prior_of("wan", shapes={"tiny": {"frames": 8}})


@pytest.mark.parametrize("family", ["wan", "cogvideox", "svd"])
def test_half_precision_says_nearly_the_same(family, priors):
    half, full = prior_of(family, precision="bfloat16"), priors[family]
    network, autoencoder = ({p.dtype for p in part.parameters()} for part in (half.network, half.vae))
    assert torch.bfloat16 in network and autoencoder == {torch.float32}
    rough, exact = (guess(one, condition_of(one)).clean for one in (half, full))
    assert rough.dtype is torch.float32 and (rough - exact).abs().mean() < 0.05 * exact.std()


@pytest.mark.parametrize(("family", "precision", "error"), [("wan", "float32", 1e-5), ("svd", "bfloat16", 0.05)])
def test_a_saved_pipeline_is_loaded_from_its_folder_without_a_network(family, precision, error, priors, tmp_path):
    here = priors[family]
    here.pipe.save_pretrained(tmp_path)
    shapes = {"full": {"frames": here.frames, "image": list(here.size)}}
    loaded = prior_of(family, size="full", model=str(tmp_path), shapes=shapes, precision=precision)
    assert {p.dtype for p in loaded.vae.parameters()} == {torch.float32}
    ours, theirs = (guess(one, condition_of(one)).clean for one in (here, loaded))
    assert (ours - theirs).abs().mean() < error * ours.std()


def test_a_pickled_model_is_not_opened(priors, tmp_path):
    here = priors["modelscope"]
    here.pipe.save_pretrained(tmp_path)
    (tmp_path / "unet" / "diffusion_pytorch_model.safetensors").unlink()
    torch.save(here.network.state_dict(), tmp_path / "unet" / "diffusion_pytorch_model.bin")
    shapes = {"full": {"frames": here.frames, "image": list(here.size)}}
    with pytest.raises(Exception, match=f"python -m to4d.weights get {tmp_path}"):
        prior_of("modelscope", size="full", model=str(tmp_path), shapes=shapes)


def test_a_pipeline_of_pickles_is_converted_and_says_the_same(priors, tmp_path):
    here = priors["modelscope"]
    here.pipe.save_pretrained(tmp_path)
    pickled = {name: old for old, name in NAMES.items()}
    for path in sorted(tmp_path.glob("*/*.safetensors")):
        torch.save(load_file(path), path.with_name(pickled[path.name]))
        path.unlink()
    assert [path.parent.name for path in convert_pipeline(tmp_path)] == ["text_encoder", "unet", "vae"]
    shapes = {"full": {"frames": here.frames, "image": list(here.size)}}
    loaded = prior_of("modelscope", size="full", model=str(tmp_path), shapes=shapes)
    assert torch.allclose(guess(loaded, condition_of(loaded)).clean, guess(here, condition_of(here)).clean, atol=1e-5)


def test_a_pickle_that_holds_more_than_weights_is_not_opened(tmp_path):
    with pytest.raises(InputError, match=rf"{tmp_path} .*diffusion_pytorch_model\.bin"):
        convert_pipeline(tmp_path)
    (tmp_path / "unet").mkdir()
    torch.save({"x": print}, tmp_path / "unet" / "diffusion_pytorch_model.bin")
    with pytest.raises(InputError, match=r"unet/diffusion_pytorch_model\.bin"):
        convert_pipeline(tmp_path)
    assert not list(tmp_path.glob("*/*.safetensors"))


def test_a_model_that_is_not_here_is_not_fetched_but_the_command_that_gets_it_is_named():
    with pytest.raises(Exception, match="python -m to4d.weights get someone/nothing"):
        prior_of("wan", size="full", model="someone/nothing")


def test_a_time_sampler_of_another_length_is_refused_before_work_is_lost():
    with pytest.raises(Exception, match=r"time_sampler\.frames=9"):
        phase_of("guidance=wan", "guidance.size=tiny")


def phase_of(*settings):
    """The dynamic phase of a run, and its field."""
    with initialize_config_dir(str(CONF), version_base="1.3"):
        cfg = compose("train", ["out=x", "prompt=a plant blooming", *settings])
    scene = build_scene(cfg, instantiate(cfg.object))
    return instantiate(cfg.phase.refine, name="refine", scene=scene, seed=0), scene.renderer.field


@pytest.mark.parametrize(
    ("family", "noise"), [("wan", "random"), ("cogvideox", "random"), ("ltx", "view_consistent"), ("svd", "random")]
)
def test_every_gradient_of_a_masked_step_reaches_the_field(family, noise):
    settings = ["+tiny='true'", "guidance.precision=float32", f"noise={noise}"]
    phase, field = phase_of(f"experiments=[{family}]", *settings)
    phase.static_weight = 0.0
    phase.log_step = lambda **values: None
    phase.configure_optimizers()
    phase.training_step().backward()
    assert phase.last_mask.shape[1] == phase.prior.frames
    for name, parameter in field.named_parameters():
        assert parameter.grad.isfinite().all() and (parameter.grad != 0).any(), name


@pytest.mark.parametrize(("taken", "other"), [("video", "image"), ("image", "video")])
def test_each_prior_of_a_mixture_moves_the_field_by_itself(taken, other, monkeypatch):
    settings = [f"distillation.probabilities.{taken}=1", f"distillation.probabilities.{other}=0"]
    phase, field = phase_of("experiments=[4dfy_full]", "+tiny='true'", *settings)
    monkeypatch.setattr(phase.prior.parts[other], "denoise", None)  # not asked
    phase.static_weight = 0.0
    phase.log_step = lambda **values: None
    phase.configure_optimizers()
    phase.training_step().backward()
    for name, parameter in field.named_parameters():
        assert parameter.grad.isfinite().all() and (parameter.grad != 0).any(), name


@pytest.mark.parametrize("family", [name for name in FAMILIES if name != "wan22"])  # whose time picks its network
def test_nothing_is_left_behind_on_another_device(family):
    """The meta device refuses most sums with tensors elsewhere, as a GPU does; the text encoder stays on the CPU."""
    prior = prior_of(family)
    clip, noisy = clip_of(prior).to("meta"), noisy_of(prior).to("meta")
    prior.to("meta")
    condition = prior.condition(clip[:, 0], PROMPT)
    guessed = prior.denoise(noisy, 600, condition, 3.0)
    parts = [prior.encode(clip), prior.decode(noisy), guessed.clean, guessed.attention, *vars(condition).values()]
    assert all(part.is_meta for part in parts if part is not None)
