"""LPIPS of a run (Sec. 4.1): how far every frame is from the mesh, and from the next frame."""

from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from to4d.metrics.jsonable import jsonable
from to4d.metrics.networks.load_weights import load_strictly, read_weights, require_weights, weights_record
from to4d.metrics.networks.lpips_net import LpipsNet, official_keys
from to4d.metrics.networks.pretrained_files import PRETRAINED, PretrainedFile
from to4d.metrics.per_view import per_view
from to4d.metrics.renders import EvaluationRenders

FILES = {"alex": ("alexnet", "lpips-alex"), "vgg": ("vgg16", "lpips-vgg")}  # of official weights


@dataclass(frozen=True)
class Lpips:
    """`lpips` to the mesh and `lpips_f` between consecutive frames, mean over frames and views; `lpips_vgg` with vgg.

    The paper does not say which network it used; the two differ a lot.
    """

    net: Literal["alex", "vgg"]
    backbone: str | None = None
    linear: str | None = None

    def __call__(self, renders: EvaluationRenders) -> dict[str, Any]:
        """Figures by name.

        Raises:
            NotComputed: without weights.
        """
        network = self.network()

        def measure(b: int) -> dict[str, float]:
            to_mesh, to_next = lpips_distances(network, renders.clips.rgb[b], renders.mesh.rgb[b])
            return dict(zip(self.names, (to_mesh.mean().item(), to_next.mean().item()), strict=True))

        return jsonable({f"eval/{name}": value for name, value in per_view(renders.names, measure).items()})

    @property
    def names(self) -> tuple[str, str]:
        """Of the figures."""
        return ("lpips", "lpips_f") if self.net == "alex" else ("lpips_vgg", "lpips_f_vgg")

    @property
    def pretrained(self) -> list[PretrainedFile]:
        """Weights of the backbone, and those that LPIPS adds."""
        return [PRETRAINED[name] for name in FILES[self.net]]

    def network(self) -> LpipsNet:
        """With its weights."""
        start, (big, small) = f"measures.{self.names[0]}", self.pretrained
        backbone = require_weights(self.backbone, f"{start}.backbone", big, self.names)
        linear = require_weights(self.linear, f"{start}.linear", small, self.names)
        network = LpipsNet(self.net)
        load_strictly(network, official_keys(read_weights(backbone), read_weights(linear)), linear)
        return network

    def recipe(self) -> dict[str, Any]:
        """What the figures rest on."""
        big, small = self.pretrained
        files = {"backbone": weights_record(self.backbone, big), "linear": weights_record(self.linear, small)}
        return {"network": f"LPIPS 0.1, {self.net}"} | files


@torch.no_grad()
def lpips_distances(network: nn.Module, clip: Tensor, mesh: Tensor) -> tuple[Tensor, Tensor]:
    """Of each frame (V, H, W, 3) to the mesh's picture (1, H, W, 3) -> (V,), and to the next frame -> (V - 1,)."""
    frames, still = clip.movedim(-1, 1), mesh.movedim(-1, 1)
    to_mesh = torch.cat([network(frame[None], still) for frame in frames])
    return to_mesh, torch.cat([network(a[None], b[None]) for a, b in zip(frames[:-1], frames[1:], strict=True)])
