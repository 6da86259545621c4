"""The official code of DynamiCrafter, for tests that compare ours with it.

TO4D_LVDM names a check-out of github.com/Doubiiu/DynamiCrafter; einops must be installed, and open_clip 2.22 with
kornia and torchvision for the towers. Packages that the check-out imports without need are replaced by stubs.
"""

import importlib
import json
import os
import sys
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType, SimpleNamespace

import pytest
import torch

from to4d.guidance.dynamicrafter.lvdm import lvdm_settings
from to4d.guidance.random_weights import randomise


class LightningModule(torch.nn.Module):
    """All that the check-out uses of Lightning."""

    device = torch.device("cpu")


def module(name, **contents):
    stub = ModuleType(name)
    vars(stub).update(contents)
    return stub


def stubs():
    made = {
        "pytorch_lightning": module("pytorch_lightning", LightningModule=LightningModule),
        "pytorch_lightning.utilities": module("pytorch_lightning.utilities", rank_zero_only=lambda call: call),
        "transformers": module("transformers", **dict.fromkeys(("T5Tokenizer", "T5EncoderModel"))),
        "xformers": None,  # a None makes `import xformers` fail, which the check-out expects
    }
    vars(made["transformers"]).update(CLIPTokenizer=None, CLIPTextModel=None)
    for name in ("torchvision", "kornia", "open_clip"):
        if importlib.util.find_spec(name) is None:
            made[name] = module(name)
    if "torchvision" in made:
        made["torchvision.utils"] = module("torchvision.utils", make_grid=None)
    return made


@contextmanager
def stubbed(made):
    before = {name: sys.modules.get(name) for name in made}
    sys.modules.update(made)
    try:
        yield
    finally:
        for name, old in before.items():
            sys.modules.pop(name)
            if old is not None:
                sys.modules[name] = old


@cache
def upstream():
    """The modules of the check-out: attention, unet, autoencoder, resampler, condition, diffusion, ddpm, ddim."""
    folder = os.environ.get("TO4D_LVDM")
    if not folder:
        pytest.skip("TO4D_LVDM names no check-out of github.com/Doubiiu/DynamiCrafter", allow_module_level=True)
    pytest.importorskip("einops", reason="the official code needs einops")
    sys.path.insert(0, folder)
    schemas = torch.library.Library("torchvision", "FRAGMENT")  # torchvision for CUDA beside torch for the CPU
    if not hasattr(torch.ops.torchvision, "nms"):
        for name in ("nms", "qnms"):
            schemas.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    names = {
        "attention": "lvdm.modules.attention",
        "unet": "lvdm.modules.networks.openaimodel3d",
        "autoencoder": "lvdm.models.autoencoder",
        "networks": "lvdm.modules.networks.ae_modules",
        "resampler": "lvdm.modules.encoders.resampler",
        "condition": "lvdm.modules.encoders.condition",
        "diffusion": "lvdm.models.utils_diffusion",
        "ddpm": "lvdm.models.ddpm3d",
        "ddim": "lvdm.models.samplers.ddim",
    }
    with stubbed(stubs()):
        found = {key: importlib.import_module(name) for key, name in names.items()}
    return SimpleNamespace(schemas=schemas, **found)


def official_config(name):
    """The parameters in their configuration of the model of 256, 512 or 1024."""
    from omegaconf import OmegaConf

    upstream()
    file = Path(os.environ["TO4D_LVDM"]) / "configs" / f"inference_{name}_v1.0.yaml"
    return OmegaConf.to_container(OmegaConf.load(file))["model"]["params"]


def autoencoder_config(size):
    layers = {"ch": size.width, "ch_mult": list(size.factors), "num_res_blocks": size.blocks, "attn_resolutions": []}
    pixels = {"in_channels": 3, "out_ch": 3, "resolution": 256, "dropout": 0.0}
    latents = {"double_z": True, "z_channels": size.latents}
    return {
        "embed_dim": size.latents,
        "ddconfig": layers | pixels | latents,
        "lossconfig": {"target": "torch.nn.Identity"},
    }


def resampler_config(size, frames):
    widths = {"dim": size.width, "dim_head": size.head_width, "embedding_dim": size.inputs, "output_dim": size.outputs}
    return widths | {
        "depth": size.depth,
        "heads": size.heads,
        "num_queries": size.queries,
        "ff_mult": 4,
        "video_length": frames,
    }


def tower_config(size, folder):
    """Tell open_clip of our size; returns the arguments of their embedders."""
    open_clip = pytest.importorskip("open_clip", reason="the official towers need open_clip 2.22", exc_type=ImportError)
    text, image = ({"width": tower.width, "layers": tower.layers} for tower in (size.text, size.image))
    text |= {"context_length": 77, "vocab_size": 49408, "heads": size.text.heads}
    image |= {"image_size": size.pixels, "patch_size": size.patch, "head_width": size.image.width // size.image.heads}
    (folder / "ours.json").write_text(json.dumps({"embed_dim": size.joint, "vision_cfg": image, "text_cfg": text}))
    open_clip.add_model_config(folder)
    return {"arch": "ours", "version": None, "device": "cpu"}


def official_unet(size, frames):
    """Their U-Net of our size."""
    return upstream().unet.UNetModel(**lvdm_settings(size, frames))


def official_parts(size):
    """Their networks of our size, by the prefixes of their names in a checkpoint; needs open_clip."""
    lvdm = upstream()
    with TemporaryDirectory() as folder:
        tower = tower_config(size.clip, Path(folder))
        return {
            "model.diffusion_model.": official_unet(size.unet, size.frames),
            "first_stage_model.": lvdm.autoencoder.AutoencoderKL(**autoencoder_config(size.autoencoder)),
            "cond_stage_model.": lvdm.condition.FrozenOpenCLIPEmbedder(**tower, layer="penultimate"),
            "embedder.": lvdm.condition.FrozenOpenCLIPImageEmbedderV2(**tower),
            "image_proj_model.": lvdm.resampler.Resampler(**resampler_config(size.resampler, size.frames)),
        }


def official_model(size):
    """Their whole model of our size with our random weights."""
    from omegaconf import OmegaConf

    parts = official_parts(size)
    nothing = {"target": "torch.nn.Identity"}
    schedule = {"parameterization": "v", "rescale_betas_zero_snr": True} if size.velocity else {}
    schedule |= {"use_dynamic_rescale": size.base_scale != 1.0, "base_scale": size.base_scale}
    config = {"first_stage_config": nothing, "cond_stage_config": nothing, "img_cond_stage_config": nothing}
    unet = {"target": "lvdm.modules.networks.openaimodel3d.UNetModel", "params": lvdm_settings(size.unet, size.frames)}
    config |= {"image_proj_stage_config": nothing, "unet_config": unet, "conditioning_key": "hybrid", **schedule}
    config |= {"scale_factor": 0.18215, "linear_start": 0.00085, "linear_end": 0.012, "timesteps": 1000, "channels": 4}
    model = upstream().ddpm.LatentVisualDiffusion(**OmegaConf.create(config | {"use_ema": False}))
    model.model.diffusion_model = parts["model.diffusion_model."]
    model.first_stage_model, model.cond_stage_model = parts["first_stage_model."], parts["cond_stage_model."]
    model.embedder, model.image_proj_model = parts["embedder."], parts["image_proj_model."]
    return randomise(model)


def difference(ours, theirs):
    """The largest difference relative to the largest value."""
    return float((ours - theirs).abs().max() / theirs.abs().max())
