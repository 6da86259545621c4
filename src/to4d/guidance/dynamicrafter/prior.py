"""The paper's image-to-video prior: `guidance=dynamicrafter` (Xing et al. 2023).

First frame and words in, latent clips of 16 frames out; docs/dynamicrafter.md says where the weights come from.
"""

import logging
from collections.abc import Callable, Mapping
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate
from torch.utils.checkpoint import checkpoint

from to4d.errors import AUTOENCODER, NETWORK, InputError, memory_of
from to4d.guidance.dynamicrafter.attention import UNetContext
from to4d.guidance.dynamicrafter.attention_maps import as_attention_maps, mean_noun_map
from to4d.guidance.dynamicrafter.condition import ConditionEncoder, DynamiCrafterCondition
from to4d.guidance.dynamicrafter.lvdm import OfficialUNet
from to4d.guidance.dynamicrafter.model import DynamiCrafterNetworks
from to4d.guidance.dynamicrafter.noun_tokens import clip_noun_marks
from to4d.guidance.dynamicrafter.official_checkpoint import checkpoint_path, load_networks, read_checkpoint
from to4d.guidance.dynamicrafter.schedule import (
    classifier_free_guidance,
    clean_from,
    clip_scale,
    power,
    rescale_guidance,
    signal_share,
    trained_share,
)
from to4d.guidance.dynamicrafter.sizes import SIZES
from to4d.guidance.dynamicrafter.transformers import SpatialTransformer
from to4d.guidance.dynamicrafter.unet import UNet
from to4d.guidance.random_weights import randomise
from to4d.protocols import ATTENTION_MAPS, IMAGE_SCALE, NEGATIVE_PROMPT, attention_layer
from to4d.types import Denoised, Prompt, check_shape

log = logging.getLogger(__name__)
Option = TypeVar("Option")
SCALE = 0.18215  # makes latents of variance about 1
PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16}
MODES = {"None": False, "default": True, "reduce-overhead": True, "max-autotune": True}  # of torch.compile
UNETS: dict[str, Callable[[UNet, int], nn.Module]] = {"ours": lambda unet, frames: unet, "lvdm": OfficialUNet}


