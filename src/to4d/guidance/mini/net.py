"""The whole denoiser: codec, templates, motion head, trunk.

    x0 = g * codec(first frame seen through head flow + correction) + (1 - g) * (a z - s v)

with the gate g, correction and velocity v from the trunk. Clips are (B, V, C, 16, 16) inside this file.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d

from to4d.guidance.mini.codec import PatchCodec
from to4d.guidance.mini.flow import GRID, Outline, coordinates, find_object, outline_terms, smooth_flow, warp
from to4d.guidance.mini.head import FRAMES, Head, MotionHead, TextEmbeddings, summary
from to4d.guidance.mini.templates import TemplateBank, Templates, evidence
from to4d.guidance.mini.tensors import map_tensors
from to4d.guidance.mini.text_encoder import TextEncoder
from to4d.guidance.mini.trunk import Trunk
from to4d.guidance.mini.vocabulary import Tokens

WORD_WIDTH = 160


@dataclass(frozen=True)
class FirstFrame:
    """All that depends on the first frame alone; made once a camera."""

    image: Tensor  # (B, S, S, 3)
    outline: Outline
    templates: Templates
    has_image: Tensor  # (B,) bool, False where the denoiser is not shown the image
    azimuth_deg: Tensor  # (B,) of the camera; NaN is unknown

    def repeat(self, times: int) -> "FirstFrame":
        """The batch `times` times over."""
        return map_tensors(self, lambda x: x.repeat(times, *[1] * (x.dim() - 1)))


@dataclass(frozen=True)
class Prediction:
    """The denoiser's answer."""

    clean: Tensor  # (B, V, C, 16, 16)
    head_flow: Tensor  # (B, V, 3, 16, 16) the smooth part of the backward flow
    flow: Tensor  # (B, V, 3, 16, 16) with the trunk's correction to what crosses the view
    forward: Tensor  # (B, V, 3, 16, 16) smooth, from frame 0
    attention: Tensor  # (B, V, 16, 16) to the noun


class MiniNet(nn.Module):
    """Text and image to video, denoising; `words` is the size of the vocabulary."""

    def __init__(self, words: int) -> None:
        super().__init__()
        self.codec, self.bank = PatchCodec(), TemplateBank()
        self.text, self.head, self.trunk = TextEncoder(words, WORD_WIDTH, 5), MotionHead(WORD_WIDTH), Trunk(WORD_WIDTH)

    def first_frame(
        self,
        images: Tensor,
        relief: Tensor | None = None,
        has_image: Tensor | None = None,
        azimuth_deg: Tensor | None = None,
    ) -> FirstFrame:
        """Templates of first frames (B, S, S, 3) with `relief` (B, 16, 16), seen from azimuths (B,).

        Images without `has_image` (B,) count as empty.
        """
        has_image = torch.ones(len(images), dtype=torch.bool, device=images.device) if has_image is None else has_image
        if azimuth_deg is None:
            azimuth_deg = torch.full(has_image.shape, torch.nan, device=has_image.device)
        outline = find_object(images, relief, has_image)
        return FirstFrame(images, outline, self.bank(self.codec, images, outline), has_image, azimuth_deg)

    def encode_words(self, tokens: Tokens) -> TextEmbeddings:
        """Vectors of prompts."""
        return TextEmbeddings(self.text(tokens), tokens.present, tokens.noun)

    def head_coefficients(
        self,
        features: Tensor,
        words: TextEmbeddings,
        image: Tensor,
        has_image: Tensor,
        level: Tensor,
        stride: Tensor,
        azimuth_deg: Tensor,
        head: Head | None = None,
    ) -> tuple[Tensor, Tensor]:
        """The motion head, blind where it has no image; `image` (B, F) is its `summary`."""
        head = self.head if head is None else head
        return head(features * has_image[:, None, None], words, image * has_image[:, None], level, stride, azimuth_deg)

    def forward(
        self,
        noisy: Tensor,
        alpha_bar: Tensor,
        first: FirstFrame,
        words: TextEmbeddings,
        stride: Tensor,
        head: Head | None = None,
    ) -> Prediction:
        """Denoise (B, V, C, 16, 16) with signal shares (B,) and frame strides (B,); `head` may stand in for its own."""
        signal, noise = alpha_bar.sqrt(), (1.0 - alpha_bar).sqrt()
        level = torch.log(signal / noise)
        templates = first.templates
        features = evidence(templates.match(noisy, signal), templates.energy, signal, noise)
        image = summary(templates.still, first.outline.stack(), first.outline.relief)
        coefficients, tokens = self.head_coefficients(
            features, words, image, first.has_image, level, stride, first.azimuth_deg, head
        )
        terms = outline_terms(first.outline)
        head_flow, forward = (smooth_flow(each, terms) for each in coefficients.unbind(2))
        has_image = first.has_image[:, None, None, None, None]
        still = templates.still[:, None].expand_as(noisy) * has_image
        layers = torch.cat([first.image, first.outline.inside[..., None], first.outline.bulge[..., None]], -1)
        across = head_flow.detach()[:, :, :2]
        moved = warp(layers, across)
        warped = self.codec.encode(moved[..., :3]) * has_image
        shape = avg_pool2d(moved[..., 3:].flatten(0, 1).movedim(-1, 1), moved.shape[2] // GRID)
        place = torch.stack(coordinates(first.outline)[:3], 1)[:, None].expand(-1, FRAMES, -1, -1, -1)
        maps = torch.cat([noisy, warped, still, across, place, shape.unflatten(0, noisy.shape[:2])], 2)
        out = self.trunk(maps, words, tokens.detach(), level, templates.still, first.has_image)
        across = across + out.flow
        warped = self.codec.encode(warp(first.image, across))
        trust = torch.sigmoid(2.0 * out.gate + (3.0 * noise - 1.0)[:, None, None, None, None]) * has_image
        a, s = signal[:, None, None, None, None], noise[:, None, None, None, None]
        clean = trust * warped + (1.0 - trust) * (a * noisy - s * out.velocity)
        flow = torch.cat([across, head_flow[:, :, 2:]], 2)
        return Prediction(clean, head_flow, flow, forward, out.attention)
