"""Dynamic degree as VBench measures it: by RAFT's flow."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from to4d.metrics import motion_amount as motion
from to4d.metrics.jsonable import jsonable
from to4d.metrics.networks.load_weights import load_strictly, read_weights, require_weights, weights_record
from to4d.metrics.networks.pretrained_files import PRETRAINED
from to4d.metrics.networks.raft_net import RaftNet
from to4d.metrics.per_view import per_view
from to4d.metrics.renders import EvaluationRenders

NAMES = ("dynamic_degree_raft", "flow_top5_raft", "flow_raft")


@dataclass(frozen=True)
class RaftFlow:
    """`dynamic_degree_raft`: VBench's yes or no a view, and the continuous figures behind it, as in `motion`."""

    weights: str | None = None
    iterations: int = 20

    def __call__(self, renders: EvaluationRenders) -> dict[str, Any]:
        """Figures by name.

        Raises:
            NotComputed: without weights.
        """
        path = require_weights(self.weights, "measures.raft.weights", PRETRAINED["raft"], NAMES)
        network = load_strictly(RaftNet(), read_weights(path, strip="module."), path)

        def measure(b: int) -> dict[str, float]:
            flow = raft_flows(network, renders.clips.rgb[b], self.iterations)
            degree, top5 = float(motion.is_dynamic(flow)), motion.flow_top5(flow).mean().item()
            magnitude = motion.flow_magnitude(flow, renders.clips.opacity[b, ..., 0])
            return dict(zip(NAMES, (degree, top5, magnitude), strict=True))

        return jsonable({f"eval/{name}": value for name, value in per_view(renders.names, measure).items()})

    def recipe(self) -> dict[str, Any]:
        """What the figures rest on."""
        return {
            "network": "RAFT",
            "iterations": self.iterations,
            "weights": weights_record(self.weights, PRETRAINED["raft"]),
        }


@torch.no_grad()
def raft_flows(network: RaftNet, frames: Tensor, iterations: int) -> Tensor:
    """(V, H, W, 3) in [0, 1] -> (V - 1, H, W, 2) from each frame to the next, as `motion.optical_flow`."""
    pictures = frames.movedim(-1, 1)
    pairs = zip(pictures[:-1], pictures[1:], strict=True)
    return torch.cat([network(now[None], later[None], iterations) for now, later in pairs]).movedim(1, -1)