class DynamiCrafter(nn.Module):
    """Frozen. Clips are (B, 16, H, W, 3); latents (B, 4, 16, H / 8, W / 8) of variance about 1.

    Args:
        size: "256", "512" or "1024", a published model; "tiny" and "tiny_velocity" are the same in small with random
            weights, for tests of the program.
        weights: a safetensors file (see `official_checkpoint.py`); None is the one that `python -m to4d.weights`
            fetched; "random" is none: for measuring speed, as `bench/gpu.py` does.
        pace: None is the model's own. At 256 it is a frame stride, 1 to 6, and more moves more; at 512 (15 to 30) and
            1024 (5 to 15) it is frames a second, and less moves more.
        guidance_rescale: pulls guided predictions to the spread of plain ones: 0.7 when sampling at 512 and 1024; 0 in
            score distillation.
        precision: of the networks that carry no gradient.
        autoencoder_precision: of the autoencoder, through which gradients go to the clip.
        chunk: frames that the autoencoder takes at once; a clip of more is computed again for its gradient.
        coarsest: counts the attention of layers down to latents / `coarsest`.
        implementation: of the U-Net: "ours", or "lvdm", the official code (see `lvdm.py`).
        compile: the U-Net, by torch.compile in this mode, which takes minutes at the first step: "default",
            "max-autotune", or with CUDA graphs "reduce-overhead"; None does not.
    """

    alpha_bar: Tensor
    share: Tensor
    clip_scale: Tensor

    def __init__(
        self,
        size: str = "256",
        weights: str | None = None,
        pace: int | None = None,
        guidance_rescale: float = 0.0,
        precision: str = "float32",
        autoencoder_precision: str = "float32",
        chunk: int = 16,
        coarsest: int = 2,
        implementation: str = "ours",
        compile: str | None = None,
    ) -> None:
        super().__init__()
        self.shape = _choice("size", str(size), SIZES)
        self.networks = DynamiCrafterNetworks(self.shape)
        layers = sum(isinstance(part, SpatialTransformer) for part in self.networks.unet.modules())
        attention = {ATTENTION_MAPS, *map(attention_layer, range(layers))}
        self.abilities = frozenset({NEGATIVE_PROMPT, IMAGE_SCALE}) | attention
        self._load(str(size), weights)
        self.requires_grad_(False).eval()
        self.dtype = _choice("precision", precision, PRECISIONS)
        of_autoencoder = _choice("autoencoder_precision", autoencoder_precision, PRECISIONS)
        for part in self.networks.children():
            part.to(of_autoencoder if part is self.networks.autoencoder else self.dtype)
        as_chosen = _choice("implementation", implementation, UNETS)
        self.networks.model["diffusion_model"] = as_chosen(self.networks.unet, self.shape.frames)
        if _choice("compile", str(compile), MODES):
            self.networks.model["diffusion_model"].compile(mode=compile)
        share, scale = trained_share(self.shape.velocity), clip_scale(self.shape.base_scale)
        self.register_buffer("alpha_bar", signal_share(share, scale).float(), persistent=False)
        self.register_buffer("share", share.float(), persistent=False)
        self.register_buffer("clip_scale", scale.float(), persistent=False)
        self.frames, self.size = self.shape.frames, self.shape.resolution
        self.pace = _pace(pace, self.shape.pace, self.shape.paces)
        self.guidance_rescale, self.chunk, self.coarsest = guidance_rescale, chunk, coarsest
        self.reader = ConditionEncoder(self.networks)

    def train(self, mode: bool = True) -> "DynamiCrafter":
        """Stays in evaluation mode, whatever its owner does."""
        return super().train(False)

    def unknown_words(self, text: str) -> list[tuple[str, str]]:
        """None: it reads any word by its letters."""
        return []

    def check_prompt(self, prompt: Prompt) -> None:
        """Find out, before any work, whether the prior can read a prompt.

        Raises:
            InputError: if the noun is not among the tokens that it reads.
        """
        clip_noun_marks(prompt.text, prompt.noun)

    @memory_of(AUTOENCODER)
    def encode(self, frames: Tensor) -> Tensor:
        """(B, V, H, W, 3) in [0, 1] -> (B, 4, V, h, w), differentiable; the mean of what the autoencoder allows."""
        check_shape("frames", frames, (self.frames, None, None, 3))  # it was trained on clips of this length alone
        images = self._images(frames.flatten(0, 1))
        again = images.requires_grad and len(images) > self.chunk
        encode = self.networks.autoencoder.encode
        parts = [checkpoint(encode, x, use_reentrant=False) if again else encode(x) for x in images.split(self.chunk)]
        return SCALE * torch.cat(parts).unflatten(0, frames.shape[:2]).transpose(1, 2)

    @memory_of(AUTOENCODER)
    def decode(self, latents: Tensor) -> Tensor:
        """(B, 4, V, h, w) -> (B, V, H, W, 3) in [0, 1]."""
        flat = latents.transpose(1, 2).flatten(0, 1) / SCALE
        images = torch.cat([self.networks.autoencoder.decode(part) for part in flat.split(self.chunk)])
        return ((images + 1.0) / 2.0).clamp(0.0, 1.0).movedim(1, -1).unflatten(0, (len(latents), -1))

    @torch.no_grad()
    @memory_of(NETWORK)
    def condition(self, still: Tensor, prompt: Prompt) -> DynamiCrafterCondition:
        """First frames (B, H, W, 3) and one prompt; raises if the prompt does not name its noun."""
        images = self._images(still)
        return self.reader(images, SCALE * self.networks.autoencoder.encode(images), prompt)

    @torch.no_grad()
    @memory_of(NETWORK)
    def denoise(
        self,
        noisy: Tensor,
        t: int,
        condition: DynamiCrafterCondition,
        guidance_scale: float,
        image_scale: float | None = None,
    ) -> Denoised:
        """z_t (B, 4, V, h, w) at step t -> x0 and the attention to the noun.

        Guidance is p_u + scale (p_c - p_u) on the network's prediction p, where u is without words (or with the
        negative prompt) and without image tokens, but sees the still. With `image_scale` it is
        p_u + image_scale (p_i - p_u) + scale (p_c - p_i), where i has the image tokens too.
        """
        check_shape("noisy", noisy, (4, self.frames, None, None))
        share, scale = self.share[t], self.clip_scale[t]
        scaled = noisy * power(share, scale).sqrt()
        context = condition.context(
            guided=guidance_scale != 1.0 or image_scale is not None, apart=image_scale is not None
        )
        predictions, maps = self._predict(scaled, t, condition.still, context)
        prediction = classifier_free_guidance(predictions, guidance_scale, image_scale)
        if self.guidance_rescale and len(predictions) > 1:
            prediction = rescale_guidance(prediction, predictions[0], self.guidance_rescale)
        clean = clean_from(prediction, scaled, share, self.shape.velocity) / scale
        layers = tuple(as_attention_maps(m, self.frames) for m in maps)
        attention = mean_noun_map(layers, (noisy.shape[-2], noisy.shape[-1]), self.coarsest)
        return Denoised(clean, attention, attention_maps=layers)

    def _load(self, size: str, weights: str | None) -> None:
        """Give the networks their values."""
        if size.startswith("tiny"):
            randomise(self.networks)
        elif weights == "random":
            log.warning("guidance.weights=random: the prior knows nothing and makes no motion")
            randomise(self.networks, distinct=2**18)  # drawing all 2.4 thousand million takes minutes
        else:
            load_networks(self.networks, read_checkpoint(checkpoint_path(weights, size)), self.shape)

    def _predict(self, noisy: Tensor, t: int, still: Tensor, context: UNetContext) -> tuple[tuple[Tensor, ...], list]:
        """One prediction for each clip that `context` tells of, in as many parts of B, and where it looked."""
        times = len(context.text) // len(noisy)
        steps, paces = (torch.full((len(context.text),), number, device=noisy.device) for number in (t, self.pace))
        still, noisy = (x.to(self.dtype).repeat(times, *[1] * (x.ndim - 1)) for x in (still, noisy))
        prediction, maps = self.networks.unet(noisy, still, steps, paces, context)
        return prediction.float().chunk(times), maps

    def _images(self, frames: Tensor) -> Tensor:
        """(n, H', W', 3) in [0, 1] -> (n, 3, H, W) in [-1, 1]: clips and stills come to the model's size alike."""
        images = frames.movedim(-1, 1).float()
        if tuple(images.shape[-2:]) != self.size:
            images = interpolate(images, self.size, mode="bilinear", antialias=True)
        return 2.0 * images - 1.0


def _choice(name: str, value: str, options: Mapping[str, Option]) -> Option:
    if value not in options:
        raise InputError(f"guidance.{name} is {value!r}; choose one of {', '.join(options)}")
    return options[value]


def _pace(pace: int | None, default: int, limits: tuple[int, int]) -> int:
    if pace is not None and not limits[0] <= pace <= limits[1]:
        raise InputError(
            f"guidance.pace={pace} is outside of what this model was trained on, {limits[0]} to {limits[1]}"
        )
    return default if pace is None else pace
