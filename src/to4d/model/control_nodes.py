"""A motion by control nodes on the mesh (as in SC-GS): nodes translate, rotate and grow, and space follows them.

Forward, a surface point goes where the nodes around it take it (`forward_map`): blended similarity transforms of each
level of nodes, fine levels first and coarse ones after them, all the identity at t = 0. Backward, as rendering needs
it, the maps of evenly spread points are inverted and transferred to a grid (`kernels.particle_grid`). Nodes with affine
maps, and their energy, are those of embedded deformation (Sumner et al. 2007); weights fall with geodesic distance, so
that one leg does not pull the other.
"""

from functools import reduce

import torch
from torch import Tensor, nn

from to4d.errors import InputError
from to4d.kernels.affine import compose_maps, identity_map, inverse, similarity_maps, transform_points
from to4d.kernels.particle_grid import particles_to_grid
from to4d.kernels.time_grid import interpolate_grid
from to4d.model.deformation import linear_basis
from to4d.model.node_weights import NodeWeights, compute_node_weights, sample_nodes
from to4d.model.surface_graph import SurfaceGraph, surface_graph
from to4d.types import Mesh


class ControlNodes(nn.Module):
    """Similarity transforms of nodes over [0, 1], on the surface of the mesh that it is bound to.

    Args:
        nodes: numbers of nodes of the levels, from coarse to fine; above them is one for the whole object.
        time_cells: intervals of every temporal level.
        frames: steps of the backward motion, which is linear in time between them: more make rotations rounder.
        cells: of the backward motion's grid along an axis.
        merge_distance: parts of the mesh that are this near are connected, world units.
        arap_weight: of the as-rigid-as-possible term in `regularizer`; uniform growth is free.
        time_bending_weight: of bending in time.
    """

    rest_positions: Tensor

    def __init__(
        self,
        nodes: tuple[int, ...] = (12, 96),
        time_cells: tuple[int, ...] = (1, 3, 9),
        frames: int = 18,
        cells: int = 24,
        merge_distance: float = 0.01,
        arap_weight: float = 40.0,
        time_bending_weight: float = 0.25,
    ) -> None:
        super().__init__()
        self.counts, self.time_cells, self.frames = tuple(nodes), tuple(time_cells), frames
        self.cells, self.merge_distance = cells, merge_distance
        self.arap_weight, self.time_bending_weight = arap_weight, time_bending_weight
        self.knots = nn.ParameterList(  # of each node: its translation, its rotation, and the logarithm of its scale
            nn.Parameter(torch.zeros(steps, count, 7)) for count in (1, *nodes) for steps in time_cells
        )
        self.register_buffer("rest_positions", torch.zeros(1 + sum(nodes), 3))  # (K, 3) of the nodes, at rest
        self.graph: SurfaceGraph | None = None
        self._weights: NodeWeights | None = None
        self._placed: tuple[NodeWeights, Tensor, list[Tensor]] | None = None  # points asked for last
        self._cached: tuple[Tensor, Tensor] | None = None  # the knots, and the vectors that were computed from them

    def bind(self, mesh: Mesh) -> None:
        """Live on this mesh: spread the nodes over its surface."""
        max_edge = 1.0 / self.cells
        self.graph = surface_graph(mesh.vertices.numpy(), mesh.faces.numpy(), max_edge, self.merge_distance)
        self.rest_positions.copy_(sample_nodes(self.graph, self.counts))

    @property
    def weights(self) -> NodeWeights:
        """The surface's weights in the nodes; computed again when other nodes were loaded."""
        if self.graph is None:
            raise InputError("control nodes live on a mesh; give them one with bind(mesh)")
        nodes = self.rest_positions.cpu()
        if self._weights is None or not torch.equal(self._weights.nodes, nodes):
            self._weights = compute_node_weights(self.graph, nodes, self.counts, spacing=1.0 / self.cells)
        return self._weights

    def node_maps(self, times: Tensor) -> list[Tensor]:
        """(T,) -> the similarity transforms (T, K, 3, 4) of each level, from coarse to fine.

        Rotations and scales are in units of how far they move what is a node's radius away: one learning rate fits all.
        """
        knots, maps = iter(self.knots), []
        levels = self.rest_positions.split((1, *self.counts))
        for centres, radius in zip(levels, self.weights.radii, strict=True):
            values = [torch.tensordot(linear_basis(times * n, n), next(knots), 1) for n in self.time_cells]
            shift, rotation, growth = reduce(torch.add, values).split([3, 3, 1], -1)
            maps.append(similarity_maps(centres, shift, rotation / radius, growth / radius))
        return maps

    def blend_maps(self, weights: list[Tensor], times: Tensor) -> Tensor:
        """(T, N, 3, 4) maps at times (T,) of points with weights (N, K) in the nodes of every level."""
        still = identity_map(self.rest_positions)
        pairs = zip(weights, self.node_maps(times), strict=True)
        levels = [still + torch.einsum("nk,tkij->tnij", weight, maps - still) for weight, maps in pairs]
        return reduce(compose_maps, levels)

    def forward_map(self, points: Tensor, times: Tensor) -> tuple[Tensor, Tensor]:
        """Where surface points (N, 3) are at times (V,), exactly.

        Returns:
            Their positions (V, N, 3), and there the Jacobians (V, N, 3, 3) of the way back, at fixed weights.
        """
        maps = self.blend_maps(self.weights.at(points), times.to(points))
        return transform_points(maps, points), inverse(maps)[..., :3]

    def weights_at(self, points: Tensor) -> list[Tensor]:
        """The weights of points (N, 3), kept for the next call: a renderer asks for the same vertices in every step."""
        weights, placed = self.weights, self._placed
        if placed is None or placed[0] is not weights or not same_device_and_values(placed[1], points):
            placed = self._placed = weights, points.detach().clone(), weights.at(points)
        return placed[2]

    def move(self, points: Tensor, times: Tensor) -> Tensor:
        """The positions of `forward_map`, level by level: quicker than by maps of all points."""
        still, places = identity_map(points), points[:, None].expand(-1, len(times), -1)
        levels = list(zip(self.weights_at(points), self.node_maps(times.to(points)), strict=True))
        for weight, maps in reversed(levels):
            change = (maps - still).transpose(0, 1).flatten(1)  # (K, T * 12)
            places = places + transform_points((weight @ change).view(*places.shape, 4), places)
        return places.transpose(0, 1)

    def forward(self, points: Tensor, times: Tensor) -> Tensor:
        """Backward motion d(x, t): (N, 3), (N,) -> (N, 3)."""
        return interpolate_grid(points, times, self.vectors()) if times.any() else torch.zeros_like(points)

    def vectors(self) -> Tensor:
        """The backward motion at the nodes of its grid: (T, X, Y, Z, 3); the first time is 0.

        Cached for the same knots, with its graph if they are trained; a backward pass drops the cache.
        """
        knots = torch.cat([*(x.detach().flatten() for x in self.knots), self.rest_positions.flatten()])
        trained = any(x.requires_grad for x in self.knots)
        cached = self._cached
        known = cached is not None and same_device_and_values(cached[0], knots) and cached[1].requires_grad >= trained
        if not known:
            with torch.enable_grad():
                cached = self._cached = knots, self.compute_vectors()
            if trained:
                cached[1].register_hook(self._drop_cache)
        return cached[1] if torch.is_grad_enabled() else cached[1].detach()

    def _drop_cache(self, *_: Tensor) -> None:
        self._cached = None

    def compute_vectors(self) -> Tensor:
        """`vectors`, without the cache."""
        times = torch.arange(1, self.frames + 1).to(self.rest_positions) / self.frames
        rest, weights = self.weights.evenly_spread(self.rest_positions)
        maps = self.blend_maps(weights, times)
        positions, back = transform_points(maps, rest), inverse(maps) - identity_map(maps)
        vectors = particles_to_grid(positions, back, self.cells)
        return torch.cat([torch.zeros_like(vectors[:1]), vectors])

    def levels(self) -> list[list[nn.Parameter]]:
        """The knots of each level of nodes, from coarse to fine."""
        count = len(self.time_cells)
        return [list(self.knots[i : i + count]) for i in range(0, len(self.knots), count)]

    def regularizer(self) -> Tensor:
        """As-rigid-as-possible energy of the finest nodes and bending of their paths in time, weighted.

        The energy is the mean over neighbours i, j (weighted by the surface that they share) and times of
        |M_i p_j - M_j p_j|^2 / |p_i - p_j|^2 with M_i the map at node i: 0 where all move, rotate and grow alike.
        """
        weights, steps = self.weights, self.time_cells[-1]
        pairs, shared = (x.to(self.rest_positions.device) for x in weights.neighbours)
        fine = self.rest_positions[-self.counts[-1] :]
        maps = self.blend_maps(weights.at(fine), torch.arange(1, steps + 1).to(fine) / steps)
        i, j = torch.cat([pairs, pairs.flip(1)]).T
        apart = (fine[i] - fine[j]).square().sum(-1)
        off = (transform_points(maps[:, i], fine[j]) - transform_points(maps[:, j], fine[j])).square().sum(-1) / apart
        offsets = transform_points(maps, fine) - fine
        bend = torch.cat([torch.zeros_like(offsets[:1]), offsets]).diff(n=2, dim=0).square().mean()
        return self.arap_weight * 0.5 * (shared.repeat(2) * off).sum(-1).mean() + self.time_bending_weight * bend


def same_device_and_values(a: Tensor, b: Tensor) -> bool:
    """Whether two tensors are of one type, on one device and equal."""
    return (a.dtype, a.device) == (b.dtype, b.device) and torch.equal(a, b)
