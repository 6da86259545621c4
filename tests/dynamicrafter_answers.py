"""One set of questions for DynamiCrafter's parts, put to our code and to the official code.

The official answers are kept in golden/dynamicrafter.safetensors; `python tests/dynamicrafter_answers.py` writes them
anew (see upstream_lvdm.py for what it needs) and prints the table of docs/dynamicrafter.md.
"""

from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file

from to4d.distillation import add_noise, predicted_noise
from to4d.guidance.clip_image import prepare
from to4d.guidance.dynamicrafter.model import DynamiCrafterNetworks
from to4d.guidance.dynamicrafter.official_checkpoint import unused_keys
from to4d.guidance.dynamicrafter.prior import SCALE, DynamiCrafter
from to4d.guidance.dynamicrafter.sizes import SIZES
from to4d.lexicon.clip_tokenizer import tokenise
from to4d.types import Prompt

GOLDEN = Path(__file__).parent / "golden" / "dynamicrafter.safetensors"
PROMPT = Prompt("a plant blooming, it's a Hand-Bell & 3 drips!", "plant")
KINDS, SCALE_OF_GUIDANCE, STEPS = ("tiny", "tiny_velocity"), 7.5, (0, 333, 999)
COMMIT = "c453369367122d7fbb0aa38f124e76dc8fe2a91c"


def numbers(seed, *shape):
    return torch.as_tensor(np.random.RandomState(seed).standard_normal(shape), dtype=torch.float32)


def pictures(seed, *shape):
    """(..., H, W, 3) in [0, 1], rough and smooth."""
    return torch.sigmoid(numbers(seed, *shape) + 2.0 * numbers(seed + 1, *shape[:-3], 1, shape[-2], 3))


NOISY, WIDE = numbers(1, 1, 4, 16, 16, 16), 2.0 * pictures(8, 1, 80, 128, 3).movedim(-1, 1) - 1.0
STILL = pictures(2, 1, 128, 128, 3)
PIXELS = 2.0 * STILL.movedim(-1, 1) - 1.0
LATENTS = SCALE * numbers(4, 1, 4, 8, 8)


def plan(kind):
    """Steps of a short DDIM run, from noise down."""
    return [999, 749, 499, 249] if kind == "tiny_velocity" else [751, 501, 251, 1]


@torch.no_grad()
def ours():
    """Our answers, by name."""
    out = {
        "tokens of a prompt": tokenise(PROMPT.text).float(),
        "image for CLIP, 80 x 128 to 56 x 56": prepare(WIDE, 56),
    }
    for kind in KINDS:
        prior = DynamiCrafter(kind)
        prior.size = tuple(STILL.shape[1:3])  # at 64 x 64 the coarsest norms see two numbers, and rounding shows
        nets, condition = prior.networks, prior.condition(STILL, PROMPT)
        if kind == "tiny":
            out["autoencoder: mean"], out["autoencoder: deviation"] = nets.autoencoder.moments(PIXELS)
            out["autoencoder: decoded"] = nets.autoencoder.decode(LATENTS)
            out["text tower"], out["image tower"] = condition.text, nets.image(PIXELS)
            out["resampler"], out["resampler of grey"] = condition.image, condition.no_image
        out[f"{kind}: signal share"], out[f"{kind}: clip scale"] = prior.share, prior.clip_scale
        for t in STEPS:
            context = condition.context(guided=True)
            still, times, pace = condition.still.repeat(2, 1, 1, 1), torch.full((2,), t), torch.full((2,), prior.pace)
            raw, _ = nets.unet(NOISY.repeat(2, 1, 1, 1, 1), still, times, pace, context)
            out[f"{kind}: with and without condition, step {t}"] = raw
        out[f"{kind}: guided sample"] = sampled(prior, condition, plan(kind))
    return out


def sampled(prior, condition, steps):
    """The clean clip at the end of DDIM steps, as any prior would be asked for it."""
    prior.guidance_rescale = 0.7
    noisy = NOISY
    for t, after in zip(steps, [*steps[1:], None], strict=True):
        clean = prior.denoise(noisy, t, condition, SCALE_OF_GUIDANCE).clean
        if after is not None:
            noisy = add_noise(clean, predicted_noise(noisy, clean, prior.alpha_bar[t]), prior.alpha_bar[after])
    return clean


