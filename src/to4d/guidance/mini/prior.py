"""The embedded image-to-video prior: `guidance=mini`.

It has the interface of DynamiCrafter in small: first frame and words in, latent clips of 16 frames out, classifier-free
guidance, a frame stride, and the cross-attention to the prompt's noun. docs/mini_prior.md is its model card.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d, interpolate

from to4d.guidance.mini.adapter import load_adapted_head, needs_adapter, select_head
from to4d.guidance.mini.flow import GRID, warp
from to4d.guidance.mini.gait_words import gait_of
from to4d.guidance.mini.gaits import Gaits
from to4d.guidance.mini.head import FRAMES, Head, TextEmbeddings
from to4d.guidance.mini.net import FirstFrame
from to4d.guidance.mini.schedule import alpha_bar
from to4d.guidance.mini.tensors import map_tensors, to_device
from to4d.guidance.mini.vocabulary import Tokens
from to4d.guidance.mini.weights import SHIPPED, load_weights
from to4d.protocols import CAMERA_AZIMUTH, OPTICAL_FLOW, RELIEF
from to4d.types import Denoised, Prompt, check_shape

SIZE = 64


@dataclass(frozen=True)
class MiniCondition:
    """What `denoise` needs of a still and a prompt; the second half of each batch is the same without the prompt."""

    both: FirstFrame  # (2 B, ...)
    words: TextEmbeddings  # (2 B, ...)
    uses_adapter: Tensor | None = None  # (2 B,) bool, what the adapted head answers; None if nothing
    gait: Tensor | None = None  # (B, V, 2, 3, 16, 16) the mean flows of what a prompt wants limbs to do

    def __len__(self) -> int:
        return len(self.both.image) // 2


class MiniPrior(nn.Module):
    """Frozen. Clips are (B, 16, 64, 64, 3); latents (B, 8, 16, 16, 16) with root mean square about 1.

    Beside the clean clip it predicts scene flow: where every place of a frame came from, and where those of the first
    frame have gone, in three dimensions.

    Args:
        weights: a safetensors file; None is the one in the package, with the adapter that was trained for it.
        frame_stride: motion time between frames: 0.5 is slow motion, 1.5 is hurried (trained on 0.5 to 1.5).
        sees_image: whether it is shown the first frame; without, it is a text-to-video prior ("w/o image-to-video").
        knows_view: whether the camera's azimuth is an input, as in priors made for several views; without, each view
            decides for itself which way things go.
    """

    alpha_bar: Tensor  # (1000,) the signal's share of the power

    def __init__(
        self, weights: str | None = None, frame_stride: float = 1.0, sees_image: bool = True, knows_view: bool = True
    ) -> None:
        super().__init__()
        self.abilities = frozenset({RELIEF, OPTICAL_FLOW} | ({CAMERA_AZIMUTH} if knows_view else set()))
        self.net, self.vocabulary = load_weights(SHIPPED if weights is None else Path(weights))
        self.adapted = load_adapted_head(self.net.head) if weights is None else None
        self.gaits = Gaits()
        self.register_buffer("alpha_bar", alpha_bar(), persistent=False)
        self.frames, self.size, self.frame_stride = FRAMES, (SIZE, SIZE), frame_stride
        self.sees_image = sees_image
        self.requires_grad_(False).eval()

    def train(self, mode: bool = True) -> "MiniPrior":
        """Stays in evaluation mode, whatever its owner does."""
        return super().train(False)

    def unknown_words(self, text: str) -> list[tuple[str, str]]:
        """Words of `text` outside the vocabulary, each with the nearest word in it."""
        return self.vocabulary.unknown_words(text)

    def check_prompt(self, prompt: Prompt) -> None:
        """Find out, before any work, whether the prior can read a prompt.

        Raises:
            InputError: if the noun is not among the words that it reads.
        """
        self.vocabulary.encode([prompt.text], [prompt.noun])

    def encode(self, frames: Tensor) -> Tensor:
        """(B, 16, H, W, 3) in [0, 1] -> (B, 8, 16, 16, 16), linear and differentiable; resized to 64 x 64 first."""
        check_shape("frames", frames, (FRAMES, None, None, 3))
        frames = resized(frames.flatten(0, 1)).unflatten(0, frames.shape[:2])
        return self.net.codec.encode(frames).transpose(1, 2)

    def decode(self, latents: Tensor) -> Tensor:
        """(B, 8, 16, 16, 16) -> (B, 16, 64, 64, 3) in [0, 1]."""
        return self.net.codec.decode(latents.transpose(1, 2)).clamp(0.0, 1.0)

    @torch.no_grad()
    def condition(
        self, still: Tensor, prompt: Prompt, relief: Tensor | None = None, azimuth_deg: Tensor | None = None
    ) -> MiniCondition:
        """First frames (B, H, W, 3) and one prompt; raises if the prompt does not name its noun.

        With `relief` (B, H, W, 1) the denoiser knows how far the surface stands out; else it takes it for round.
        With `azimuth_deg` (B,) it knows which way things go as they are seen from there; else it decides.
        """
        still = resized(still)
        tokens = self.vocabulary.encode([prompt.text], [prompt.noun])
        relief = None if relief is None else on_grid(relief)
        known = self.conditions(still, tokens[torch.zeros(len(still), dtype=torch.long)], relief, azimuth_deg)
        gait = gait_of(prompt.text, prompt.noun)
        if gait is None or azimuth_deg is None or not self.sees_image:
            return known
        first = map_tensors(known.both, lambda x: x[: len(known)])
        return replace(known, gait=self.gaits(gait, first.outline, first.azimuth_deg, self.frame_stride))

    @torch.no_grad()
    def conditions(
        self, stills: Tensor, tokens: Tokens, relief: Tensor | None = None, azimuth_deg: Tensor | None = None
    ) -> MiniCondition:
        """First frames (B, 64, 64, 3), each with a prompt of its own, perhaps a relief (B, 16, 16) and an azimuth."""
        empty = tokens.dropped(torch.ones(len(stills), dtype=torch.bool))
        both = Tokens(*(torch.cat([getattr(each, k) for each in (tokens, empty)]) for k in Tokens.__dataclass_fields__))
        device = self.alpha_bar.device
        has_image = torch.full((len(stills),), self.sees_image, device=device)
        relief, azimuth_deg = (None if x is None else x.to(device).float() for x in (relief, azimuth_deg))
        first = self.net.first_frame(stills.to(device).float(), relief, has_image, azimuth_deg)
        both = to_device(both, device)
        return MiniCondition(first.repeat(2), self.net.encode_words(both), self.uses_adapter(both))

    def uses_adapter(self, tokens: Tokens) -> Tensor | None:
        """Which prompts (B,) the adapted head answers; None if it answers none."""
        rows = None if self.adapted is None else needs_adapter(tokens, self.vocabulary)
        return None if rows is None or not rows.any() else rows

    def head(self, uses_adapter: Tensor | None) -> Head | None:
        """The head that answers; None is the net's own."""
        if uses_adapter is None or self.adapted is None:
            return None
        return select_head(uses_adapter, self.net.head, self.adapted)

    @torch.no_grad()
    def denoise(self, noisy: Tensor, t: int, condition: MiniCondition, guidance_scale: float) -> Denoised:
        """z_t (B, 8, 16, 16, 16) at step t -> x0 and the attention to the noun.

        Guidance is x0_u + scale (x0_c - x0_u) in latents, where u is without the prompt but with the first frame; then
        the clip is clipped to colours in [0, 1] (static thresholding), which is exact because the codec is linear.
        """
        count, guided = len(condition), guidance_scale != 1.0
        first, words, uses_adapter = condition.both, condition.words, condition.uses_adapter
        if not guided:
            first, words, uses_adapter = map_tensors((first, words, uses_adapter), lambda x: x[:count])
        frames = noisy.transpose(1, 2)
        rows = 2 * count if guided else count
        frames = torch.cat([frames, frames]) if guided else frames
        stride = torch.full((rows,), self.frame_stride, device=noisy.device)
        prediction = self.net(frames, self.alpha_bar[t].expand(rows), first, words, stride, self.head(uses_adapter))
        answers = (prediction.clean, prediction.flow, prediction.forward)
        if condition.gait is not None:
            answers = self._with_gait(answers, condition.gait, first.image[:count])
        clean, flow, forward = (x[count:].lerp(x[:count], guidance_scale) if guided else x for x in answers)
        clean = self.net.codec.encode(self.net.codec.decode(clean).clamp(0.0, 1.0))
        attention = prediction.attention[:count]
        attention = attention / attention.amax((1, 2, 3), keepdim=True).clamp_min(1e-6)
        return Denoised(clean.transpose(1, 2), attention, flow, forward_flow=forward)

    def _with_gait(self, answers: tuple[Tensor, ...], gait: Tensor, image: Tensor) -> tuple[Tensor, ...]:
        """Clean clips, flows and forward flows; the first rows, which know the prompt, go as the gait says.

        The net's own flow is left out: it sees the gait in the noised clip and would add it a second time.
        """
        (clean, flow, forward), count = (x.clone() for x in answers), len(gait)
        before = self.net.codec.encode(warp(image, flow[:count, :, :2]))
        flow[:count], forward[:count] = gait.unbind(2)
        clean[:count] += self.net.codec.encode(warp(image, flow[:count, :, :2])) - before
        return clean, flow, forward


