"""Motion smoothness as VBench measures it: how well AMT-S interpolates every second frame from its neighbours."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from to4d.errors import InputError
from to4d.metrics.jsonable import jsonable
from to4d.metrics.networks.amt_net import SMALLEST, AmtNet
from to4d.metrics.networks.load_weights import load_strictly, read_weights, require_weights, weights_record
from to4d.metrics.networks.pretrained_files import PRETRAINED
from to4d.metrics.per_view import per_view
from to4d.metrics.renders import EvaluationRenders

NAME = "smoothness"


@dataclass(frozen=True)
class AmtSmoothness:
    """`smoothness`, 0 to 1, mean over views. A white background is predicted perfectly: expect 0.99 of anything."""

    weights: str | None = None

    def __call__(self, renders: EvaluationRenders) -> dict[str, Any]:
        """Figures by name.

        Raises:
            NotComputed: without weights.
            InputError: if the pictures are too small, or three frames are not there.
        """
        path = require_weights(self.weights, "measures.amt.weights", PRETRAINED["amt"], (NAME,))
        _, frames, *size, _ = renders.clips.rgb.shape
        if min(size) < SMALLEST or frames < 3:
            raise InputError(
                f"motion smoothness needs three frames or more of {SMALLEST} pixels a side or more, and there are "
                f"{frames} of {min(size)}; ask for more, or leave amt out of measures"
            )
        network = load_strictly(AmtNet(), read_weights(path, inside="state_dict"), path)
        own = per_view(renders.names, lambda b: {NAME: motion_smoothness(network, renders.clips.rgb[b])})
        return jsonable({f"eval/{name}": value for name, value in own.items()})

    def recipe(self) -> dict[str, Any]:
        """What the figures rest on."""
        return {"network": "AMT-S", "weights": weights_record(self.weights, PRETRAINED["amt"])}


@torch.no_grad()
def motion_smoothness(network: nn.Module, frames: Tensor) -> float:
    """1 - mean |difference| between frames 1, 3, ... and those interpolated between 0, 2, ..., in bytes.

    The frames are (V, H, W, 3) in [0, 1]. VBench cuts the interpolated frames to bytes without rounding. The last frame
    is left out where V is even.

    >>> class Mean(nn.Module):
    ...     def forward(self, now, later):
    ...         return (now + later) / 2.0
    >>> motion_smoothness(Mean(), torch.tensor([0.0, 0.5, 0.4, 0.0]).view(4, 1, 1, 1).expand(4, 2, 2, 3))
    0.698...
    """
    pictures = frames.movedim(-1, 1)
    ends, between = pictures[::2], pictures[1::2]
    answers = [network(now[None], later[None])[0] for now, later in zip(ends[:-1], ends[1:], strict=True)]
    predicted, rendered = torch.stack(answers).mul(255.0).floor(), between[: len(answers)].mul(255.0).round()
    return 1.0 - (predicted - rendered).abs().double().mean().item() / 255.0
