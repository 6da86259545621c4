"""CLIP similarities of a run (Sec. 4.1): of every frame to the mesh, to the next frame and to the prompt."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import cosine_similarity

from to4d.errors import InputError, NotComputed
from to4d.metrics.jsonable import jsonable
from to4d.metrics.networks.load_weights import require_weights, weights_record
from to4d.metrics.networks.pretrained_files import PRETRAINED, PretrainedFile
from to4d.metrics.per_view import per_view
from to4d.metrics.renders import EvaluationRenders

NAMES = ("clip_i", "clip_f", "clip_t")
INSTALL = "open_clip is not there; install it by: pip install -e '.[metrics]'"


@dataclass(frozen=True)
class ClipSimilarity:
    """`clip_i` to the mesh, `clip_f` between consecutive frames, `clip_t` to the prompt: cosines, means over all.

    Args:
        variant: a name of open_clip; the paper does not say which (its CLIP-T of 27 to 29 fits ViT-B-32 and ViT-L-14).
        weights: a file that open_clip reads for it.
        device: where it runs.
    """

    variant: str = "ViT-B-32"
    weights: str | None = None
    device: str = "cpu"

    def __call__(self, renders: EvaluationRenders) -> dict[str, Any]:
        """Figures by name.

        Raises:
            NotComputed: without weights or without the package.
        """
        path = require_weights(self.weights, "measures.clip.weights", self.pretrained, NAMES)
        clip = OpenClip(self.variant, path, self.device)
        prompt = clip.words(renders.scene.prompt.text)
        mesh = clip.pictures(renders.mesh.rgb[:, 0])
        clips = [clip.pictures(frames) for frames in renders.clips.rgb]
        own = per_view(renders.names, lambda b: clip_similarities(clips[b], mesh[b : b + 1], prompt))
        return jsonable({f"eval/{name}": value for name, value in own.items()})

    def recipe(self) -> dict[str, Any]:
        """What the figures rest on."""
        return {"network": f"open_clip {self.variant}", "weights": weights_record(self.weights, self.pretrained)}

    @property
    def pretrained(self) -> PretrainedFile:
        """Weights of the variant."""
        if self.variant == "ViT-B-32":
            return PRETRAINED["open_clip"]
        return PretrainedFile("", f"open_clip-{self.variant}", f"weights of open_clip's {self.variant}", "")


def clip_similarities(frames: Tensor, mesh: Tensor, prompt: Tensor) -> dict[str, float]:
    """Mean cosines of frames' features (V, c) with those of the mesh (1, c), of the next frame, of the prompt (1, c).

    >>> x = torch.eye(2)
    >>> clip_similarities(x[[0, 0, 1]], x[:1], x[1:])
    {'clip_i': 0.6666666865348816, 'clip_f': 0.5, 'clip_t': 0.3333333432674408}
    """
    pairs = ((frames, mesh), (frames[:-1], frames[1:]), (frames, prompt))
    return {name: cosine_similarity(a, b).mean().item() for name, (a, b) in zip(NAMES, pairs, strict=True)}


class OpenClip:
    """A CLIP of open_clip, with its own way to prepare pictures and words."""

    def __init__(self, variant: str, weights: Path, device: str = "cpu") -> None:
        """Load it.

        Raises:
            NotComputed: if open_clip is not installed.
            InputError: if it knows no such variant, or the weights are of another.
        """
        try:
            import open_clip
        except (ImportError, RuntimeError) as error:  # a broken torchvision raises the latter
            raise NotComputed(list(NAMES), f"{INSTALL} ({error})") from error
        if variant not in open_clip.list_models():
            raise InputError(f"measures.clip.variant={variant} is no model of open_clip")
        try:
            self.model, _, self.prepare = open_clip.create_model_and_transforms(variant, pretrained=str(weights))
        except (RuntimeError, AssertionError, KeyError) as error:  # whatever open_clip makes of it
            raise InputError(f"{weights} holds other weights than {variant} has: {error}") from error
        self.model, self.device = self.model.to(device).eval(), device
        self.tokenize = open_clip.get_tokenizer(variant)

    @torch.no_grad()
    def pictures(self, rgb: Tensor) -> Tensor:
        """(n, H, W, 3) in [0, 1] -> features (n, c)."""
        images = [Image.fromarray(np.asarray((255.0 * x).round(), np.uint8)) for x in rgb]
        return self.model.encode_image(torch.stack([self.prepare(image) for image in images]).to(self.device)).cpu()

    @torch.no_grad()
    def words(self, text: str) -> Tensor:
        """Features (1, c)."""
        return self.model.encode_text(self.tokenize([text]).to(self.device)).cpu()
