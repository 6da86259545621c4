"""The families of diffusers' priors, tiny, for the tests of them."""

from pathlib import Path

import torch
from hydra.utils import instantiate
from omegaconf import OmegaConf

CONF = Path(__file__).parents[1] / "conf"
FAMILIES = ("wan", "wan22", "cogvideox", "ltx", "svd", "i2vgen_xl", "modelscope", "stable_diffusion")
WITH_MAPS = ("wan", "wan22", "ltx", "i2vgen_xl", "modelscope", "stable_diffusion")  # cross-attention to words


def prior_of(family, **settings):
    """The tiny prior that `guidance=family guidance.size=tiny` makes, in float32 unless `settings` say otherwise."""
    option = OmegaConf.load(CONF / "guidance" / f"{family}.yaml")
    return instantiate(OmegaConf.merge(option, {"size": "tiny", "precision": "float32", **settings}))


def numbers(seed=0):
    return torch.Generator().manual_seed(seed)


def clip_of(prior, rows=1):
    return torch.rand(rows, prior.frames, *prior.size, 3, generator=numbers())


def noisy_of(prior, rows=1, seed=1):
    still = clip_of(prior, rows)
    with torch.no_grad():
        latents = prior.encode(still)
    return torch.randn(latents.shape, generator=numbers(seed))
