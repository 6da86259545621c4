"""Skinning weights of surface points in control nodes, level by level, and which nodes are neighbours."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from to4d.model.surface_graph import SurfaceGraph, farthest_point_sampling, geodesic_weights, voxel_downsample


@dataclass(frozen=True)
class NodeWeights:
    """Weights of the surface in L levels of nodes; the first level is one node in the middle, with weight 1."""

    graph: SurfaceGraph
    nodes: Tensor  # (K, 3) of all levels, at rest
    weights: tuple[Tensor, ...]  # (A, K_l) of every point of the graph in the nodes of each level
    radii: tuple[float, ...]  # of the nodes of each level, world units
    samples: Tensor  # (P,) int64 points of the graph, evenly spread

    def at(self, points: Tensor) -> list[Tensor]:
        """(N, K_l) weights of points (N, 3): those of the nearest points of the graph."""
        near = torch.from_numpy(self.graph.nearest(points.detach().cpu().double().numpy()))
        return [weight[near].to(points) for weight in self.weights]

    def evenly_spread(self, like: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Evenly spread points (P, 3) and their weights (P, K_l), of the type and on the device of `like`."""
        points = torch.from_numpy(self.graph.points)[self.samples]
        return points.to(like), [weight[self.samples].to(like) for weight in self.weights]

    @cached_property
    def neighbours(self) -> tuple[Tensor, Tensor]:
        """Pairs (E, 2) of nodes of the finest level with common points, and the surface they share (E,), sum 1."""
        weight = self.weights[-1][self.samples]
        both = torch.triu(weight.T @ weight, diagonal=1)
        fine = self.nodes[-weight.shape[1] :]
        both[torch.cdist(fine, fine) < 1e-3 * self.radii[0]] = 0.0
        pairs = both.nonzero()
        return pairs, both[pairs[:, 0], pairs[:, 1]] / both.sum().clamp_min(1e-12)


def sample_nodes(graph: SurfaceGraph, counts: tuple[int, ...]) -> Tensor:
    """(K, 3) positions for the nodes of all levels: one in the middle, then `counts` on the surface."""
    middle = graph.points[voxel_downsample(graph.points, 0.05)].mean(0, keepdims=True)
    levels = [graph.points[farthest_point_sampling(graph, count)] for count in counts]
    return torch.from_numpy(np.concatenate([middle, *levels])).float()


def compute_node_weights(graph: SurfaceGraph, nodes: Tensor, counts: tuple[int, ...], spacing: float) -> NodeWeights:
    """The weights of nodes (K, 3), see `sample_nodes`, with samples about `spacing` apart."""
    samples = voxel_downsample(graph.points, spacing)
    middle, *levels = nodes.double().cpu().split((1, *counts))
    size = float(np.linalg.norm(graph.points[samples] - middle.numpy(), axis=1).mean())
    weights, radii = [torch.ones(len(graph.points), 1)], [size]
    for level in levels:
        weight, radius = geodesic_weights(graph, graph.nearest(level.numpy()))
        weights.append(torch.from_numpy(weight).float())
        radii.append(radius)
    return NodeWeights(graph, nodes.cpu().clone(), tuple(weights), tuple(radii), torch.from_numpy(samples))