@torch.no_grad()
def official():
    """Their answers."""
    from upstream_lvdm import official_model, upstream

    lvdm = upstream()  # also lets torchvision be imported
    import kornia
    import open_clip

    resize = kornia.geometry.resize(WIDE, (56, 56), interpolation="bicubic", align_corners=True, antialias=True)
    mean, std = (torch.tensor(x) for x in (open_clip.OPENAI_DATASET_MEAN, open_clip.OPENAI_DATASET_STD))
    out = {"tokens of a prompt": open_clip.tokenize(PROMPT.text)[0].float()}
    out["image for CLIP, 80 x 128 to 56 x 56"] = kornia.enhance.normalize((resize + 1.0) / 2.0, mean, std)
    for kind in KINDS:
        model = official_model(SIZES[kind])
        posterior = model.first_stage_model.encode(PIXELS)
        text = model.cond_stage_model([PROMPT.text, ""])
        image, grey = (model.image_proj_model(model.embedder(x)) for x in (PIXELS, torch.zeros(1, 3, 128, 128)))
        if kind == "tiny":
            out["autoencoder: mean"], out["autoencoder: deviation"] = posterior.mode(), posterior.std
            out["autoencoder: decoded"] = model.first_stage_model.decode(LATENTS)
            out["text tower"], out["image tower"] = text, model.embedder(PIXELS)
            out["resampler"], out["resampler of grey"] = (x.unflatten(1, (16, 16)) for x in (image, grey))
        out[f"{kind}: signal share"] = model.alphas_cumprod
        out[f"{kind}: clip scale"] = model.scale_arr[:1000] if model.use_dynamic_rescale else torch.ones(1000)
        still = (model.scale_factor * posterior.mode())[:, :, None].repeat(1, 1, 16, 1, 1)
        conditioned = {"c_crossattn": [torch.cat([text[:1], image], 1)], "c_concat": [still]}
        blind = {"c_crossattn": [torch.cat([text[1:], grey], 1)], "c_concat": [still]}
        pace = torch.tensor([SIZES[kind].pace])
        for t in STEPS:
            both = [
                model.apply_model(NOISY, torch.tensor([t]), condition, fs=pace) for condition in (conditioned, blind)
            ]
            out[f"{kind}: with and without condition, step {t}"] = torch.cat(both)
        out[f"{kind}: guided sample"] = sampled_officially(lvdm.ddim, model, conditioned, blind, pace, plan(kind))
    return out


def sampled_officially(ddim, model, conditioned, blind, pace, steps):
    """Their sampler from the same noise; the last guess, unscaled."""

    class Sampler(ddim.DDIMSampler):
        def register_buffer(self, name, attr):  # theirs moves it to a GPU
            setattr(self, name, attr)

    sampler = Sampler(model)
    scale = model.scale_arr[steps] if model.use_dynamic_rescale else torch.ones(len(steps))
    start = NOISY * (model.alphas_cumprod[steps[0]] * scale[0] ** 2 + 1 - model.alphas_cumprod[steps[0]]).sqrt()
    spacing = "uniform_trailing" if model.parameterization == "v" else "uniform"
    sampler.make_schedule(4, ddim_discretize=spacing, verbose=False)
    assert sampler.ddim_timesteps[::-1].tolist() == steps
    _, seen_on_the_way = sampler.sample(
        4,
        1,
        NOISY.shape[1:],
        conditioning=conditioned,
        x_T=start,
        verbose=False,
        unconditional_guidance_scale=SCALE_OF_GUIDANCE,
        unconditional_conditioning=blind,
        fs=pace,
        timestep_spacing=spacing,
        guidance_rescale=0.7,
        log_every_t=1,
    )
    return seen_on_the_way["pred_x0"][-1] / scale[-1]


def shapes_of(networks):
    return {name: tuple(value.shape) for name, value in networks.state_dict().items()}


def expected(size):
    shapes = shapes_of(DynamiCrafterNetworks(SIZES[size]))
    return shapes | unused_keys(shapes)


def thinned(x):
    """At most some 4096 of the values, from all over."""
    return x.flatten()[:: x.numel() // 4096 | 1].contiguous()


def golden():
    """The official answers that are kept, thinned."""
    return load_file(GOLDEN)


if __name__ == "__main__":
    from upstream_lvdm import difference

    answers = official()
    GOLDEN.parent.mkdir(exist_ok=True)
    save_file({name: thinned(value) for name, value in answers.items()}, GOLDEN, metadata={"commit": COMMIT})
    mine = ours()
    assert set(mine) == set(answers)
    for name, value in answers.items():
        print(f"| {name} | {difference(mine[name], value):.1e} |")
