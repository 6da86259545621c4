"""An image-to-video model of diffusers as a prior (docs/priors.md), made of the components of its pipeline."""

import logging
from collections.abc import Mapping
from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from to4d.errors import AUTOENCODER, NETWORK, InputError, memory_of
from to4d.guidance.diffusers.attention_capture import capture_attention, mean_noun_attention
from to4d.guidance.diffusers.family import ClipShape, DiffusersCondition, ModelFamily
from to4d.guidance.diffusers.load_pipeline import load_pipeline
from to4d.guidance.diffusers.noun_spans import token_noun_marks
from to4d.guidance.diffusers.schedule import TableSchedule
from to4d.protocols import NEGATIVE_PROMPT
from to4d.types import Denoised, Prompt, check_shape

log = logging.getLogger(__name__)
PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16}


class DiffusersPrior(nn.Module):
    """Frozen. Clips are (B, V, H, W, 3), latents (B, C, v, h, w): autoencoders of clips join frames, so v is below V.

    The text encoder, the largest part of some models, stays on the CPU: it runs once a prompt.

    Args:
        family: what is particular to the model.
        model: name on the hub or folder.
        shapes: of clips, for each `size`: {full: {frames: 81, image: [480, 480]}, tiny: ...}.
        size: "full", or "tiny": the same classes in small with random weights.
        revision: of the hub's repository.
        download: fetch what is not on this machine.
        precision: of the networks; the autoencoder computes in float32.
        chunk: images that an autoencoder of images takes at once.
        coarsest: counts the attention of layers down to latents / `coarsest`.
    """

    def __init__(
        self,
        family: ModelFamily,
        model: str,
        shapes: Mapping[str, Mapping[str, Any]],
        size: str = "full",
        revision: str | None = None,
        download: bool = False,
        precision: str = "float32",
        chunk: int = 8,
        coarsest: int = 2,
    ) -> None:
        super().__init__()
        if size not in shapes or precision not in PRECISIONS:
            raise InputError(
                f"guidance.size is {size!r} and guidance.precision {precision!r}; choose one of {', '.join(shapes)} "
                f"and one of {', '.join(PRECISIONS)}"
            )
        self.family, self.shape = family, shape_of(shapes[size], family.temporal_compression)
        self.dtype, tiny = PRECISIONS[precision], size == "tiny"
        self.pipe = family.tiny() if tiny else load_pipeline(family, model, revision, download, self.dtype)
        self.network = getattr(self.pipe, family.network)
        self.second = getattr(self.pipe, f"{family.network}_2", None)  # for some of the steps
        self.vae, self.image_encoder = self.pipe.vae, getattr(self.pipe, "image_encoder", None)
        if tiny:
            self._cast()
        self.requires_grad_(False).eval()
        self.schedule = TableSchedule(family.tables(self.pipe))
        self.frames, self.size = self.shape.frames, self.shape.image
        self.chunk, self.coarsest = chunk, coarsest
        self.known: dict[str, tuple[Tensor, Tensor | None] | None] = {}
        reads = getattr(self.pipe, "tokenizer", None) is not None
        self.abilities = frozenset({NEGATIVE_PROMPT} if reads else ())
        if not reads:
            log.warning("guidance: %s reads no words; it moves the object as it likes", type(family).__name__)
        if not family.attention_layers(self.pipe):
            log.info("guidance: %s has no attention to words alone; masks take opacity instead", type(family).__name__)

    @property
    def alpha_bar(self) -> Tensor:
        """(T,) signal shares."""
        return self.schedule.alpha_bar

    def train(self, mode: bool = True) -> "DiffusersPrior":
        """Stays in evaluation mode, whatever its owner does."""
        return super().train(False)

    def unknown_words(self, text: str) -> list[tuple[str, str]]:
        """None: it reads any word by its letters, or no words."""
        return []

    @torch.no_grad()
    def check_prompt(self, prompt: Prompt) -> None:
        """Find out, before any work, whether the prior can read a prompt.

        Raises:
            InputError: if the noun is not among the tokens that it reads.
        """
        if (read := self._read(prompt.text)) is not None:
            token_noun_marks(self.pipe.tokenizer, prompt.text, prompt.noun, read[0].shape[0])

    @memory_of(AUTOENCODER)
    def encode(self, frames: Tensor) -> Tensor:
        """(B, V, H, W, 3) in [0, 1] -> (B, C, v, h, w), differentiable; the mean of what the autoencoder allows."""
        check_shape("frames", frames, (self.frames, None, None, 3))
        images = self._images(frames.flatten(0, 1)).unflatten(0, frames.shape[:2])
        return self.family.encode(self.pipe, images.transpose(1, 2), self.chunk)

    @memory_of(AUTOENCODER)
    def decode(self, latents: Tensor) -> Tensor:
        """(B, C, v, h, w) -> (B, V, H, W, 3) in [0, 1]."""
        clips = self.family.decode(self.pipe, latents, self.chunk)
        return ((clips + 1.0) / 2.0).clamp(0.0, 1.0).movedim(1, -1)

    @torch.no_grad()
    @memory_of(NETWORK)
    def condition(self, still: Tensor, prompt: Prompt) -> DiffusersCondition:
        """First frames (B, H, W, 3) and one prompt; raises if the prompt does not name its noun."""
        latents, tokens = self.family.encode_stills(self.pipe, self._images(still), self.frames)
        texts = [read for text in (prompt.text, prompt.negative) if (read := self._read(text)) is not None]
        if not texts:
            return DiffusersCondition(still=latents, image=tokens)
        words, masks = torch.stack([each for each, _ in texts]), [mask for _, mask in texts if mask is not None]
        mask = torch.stack(masks) if masks else None
        marks = token_noun_marks(self.pipe.tokenizer, prompt.text, prompt.noun, words.shape[1])
        return DiffusersCondition(words, mask, marks.to(words.device), latents, tokens)

    @torch.no_grad()
    @memory_of(NETWORK)
    def denoise(self, noisy: Tensor, t: int, condition: DiffusersCondition, guidance_scale: float) -> Denoised:
        """z_t (B, C, v, h, w) at step t -> x0 and the attention to the noun.

        Guidance is p_u + scale (p_c - p_u) on the network's prediction p; the family says which conditions u lacks.
        """
        prediction, maps = self.predict(noisy, t, condition, guidance_scale)
        frames, height, width = noisy.shape[2:]
        attention = mean_noun_attention(maps, len(noisy), (frames, height, width), self.coarsest) if maps else None
        return Denoised(self.schedule.clean(noisy, prediction, t), attention)

    def predict(
        self, noisy: Tensor, t: int, condition: DiffusersCondition, guidance_scale: float
    ) -> tuple[Tensor, list[Tensor]]:
        """What the pipeline would hand its scheduler, and the attention maps of the conditional pass."""
        x, time = (self.schedule.scale[t] * noisy).to(self.dtype), self.schedule.time[t]
        mask = None if condition.mask is None else condition.mask[0]
        marks, layers = condition.marks, self.family.attention_layers(self.pipe)
        with nullcontext([]) if marks is None or not layers else capture_attention(layers, marks, mask) as maps:
            plain = self.family.predict(self.pipe, x, time, condition, unconditional=False).float()
        if guidance_scale == 1.0:
            return plain, maps
        unconditional = self.family.predict(self.pipe, x, time, condition, unconditional=True).float()
        return unconditional.lerp(plain, self._scales(guidance_scale, noisy.shape[2]).to(plain)), maps

    def _scales(self, guidance_scale: float, frames: int) -> Tensor:
        """Of each frame, to be broadcast with latents."""
        first = guidance_scale if self.family.min_guidance_scale is None else self.family.min_guidance_scale
        return torch.linspace(first, guidance_scale, frames)[:, None, None]

    def _cast(self) -> None:
        """To the precision that a loaded model would have: some parts of networks stay in float32."""
        for part in (self.network, self.second, self.image_encoder, getattr(self.pipe, "text_encoder", None)):
            kept = getattr(part, "_keep_in_fp32_modules", None) or []
            for name, parameter in part.named_parameters() if part is not None else ():
                if not any(word in name for word in kept):
                    parameter.data = parameter.data.to(self.dtype)

    def _read(self, text: str) -> tuple[Tensor, Tensor | None] | None:
        """`ModelFamily.encode_text`, once a text."""
        if text not in self.known:
            self.known[text] = self.family.encode_text(self.pipe, text)
        read, device = self.known[text], self.alpha_bar.device
        return read and (read[0].to(device), None if read[1] is None else read[1].to(device))

    def _images(self, frames: Tensor) -> Tensor:
        """(n, H', W', 3) in [0, 1] -> (n, 3, H, W) in [-1, 1]: clips and stills come to the model's size alike."""
        images = frames.movedim(-1, 1).float()
        if tuple(images.shape[-2:]) != self.size:
            images = interpolate(images, self.size, mode="bilinear", antialias=True)
        return 2.0 * images - 1.0


def shape_of(shape: Mapping[str, Any], temporal_compression: int) -> ClipShape:
    """The shape from a config.

    Raises:
        InputError: if the autoencoder cannot join so many frames evenly.
    """
    frames = int(shape["frames"])
    if frames < 2 or (frames - 1) % temporal_compression:
        raise InputError(
            f"guidance.shapes has {frames} frames, but its autoencoder compresses time by {temporal_compression}: "
            f"choose {temporal_compression} n + 1"
        )
    return ClipShape(frames, tuple(shape["image"]))
