"""The official code of DynamiCrafter, for tests that compare ours with it.

TO4D_LVDM names a check-out of github.com/Doubiiu/DynamiCrafter; einops must be installed, and open_clip 2.22 with
kornia and torchvision for the towers. Packages that the check-out imports without need are replaced by stubs.
"""

import importlib
import os
import sys
from contextlib import contextmanager
from functools import cache
from types import ModuleType, SimpleNamespace

import pytest
import torch


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
        pytest.skip("TO4D_LVDM names no check-out of github.com/Doubiiu/DynamiCrafter")
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


def official_unet(size, frames):
    """Their U-Net of our size."""
    return upstream().unet.UNetModel(
        in_channels=2 * size.latents,
        out_channels=size.latents,
        model_channels=size.width,
        attention_resolutions=[2**level for level in range(size.attended)],
        num_res_blocks=size.blocks,
        channel_mult=list(size.factors),
        dropout=0.1,
        num_head_channels=size.head_width,
        transformer_depth=1,
        context_dim=size.context,
        use_linear=True,
        use_checkpoint=False,
        temporal_conv=True,
        temporal_attention=True,
        temporal_selfatt_only=True,
        use_relative_position=False,
        use_causal_attention=False,
        temporal_length=frames,
        addition_attention=True,
        image_cross_attention=True,
        image_cross_attention_scale_learnable=size.learnt_scale,
        default_fs=3,
        fs_condition=True,
    )


def difference(ours, theirs):
    """The largest difference relative to the largest value."""
    return float((ours - theirs).abs().max() / theirs.abs().max())
