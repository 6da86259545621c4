"""A motion that lives on the mesh: control nodes on its surface move, turn and grow; space follows them.

Forward, a place of the surface goes where the nodes around it take it (`moved`): blended similarities of each level of
nodes, fine ones first and coarse ones after them, all of them the identity at t = 0. Backward, as rendering needs it,
the maps of evenly spread places are undone and carried to a grid (`kernels.particle_grid`). Nodes with maps, and their
energy, are those of embedded deformation (Sumner et al. 2007); shares fall with the distance along the surface, so that
one leg does not pull the other.
"""

import torch
from torch import Tensor, nn

from to4d.errors import InputError
from to4d.kernels.affine import after, apply, identity, similarities, undone
from to4d.kernels.particle_grid import vectors_of_particles
from to4d.kernels.time_grid import interpolate
from to4d.model.deformation import ramps
from to4d.model.skin import Skin, nodes_on, skin_of
from to4d.model.surface_graph import SurfaceGraph, surface_graph
from to4d.types import Mesh


class Nodes(nn.Module):
    """Similarities of nodes over [0, 1], on the surface of the mesh that it is bound to.

    Args:
        nodes: how many each level has, from coarse to fine; above them is one for the whole object.
        time_cells: intervals of every temporal level.
        frames: steps of the backward motion, between which it is linear in time: the more, the rounder are turns.
        cells: of the backward motion's grid along an axis.
        touch: parts of the mesh that are this near are one, world units.
        rigid: weight of the as-rigid-as-possible term in `regularizer`; growing all over is free.
        bend_time: weight of bending in time.
    """

    def __init__(
        self,
        nodes: tuple[int, ...] = (12, 96),
        time_cells: tuple[int, ...] = (1, 3, 9),
        frames: int = 18,
        cells: int = 24,
        touch: float = 0.01,
        rigid: float = 40.0,
        bend_time: float = 0.25,
    ) -> None:
        super().__init__()
        self.counts, self.time_cells, self.frames = tuple(nodes), tuple(time_cells), frames
        self.cells, self.touch, self.rigid, self.bend_time = cells, touch, rigid, bend_time
        self.knots = nn.ParameterList(  # of each node: its shift, its turn, and the logarithm of its growth
            nn.Parameter(torch.zeros(steps, count, 7)) for count in (1, *nodes) for steps in time_cells
        )
        self.register_buffer("places", torch.zeros(1 + sum(nodes), 3))  # of the nodes, at rest
        self.graph: SurfaceGraph | None = None
        self._skin: Skin | None = None
        self._baked: tuple[Tensor, Tensor] | None = None  # the knots, and the vectors that were made of them

    def bind(self, mesh: Mesh) -> None:
        """Live on this mesh: spread the nodes over its surface."""
        longest = 1.0 / self.cells
        self.graph = surface_graph(mesh.vertices.numpy(), mesh.faces.numpy(), longest, self.touch)
        self.places.copy_(nodes_on(self.graph, self.counts))

    @property
    def skin(self) -> Skin:
        """Which nodes each place follows; made again when other nodes were loaded."""
        if self.graph is None:
            raise InputError("a motion of nodes lives on a mesh; give it one with bind(mesh)")
        nodes = self.places.cpu()
        if self._skin is None or not torch.equal(self._skin.nodes, nodes):
            self._skin = skin_of(self.graph, nodes, self.counts, apart=1.0 / self.cells)
        return self._skin

    def poses(self, times: Tensor) -> list[Tensor]:
        """(T,) -> the similarities (T, K, 3, 4) of each level, from coarse to fine.

        Turns and growths are counted by how far they move what is a node's reach away: one learning rate fits all.
        """
        knots, out = iter(self.knots), []
        levels = self.places.split((1, *self.counts))
        for places, reach in zip(levels, self.skin.reaches, strict=True):
            free = sum(torch.tensordot(ramps(times * n, n), next(knots), 1) for n in self.time_cells)
            shift, spin, growth = free.split([3, 3, 1], -1)
            out.append(similarities(places, shift, spin / reach, growth / reach))
        return out

    def carried(self, shares: list[Tensor], times: Tensor) -> Tensor:
        """(T, N, 3, 4) where places with shares (N, K) in the nodes of every level are taken at times (T,)."""
        still, total = identity(self.places), None
        for share, pose in zip(shares, self.poses(times), strict=True):
            level = still + torch.einsum("nk,tkij->tnij", share, pose - still)
            total = level if total is None else after(total, level)
        return total

    def moved(self, points: Tensor, times: Tensor) -> tuple[Tensor, Tensor]:
        """Where points (N, 3) of the surface are at times (V,), exactly.

        Returns:
            Their places (V, N, 3), and there the slopes (V, N, 3, 3) of the way back, shares held fixed.
        """
        maps = self.carried(self.skin.of(points), times.to(points))
        return apply(maps, points), undone(maps)[..., :3]

    def forward(self, points: Tensor, times: Tensor) -> Tensor:
        """(N, 3), (N,) -> (N, 3)."""
        return interpolate(points, times, self.vectors()) if times.any() else torch.zeros_like(points)

    def vectors(self) -> Tensor:
        """The backward motion at the nodes of its grid: (T, X, Y, Z, 3); the first time is 0.

        Made once for the same knots, with their gradient if they are trained, and again after it was asked for.
        """
        knots = torch.cat([*(x.detach().flatten() for x in self.knots), self.places.flatten()])
        trained = any(x.requires_grad for x in self.knots)
        known = self._baked is not None and same(self._baked[0], knots) and self._baked[1].requires_grad >= trained
        if not known:
            with torch.enable_grad():
                self._baked = knots, self.bake()
            if trained:
                self._baked[1].register_hook(self._forget)
        return self._baked[1] if torch.is_grad_enabled() else self._baked[1].detach()

    def _forget(self, *_: Tensor) -> None:
        self._baked = None

    def bake(self) -> Tensor:
        """What `vectors` says, made anew."""
        times = torch.arange(1, self.frames + 1).to(self.places) / self.frames
        rest, shares = self.skin.sampled(self.places)
        maps = self.carried(shares, times)
        places, back = apply(maps, rest), undone(maps) - identity(maps)
        vectors = vectors_of_particles(places, back, self.cells)
        return torch.cat([torch.zeros_like(vectors[:1]), vectors])

    def levels(self) -> list[list[nn.Parameter]]:
        """The knots of each level of nodes, from coarse to fine."""
        count = len(self.time_cells)
        return [list(self.knots[i : i + count]) for i in range(0, len(self.knots), count)]

    def regularizer(self) -> Tensor:
        """How far neighbouring nodes disagree where each other goes, and how much their ways bend, weighted.

        The first is the mean over neighbours i, j (by the surface that they share) and times of
        |M_i p_j - M_j p_j|^2 / |p_i - p_j|^2 with M_i the map at node i: 0 where all move, turn and grow alike.
        """
        skin, steps = self.skin, self.time_cells[-1]
        pairs, weight = (x.to(self.places.device) for x in skin.neighbours)
        fine = self.places[-self.counts[-1] :]
        maps = self.carried(skin.of(fine), torch.arange(1, steps + 1).to(fine) / steps)
        i, j = torch.cat([pairs, pairs.flip(1)]).T
        apart = (fine[i] - fine[j]).square().sum(-1)
        off = (apply(maps[:, i], fine[j]) - apply(maps[:, j], fine[j])).square().sum(-1) / apart
        moves = apply(maps, fine) - fine
        bend = torch.cat([torch.zeros_like(moves[:1]), moves]).diff(n=2, dim=0).square().mean()
        return self.rigid * 0.5 * (weight.repeat(2) * off).sum(-1).mean() + self.bend_time * bend


def same(a: Tensor, b: Tensor) -> bool:
    """Whether two tensors have the same home and values."""
    return a.device == b.device and torch.equal(a, b)