def resized(images: Tensor) -> Tensor:
    """(n, H, W, c) -> (n, 64, 64, c), differentiable."""
    if tuple(images.shape[1:3]) == (SIZE, SIZE):
        return images
    return interpolate(images.movedim(-1, 1), (SIZE, SIZE), mode="bilinear", antialias=True).movedim(1, -1)


def on_grid(relief: Tensor) -> Tensor:
    """The mean relief (B, H, W, 1) of what is there in each latent pixel: (B, 16, 16).

    >>> on_grid(torch.tensor([2.0, 0.0]).repeat(64, 32)[None, ..., None]).unique()
    tensor([2.])
    """
    there = (relief != 0.0).float()
    total, share = (adaptive_avg_pool2d(x[..., 0], GRID) for x in (relief, there))
    return total / share.clamp_min(1e-3)


def sample(
    prior: MiniPrior,
    condition: MiniCondition,
    guidance_scale: float,
    steps: int,
    rng: torch.Generator,
    eta: float = 0.0,
) -> Tensor:
    """Latent clips from noise by DDIM (eta 0) or ancestral sampling (eta 1): (B, 8, 16, 16, 16)."""
    times = torch.linspace(len(prior.alpha_bar) - 1, 0, steps).round().long().tolist()
    z = torch.randn(len(condition), 8, FRAMES, 16, 16, generator=rng).to(prior.alpha_bar)
    for t, following in zip(times, [*times[1:], None], strict=True):
        clean = prior.denoise(z, t, condition, guidance_scale).clean
        if following is None:
            return clean
        now, after = prior.alpha_bar[t], prior.alpha_bar[following]
        noise = (z - now.sqrt() * clean) / (1.0 - now).sqrt()
        fresh = eta * ((1.0 - after) / (1.0 - now) * (1.0 - now / after)).sqrt()
        z = after.sqrt() * clean + (1.0 - after - fresh**2).clamp_min(0.0).sqrt() * noise
        z = z + fresh * torch.randn(z.shape, generator=rng).to(z)
    raise ValueError(f"steps must be positive, got {steps}")
