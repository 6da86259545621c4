"""Encodes a still and a prompt into what DynamiCrafter is conditioned on."""

from dataclasses import dataclass

import torch
from torch import Tensor

from to4d.guidance.dynamicrafter.attention import UNetContext
from to4d.guidance.dynamicrafter.model import DynamiCrafterNetworks
from to4d.guidance.dynamicrafter.noun_tokens import clip_noun_marks
from to4d.lexicon.clip_tokenizer import tokenise
from to4d.types import Prompt


@dataclass(frozen=True)
class DynamiCrafterCondition:
    """What `denoise` needs of B stills and a prompt."""

    still: Tensor  # (B, C, h, w) latents
    text: Tensor  # (2, L, D) tokens of the prompt and of the negative prompt, which may be empty
    image: Tensor  # (B, V, Q, D) tokens of the stills
    no_image: Tensor  # (1, V, Q, D) tokens of a grey image
    marks: Tensor  # (L,) ones at the noun's tokens

    def context(self, guided: bool, apart: bool = False) -> UNetContext:
        """Of B clips; if `guided`, of B more that know neither words nor image tokens (but do see the still).

        If `apart`, B that know the image tokens alone come between.
        """
        count = len(self.still)
        words, image, marks = self.text[:1].expand(count, -1, -1), self.image, self.marks.expand(count, -1)
        no_words, no_image = self.text[1:].expand(count, -1, -1), self.no_image.expand(count, -1, -1, -1)
        texts = [words] + [no_words] * (guided + apart)
        images = [image] + [image] * apart + [no_image] * guided
        return UNetContext(torch.cat(texts), torch.cat(images), marks)


class ConditionEncoder:
    """Encodes stills and prompts; caches the tokens of texts and of the grey image for each device."""

    def __init__(self, networks: DynamiCrafterNetworks) -> None:
        self.networks = networks
        self.known: dict[tuple, Tensor] = {}

    def __call__(self, images: Tensor, latents: Tensor, prompt: Prompt) -> DynamiCrafterCondition:
        """First frames (B, 3, H, W) in [-1, 1] and their latents."""
        device = images.device
        text = torch.stack([self.text(words, device) for words in (prompt.text, prompt.negative)])
        marks = clip_noun_marks(prompt.text, prompt.noun).to(device)
        return DynamiCrafterCondition(
            latents, text, self.image(images), self.no_image(tuple(images.shape[1:]), device), marks
        )

    def text(self, words: str, device: torch.device) -> Tensor:
        """(L, D)."""
        if (words, device) not in self.known:
            self.known[words, device] = self.networks.text(tokenise(words)[None].to(device))[0]
        return self.known[words, device]

    def image(self, images: Tensor) -> Tensor:
        """(n, 3, H, W) in [-1, 1] -> (n, V, Q, D)."""
        return self.networks.resampler(self.networks.image(images))

    def no_image(self, shape: tuple[int, ...], device: torch.device) -> Tensor:
        """(1, V, Q, D)."""
        if (shape, device) not in self.known:
            self.known[shape, device] = self.image(torch.zeros(1, *shape, device=device))
        return self.known[shape, device]
