"""Temporal style as VBench measures it: ViCLIP's likeness of clip and prompt."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity, interpolate

from to4d.lexicon.clip_tokenizer import tokenise
from to4d.metrics.jsonable import jsonable
from to4d.metrics.networks.load_weights import load_strictly, read_weights, require_weights, weights_record
from to4d.metrics.networks.pretrained_files import PRETRAINED
from to4d.metrics.networks.viclip_net import ViclipNet
from to4d.metrics.per_view import per_view
from to4d.metrics.renders import EvaluationRenders

NAME = "style"
MEAN, SPREAD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)  # of CLIP's colours


@dataclass(frozen=True)
class ViclipStyle:
    """`style`: the cosine of a view's clip and the prompt, mean over views. The paper cites CLIP for it."""

    weights: str | None = None
    device: str = "cpu"

    def __call__(self, renders: EvaluationRenders) -> dict[str, Any]:
        """Figures by name.

        Raises:
            NotComputed: without weights.
        """
        path = require_weights(self.weights, "measures.viclip.weights", PRETRAINED["viclip"], (NAME,))
        with torch.device("meta"):
            network = ViclipNet()
        load_strictly(network, read_weights(path, inside="model"), path, assign=True).float().to(self.device)
        own = per_view(
            renders.names, lambda b: {NAME: temporal_style(network, renders.clips.rgb[b], renders.scene.prompt.text)}
        )
        return jsonable({f"eval/{name}": value for name, value in own.items()})

    def recipe(self) -> dict[str, Any]:
        """What the figures rest on."""
        return {"network": "ViCLIP-L, InternVid-10M-FLT", "weights": weights_record(self.weights, PRETRAINED["viclip"])}


@torch.no_grad()
def temporal_style(network: ViclipNet, frames: Tensor, text: str) -> float:
    """Cosine of the features of frames (V, H, W, 3) in [0, 1] and of a sentence."""
    device, size = network.temp.device, network.size
    clip = prepare_for_clip(frames[middle_frames(len(frames), size.frames)], size.pixels)
    video = network.vision_encoder(clip[None].to(device))
    words = network.text_encoder(tokenise(text, size.tokens)[None].to(device))
    return cosine_similarity(video, words).item()


def middle_frames(have: int, want: int) -> list[int]:
    """The frames in the middle of `want` equal parts of a clip; the last once more where there are fewer.

    >>> middle_frames(16, 8), middle_frames(64, 8), middle_frames(3, 5)
    ([0, 2, 4, 6, 8, 10, 12, 14], [3, 11, 19, 27, 35, 43, 51, 59], [0, 1, 2, 2, 2])
    """
    parts = min(have, want)
    ends = [have * i // parts for i in range(parts + 1)]
    found = [(low + high - 1) // 2 for low, high in zip(ends[:-1], ends[1:], strict=True)]
    return found + [found[-1]] * (want - parts)


def prepare_for_clip(frames: Tensor, pixels: int) -> Tensor:
    """(V, H, W, 3) in [0, 1] -> (V, 3, pixels, pixels) in CLIP's colours, as VBench does it.

    The shorter side is made to fit, bicubic without smoothing and rounded to bytes; then the middle is cut out.
    """
    small = min(frames.shape[1:3])
    size = [pixels * side // small for side in frames.shape[1:3]]
    whole = interpolate(255.0 * frames.movedim(-1, 1), size, mode="bicubic").round().clamp(0.0, 255.0)
    top, left = (round((side - pixels) / 2.0) for side in size)
    cut = whole[..., top : top + pixels, left : left + pixels] / 255.0
    mean, spread = (cut.new_tensor(x)[:, None, None] for x in (MEAN, SPREAD))
    return (cut - mean) / spread
