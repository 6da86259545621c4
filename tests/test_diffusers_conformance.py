"""Our guess at a noised clip is what diffusers' own pipeline computes from the same still, words and noise.

`python tests/test_diffusers_conformance.py` prints the table of docs/priors.md.
"""

import numpy as np
import pytest
import torch
from diffusers_families import FAMILIES, numbers, prior_of

from to4d.guidance.diffusers.schedule import TableSchedule, edm_at, flow_at
from to4d.types import Prompt

for package in ("diffusers", "transformers"):
    pytest.importorskip(package, reason="priors of diffusers need the extra `priors`")
SCALE, NEGATIVE = 5.0, "standing still"
FLOWS, FRAMES_FIRST = ("wan", "wan22", "ltx"), ("cogvideox", "svd")


@pytest.fixture(autouse=True)
def means_instead_of_samples(monkeypatch):
    use_means(monkeypatch)


def use_means(monkeypatch):
    """Pipelines draw the still's latents from what the autoencoder allows; we take the mean."""
    from diffusers.models.autoencoders.vae import DiagonalGaussianDistribution

    monkeypatch.setattr(DiagonalGaussianDistribution, "sample", lambda self, generator=None: self.mode())


def steps_of_pipeline(prior, family, still):
    """(latents, time, prediction) of each step as its scheduler is handed them, and the latents that it ends with."""
    import PIL.Image

    pipe, steps = prior.pipe, []
    pipe.set_progress_bar_config(disable=True)
    step = pipe.scheduler.step

    def noted(prediction, t, latents, **settings):
        steps.append((latents, t, prediction))
        return step(prediction, t, latents, **settings)

    pipe.scheduler.step = noted
    settings = {"height": prior.size[0], "width": prior.size[1], "num_frames": prior.frames}
    settings |= {"num_inference_steps": 3, "output_type": "latent", "generator": numbers(0)}
    if family == "stable_diffusion":
        settings["num_images_per_prompt"] = settings.pop("num_frames")
    elif family != "modelscope":
        settings["image"] = PIL.Image.fromarray((still * 255).round().byte().numpy())
    if family == "svd":
        settings |= {"max_guidance_scale": SCALE}
    else:
        settings |= {"prompt": "a plant blooming", "negative_prompt": NEGATIVE, "guidance_scale": SCALE}
    if family == "i2vgen_xl":  # it calls the text encoder's parts as they were before transformers 5
        object.__setattr__(pipe.text_encoder, "text_model", pipe.text_encoder)
    out = pipe(**settings)
    end = out.images if family == "stable_diffusion" else out.frames
    pipe.scheduler.step = step
    return steps, end


def as_ours(family, latents, shape):
    """Latents (B, C, v, h, w) from the axes of a pipeline or its scheduler."""
    if family in FRAMES_FIRST:
        return latents.transpose(1, 2)
    if latents.ndim == 4:  # the frames of a clip as a batch
        return latents.unflatten(0, (1, -1)).transpose(1, 2)
    return latents.transpose(1, 2).unflatten(2, shape[2:]) if latents.ndim == 3 else latents


def step_at(prior, family, t):
    """The number of the pipeline's time in the prior's schedule, which is made to have it; and the latents' size."""
    if family in FLOWS:
        prior.schedule = TableSchedule(flow_at(t.double().view(1) / 1000))
    elif family == "svd":
        prior.schedule = TableSchedule(edm_at((4 * t.double()).exp().view(1)))
    else:
        return int(t), 1.0
    return 0, float((1 + (8 * t.double()).exp()).sqrt()) if family == "svd" else float(prior.schedule.scale[0])


def relative(ours, theirs):
    assert ours.shape == theirs.shape
    return float((ours - theirs).abs().max() / theirs.abs().max())


def differences(family):
    """Of the guided prediction, the largest over the steps; of the clean clip after the last one."""
    prior = prior_of(family)
    still = torch.as_tensor(np.random.RandomState(3).randint(0, 256, (*prior.size, 3)) / 255, dtype=torch.float32)
    condition = prior.condition(still[None], Prompt("a plant blooming", "plant", NEGATIVE))
    with torch.no_grad():
        shape = prior.encode(still.expand(1, prior.frames, *still.shape)).shape
    steps, end = steps_of_pipeline(prior, family, still)
    worst, first = 0.0, int(family == "ltx")  # whose scheduler does not see the first frame, as it is the still
    for latents, t, theirs in steps:
        place, size = step_at(prior, family, t)
        latents, theirs = (as_ours(family, x, shape) for x in (latents, theirs))
        noisy = torch.cat([torch.zeros(*shape[:2], first, *shape[3:]), latents], 2) / size
        with torch.no_grad():
            ours = prior.predict(noisy, place, condition, SCALE)[0]
        worst = max(worst, relative(ours[:, :, first:], theirs))
    return worst, relative(prior.denoise(noisy, place, condition, SCALE).clean, as_ours(family, end, shape))


@pytest.mark.parametrize("family", FAMILIES)
def test_it_predicts_what_the_pipeline_hands_its_scheduler(family):
    prediction, clean = differences(family)
    assert prediction < 2e-5 and clean < 2e-6


if __name__ == "__main__":
    with pytest.MonkeyPatch.context() as patch:
        use_means(patch)
        for name in FAMILIES:
            print("| {} | {:.1e} | {:.1e} |".format(name, *differences(name)))
