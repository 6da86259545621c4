"""Which nodes a place of the surface follows, level by level, and which nodes are neighbours."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from to4d.model.surface_graph import SurfaceGraph, skin_weights, spread, thinned


@dataclass(frozen=True)
class Skin:
    """Shares of the surface in L levels of nodes; the first level is one node in the middle, which all follow alike."""

    graph: SurfaceGraph
    nodes: Tensor  # (K, 3) of all levels, at rest
    shares: tuple[Tensor, ...]  # (A, K_l) of every place of the graph in the nodes of each level
    reaches: tuple[float, ...]  # how far nodes of each level reach, world units
    samples: Tensor  # (P,) int64 places of the graph that are spread evenly

    def of(self, points: Tensor) -> list[Tensor]:
        """(N, K_l) shares of points (N, 3), which are those of the nearest places."""
        near = torch.from_numpy(self.graph.nearest(points.detach().cpu().double().numpy()))
        return [share[near].to(points) for share in self.shares]

    def sampled(self, like: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Evenly spread places (P, 3) and their shares (P, K_l)."""
        places = torch.from_numpy(self.graph.points)[self.samples]
        return places.to(like), [share[self.samples].to(like) for share in self.shares]

    @cached_property
    def neighbours(self) -> tuple[Tensor, Tensor]:
        """Pairs (E, 2) of nodes of the finest level that share places, and how much of the surface (E,); sum 1."""
        share = self.shares[-1][self.samples]
        both = torch.triu(share.T @ share, diagonal=1)
        fine = self.nodes[-share.shape[1] :]
        both[torch.cdist(fine, fine) < 1e-3 * self.reaches[0]] = 0.0
        pairs = both.nonzero()
        return pairs, both[pairs[:, 0], pairs[:, 1]] / both.sum().clamp_min(1e-12)


def nodes_on(graph: SurfaceGraph, counts: tuple[int, ...]) -> Tensor:
    """(K, 3) places for the nodes of all levels, `counts` on the surface each, and the one in the middle first."""
    middle = graph.points[thinned(graph.points, 0.05)].mean(0, keepdims=True)
    return torch.from_numpy(np.concatenate([middle, *(graph.points[spread(graph, n)] for n in counts)])).float()


def skin_of(graph: SurfaceGraph, nodes: Tensor, counts: tuple[int, ...], apart: float) -> Skin:
    """The skin of nodes (K, 3), see `nodes_on`, with samples about `apart` from each other."""
    samples = thinned(graph.points, apart)
    middle, *levels = nodes.double().cpu().split((1, *counts))
    size = float(np.linalg.norm(graph.points[samples] - middle.numpy(), axis=1).mean())
    shares, reaches = [torch.ones(len(graph.points), 1)], [size]
    for level in levels:
        share, reach = skin_weights(graph, graph.nearest(level.numpy()))
        shares.append(torch.from_numpy(share).float())
        reaches.append(reach)
    return Skin(graph, nodes.cpu().clone(), tuple(shares), tuple(reaches), torch.from_numpy(samples))
