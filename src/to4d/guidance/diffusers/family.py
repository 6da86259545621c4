"""The protocol of a family of diffusers models, and the condition that its network takes: still, prompt, noun."""

from dataclasses import dataclass
from typing import Any, Protocol

from torch import Tensor, nn

from to4d.guidance.diffusers.schedule import ScheduleTables


@dataclass(frozen=True)
class DiffusersCondition:
    """Inputs of the network beside the noised clip. The two texts are the prompt and the negative prompt."""

    words: Tensor | None = None  # (2, L, D) tokens; None where the model reads none
    mask: Tensor | None = None  # (2, L) ones at the tokens that it may look at; None is all
    marks: Tensor | None = None  # (L,) ones at the noun's tokens
    still: Tensor | None = None  # (B, C', v, h, w) what is shown beside the clip, or (B, C, h, w): see the family
    image: Tensor | None = None  # (B, l, D') tokens of the still

    def text_tokens(self, x: Tensor, unconditional: bool) -> Tensor:
        """(B, L, D) of the prompt, or of the negative prompt, for clips x (B, ...)."""
        return _given(self.words)[int(unconditional)].expand(len(x), -1, -1).to(x)

    def text_mask(self, x: Tensor, unconditional: bool) -> Tensor:
        """(B, L) for these tokens."""
        return _given(self.mask)[int(unconditional)].expand(len(x), -1)

    def still_latents(self, x: Tensor) -> Tensor:
        """`still` on the device of x and in its precision."""
        return _given(self.still).to(x)

    def image_tokens(self, x: Tensor) -> Tensor:
        """`image` on the device of x and in its precision."""
        return _given(self.image).to(x)


def _given(value: Tensor | None) -> Tensor:
    if value is None:
        raise ValueError("the network of this family needs a part of the condition that it never encoded")
    return value


@dataclass(frozen=True)
class ClipShape:
    """Length and image size of the clips that a model takes."""

    frames: int  # V
    image: tuple[int, int]  # (H, W)


class ModelFamily(Protocol):
    """A family of models. `pipe` is its pipeline, whose components are used; images are (..., 3, H, W) in [-1, 1]."""

    pipeline: str  # the class in diffusers
    network: str  # the component that denoises
    temporal_compression: int  # frames in a latent frame, except in the first; 1: each frame has its own
    min_guidance_scale: float | None  # guidance of the first frame, if it rises from there over the frames

    def tiny(self) -> Any:
        """A small pipeline of the same classes with random weights."""

    def tables(self, pipe: Any) -> ScheduleTables:
        """Its schedule."""

    def attention_layers(self, pipe: Any) -> list[nn.Module]:
        """The layers that look at words, if they do nothing else; else none."""

    def encode_text(self, pipe: Any, text: str) -> tuple[Tensor, Tensor | None] | None:
        """Tokens (L, D) of a text and their mask (L,), computed where the text encoder is; None if it reads none."""

    def encode_stills(self, pipe: Any, images: Tensor, frames: int) -> tuple[Tensor | None, Tensor | None]:
        """`DiffusersCondition.still` and `DiffusersCondition.image` of (B, 3, H, W), for clips of so many frames."""

    def encode(self, pipe: Any, clips: Tensor, chunk: int) -> Tensor:
        """(B, 3, V, H, W) -> (B, C, v, h, w) of variance about 1, differentiable."""

    def decode(self, pipe: Any, latents: Tensor, chunk: int) -> Tensor:
        """(B, C, v, h, w) -> (B, 3, V, H, W)."""

    def predict(self, pipe: Any, x: Tensor, time: Tensor, condition: DiffusersCondition, unconditional: bool) -> Tensor:
        """The prediction for (B, C, v, h, w) at a time (); `unconditional` leaves out what guidance leads away from."""
