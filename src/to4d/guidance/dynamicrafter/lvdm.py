"""`guidance.implementation=lvdm`: the official U-Net in place of ours, with the same weights, for those who doubt ours.

It is used as it is, from a check-out of github.com/Doubiiu/DynamiCrafter on PYTHONPATH (docs/dynamicrafter.md).
"""

from importlib import import_module
from typing import Any

import torch
from torch import Tensor, nn

from to4d.errors import InputError
from to4d.guidance.dynamicrafter.attention import UNetContext, split_heads
from to4d.guidance.dynamicrafter.attention_maps import layer_attention_map
from to4d.guidance.dynamicrafter.sizes import UNetSize
from to4d.guidance.dynamicrafter.unet import UNet


def lvdm_settings(size: UNetSize, frames: int) -> dict[str, Any]:
    """Our sizes in their words."""
    widths = {"model_channels": size.width, "channel_mult": list(size.factors), "num_head_channels": size.head_width}
    inputs = {"in_channels": 2 * size.latents, "out_channels": size.latents, "context_dim": size.context}
    depths = {"num_res_blocks": size.blocks, "transformer_depth": 1, "temporal_length": frames, "dropout": 0.1}
    yes = ("use_linear", "temporal_conv", "temporal_attention", "temporal_selfatt_only", "addition_attention")
    yes += ("image_cross_attention", "fs_condition")
    no = ("use_checkpoint", "use_relative_position", "use_causal_attention")
    return {
        **widths,
        **inputs,
        **depths,
        **dict.fromkeys(yes, True),
        **dict.fromkeys(no, False),
        "attention_resolutions": [2**level for level in reversed(range(size.attended))],
        "image_cross_attention_scale_learnable": size.learnt_scale,
    }


class OfficialUNet(nn.Module):
    """Their U-Net with the values of ours, called as ours is. Its weights stay in float32: its norms allow no other."""

    def __init__(self, ours: UNet, frames: int) -> None:
        super().__init__()
        try:
            network = import_module("lvdm.modules.networks.openaimodel3d").UNetModel
        except ImportError as error:
            raise InputError(
                f"guidance.implementation=lvdm needs the official code, but {error}; put a check-out of "
                "github.com/Doubiiu/DynamiCrafter on PYTHONPATH and `pip install einops`, or say implementation=ours"
            ) from error
        with torch.device("meta"):
            self.net = network(**lvdm_settings(ours.size, frames))
        self.net.load_state_dict(ours.state_dict(), assign=True)
        self.net.requires_grad_(False).eval().float()
        self.marks: Tensor | None = None
        self.maps: list[Tensor] = []
        for layer in self.net.modules():
            if getattr(layer, "image_cross_attention", False) and hasattr(layer, "to_k_ip"):
                layer.register_forward_pre_hook(self._watch, with_kwargs=True)

    def forward(
        self, noisy: Tensor, still: Tensor, t: Tensor, pace: Tensor, context: UNetContext
    ) -> tuple[Tensor, list]:
        """As `UNet.forward`."""
        views = context.image.shape[1]
        self.marks = None if context.marks is None else context.marks.repeat_interleave(views, 0)
        self.maps, size = [], noisy.shape[-2:]
        both = torch.cat([noisy, still[:, :, None].expand_as(noisy)], dim=1).float()
        tokens = torch.cat([context.text, context.image.flatten(1, 2)], dim=1).float()  # 77 + 16 V: they count on it
        with torch.autocast(noisy.device.type, noisy.dtype, enabled=noisy.dtype is not torch.float32):
            prediction = self.net(both, t, context=tokens, fs=pace)
        rows = [round((m.shape[1] * size[0] / size[1]) ** 0.5) for m in self.maps]  # a map has h' w' places
        return prediction, [m.unflatten(1, (row, -1)) for m, row in zip(self.maps, rows, strict=True)]

    def _watch(self, layer: Any, args: tuple, kwargs: dict) -> None:
        """Note where a layer will look, from what it is about to read."""
        if self.marks is not None:
            count, words = len(self.marks), layer.text_context_len
            text, image = kwargs["context"][:count, :words], kwargs["context"][:count, words:]
            parts = (layer.to_q(args[0][:count]), layer.to_k(text), layer.to_k_ip(image))
            self.maps.append(layer_attention_map(self.marks, *(split_heads(x, layer.heads) for x in parts)))
