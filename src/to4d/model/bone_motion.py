"""A motion by the joints of a rig: rotations over time, and a root that moves, turns and scales.

The joints carry space along (`rig.pose.joint_maps`), and the surface follows them by its skinning weights. Forward and
back are inverse to each other (`inverse_skinning`). All maps are the identity at t = 0.
"""

from collections.abc import Iterator
from functools import partial, reduce
from typing import Literal

import torch
from torch import Tensor, nn

from to4d.errors import InputError
from to4d.kernels.affine import (
    compose_maps,
    inverse,
    rotation_matrices,
    similarity_maps,
    transform_points,
)
from to4d.model.control_nodes import ControlNodes
from to4d.model.deformation import linear_basis
from to4d.model.inverse_skinning import pull_back, push_forward
from to4d.model.skinned_surface import SkinnedSurface, skinned_surface
from to4d.model.skinning import dual_quaternion_blend, linear_blend, rest_moves
from to4d.rig.pose import joint_maps
from to4d.types import Mesh, Rig

MOMENTS = 32  # poses in memory at a time
SHORTEST = 0.02  # arm of a joint, world units
BLENDS = {"linear": linear_blend, "dual_quaternion": dual_quaternion_blend}


class BoneMotion(nn.Module):
    """Joint rotations over [0, 1], linear between knots, of the rig that it is bound to.

    Args:
        time_cells: intervals of every temporal level.
        skinning: `linear` as glTF files play it, or `dual_quaternion`, which keeps the volume of what twists.
        reach: how far from the surface at rest the static field may be dense, world units.
        residual: moves the surface at rest before the bones do: bellies, hair; None: only bones move.
        time_bending_weight: of bending in time of the surface's paths in `regularizer`.
        angle_weight: of the mean square of the joints' angles in radians.
        residual_weight: of the mean square of the residual's moves.
    """

    def __init__(
        self,
        time_cells: tuple[int, ...] = (3, 15),
        skinning: Literal["linear", "dual_quaternion"] = "linear",
        reach: float = 0.06,
        residual: ControlNodes | None = None,
        time_bending_weight: float = 0.25,
        angle_weight: float = 0.0,
        residual_weight: float = 100.0,
    ) -> None:
        super().__init__()
        if skinning not in BLENDS:
            raise InputError(f"model.motion.skinning={skinning!r} is none of {list(BLENDS)}")
        self.time_cells, self.skinning, self.residual = tuple(time_cells), skinning, residual
        self.time_bending_weight, self.angle_weight = time_bending_weight, angle_weight
        self.reach, self.residual_weight = reach, residual_weight
        self.knots = nn.ParameterList()
        self._bound: tuple[Rig, SkinnedSurface] | None = None

    def bind(self, mesh: Mesh, rig: Rig) -> None:
        """Move this mesh by this rig, from knots that are 0."""
        self._bound = rig, skinned_surface(mesh, rig)
        moved = range(1, len(rig.parents))
        self.groups = [[j for j in moved if (rig.ranks[j] > 0) == outer] for outer in (False, True)]
        self.arms = joint_arms(rig, *self.surface.spread())
        sizes = [(7,), *((len(group), 3) for group in self.groups if group)]
        self.knots = nn.ParameterList(
            nn.Parameter(torch.zeros(steps, *size)) for size in sizes for steps in self.time_cells
        )
        if self.residual is not None:
            self.residual.bind(mesh)

    @property
    def rig(self) -> Rig:
        """The rig that it is bound to."""
        return self.bound[0]

    @property
    def surface(self) -> SkinnedSurface:
        """The skinned surface of the mesh that it is bound to."""
        return self.bound[1]

    @property
    def bound(self) -> tuple[Rig, SkinnedSurface]:
        """Both."""
        if self._bound is None:
            raise InputError("a motion of bones needs a mesh and its rig; give them with bind(mesh, rig)")
        return self._bound

    def values(self, times: Tensor) -> list[Tensor]:
        """At times (T,): of the root (T, 7), of the limbs' first joints and of all others (T, ., 3).

        In units of how far they move what hangs on them: one learning rate fits all.
        """
        count, out = len(self.time_cells), []
        for level in self.levels()[: len(self.knots) // count]:
            parts = [
                torch.tensordot(linear_basis(times * n, n), x, 1) for n, x in zip(self.time_cells, level, strict=True)
            ]
            out.append(reduce(torch.add, parts))
        return out

    def angles(self, times: Tensor) -> Tensor:
        """(T,) -> axis-angle vectors (T, J, 3) of the joints in radians, in the axes of the world; 0 of the root."""
        arms = self.arms.to(times)
        out = times.new_zeros(len(times), len(arms), 3)
        groups = (group for group in self.groups if group)
        for group, value in zip(groups, self.values(times)[1:], strict=True):
            out = out.index_copy(1, torch.tensor(group, device=out.device), value / arms[group, None])
        return out

    def joint_maps(self, times: Tensor) -> Tensor:
        """(T,) -> the similarity transforms (T, J, 3, 4) of space from rest that the joints carry along."""
        shift, turn, growth = self.values(times)[0].split([3, 3, 1], -1)
        root = similarity_maps(self.rig.joints[0].to(shift), shift, turn / self.arms[0], growth / self.arms[0])
        return joint_maps(self.rig, rotation_matrices(self.angles(times)), root)

    def surface_maps(self, times: Tensor, which: Tensor | slice = slice(None)) -> Tensor:
        """(T, U, 3, 4) maps of space at all of the surface's points, or at `which` (U,) of them."""
        maps, surface = self.joint_maps(times), self.surface
        skinned = BLENDS[self.skinning](surface.weights.to(maps)[which], maps)
        if surface.moments is not None:
            moves = rest_moves(surface.moments.to(maps)[which], maps)
            skinned = torch.cat([skinned[..., :3], skinned[..., 3:] + moves[..., None]], -1)
        if self.residual is None:
            return skinned
        nodes = self.residual.weights.at(surface.points.to(maps)[which])
        return compose_maps(skinned, self.residual.blend_maps([x.to(maps) for x in nodes], times))

    def forward_map(self, points: Tensor, times: Tensor) -> tuple[Tensor, Tensor]:
        """Where surface points (N, 3) are at times (V,), exactly.

        Returns:
            Their positions (V, N, 3), and there the Jacobians (V, N, 3, 3) of the way back, at fixed weights.
        """
        places, linear = self._pushed_forward(points, times)
        return places, inverse(torch.cat([linear, torch.zeros_like(linear[..., :1])], -1))[..., :3]

    def move(self, points: Tensor, times: Tensor) -> Tensor:
        """The positions of `forward_map` alone."""
        return self._pushed_forward(points, times)[0]

    def _pushed_forward(self, points: Tensor, times: Tensor) -> tuple[Tensor, Tensor]:
        return push_forward(self.surface, partial(self.surface_maps, times.to(points)), points)

    def forward(self, points: Tensor, times: Tensor) -> Tensor:
        """Backward motion d(x, t): (N, 3), (N,) -> (N, 3)."""
        if self.stands_still(times):
            return torch.zeros_like(points)
        rest = torch.empty_like(points)
        for part, moments, which in by_moments(times):
            rest = rest.index_copy(0, part, self.pulled_back(points[part], moments, which)[1])
        return torch.where(times[:, None] == 0, 0.0, rest - points)

    def origins(self, points: Tensor, times: Tensor) -> tuple[Tensor, Tensor]:
        """Which (K,) of points (N, 3) at times (N,) have something of the object near them, and where it was (K, 3)."""
        if self.stands_still(times):
            return torch.arange(len(points), device=points.device), points
        first = (times == 0).nonzero()[:, 0]
        found = [(first, points[first])]
        for part, moments, which in by_moments(times):
            near, rest = self.pulled_back(points[part], moments, which, self.reach)
            moved = (times[part[near]] > 0).nonzero()[:, 0]
            found.append((part[near[moved]], rest[moved]))
        return torch.cat([near for near, _ in found]), torch.cat([rest for _, rest in found])

    def pulled_back(
        self, points: Tensor, moments: Tensor, which: Tensor, reach: float | None = None
    ) -> tuple[Tensor, Tensor]:
        """`inverse_skinning.pull_back` of points (N, 3) at `moments[which]`."""
        maps = self.surface_maps(moments)
        return pull_back(self.surface, maps, points, which, reach)

    def stands_still(self, times: Tensor) -> bool:
        """Whether all is at rest at times (N,), and nothing is trained that could change that."""
        return not times.any() or not any(x.requires_grad or x.any() for x in self.parameters())

    def levels(self) -> list[list[nn.Parameter]]:
        """The knots of the root, of the limbs' first joints, of all others, and those of the residual."""
        count = len(self.time_cells)
        bones = [list(self.knots[i : i + count]) for i in range(0, len(self.knots), count)]
        return bones + ([] if self.residual is None else self.residual.levels())

    def regularizer(self) -> Tensor:
        """Bending in time of the surface's paths, the price of angles, and those of the residual; weighted."""
        steps = self.time_cells[-1]
        points, weights = (x.to(self.knots[0]) for x in self.surface.spread())
        times = torch.arange(1, steps + 1).to(points) / steps
        offsets = transform_points(linear_blend(weights, self.joint_maps(times)), points) - points
        bend = torch.cat([torch.zeros_like(offsets[:1]), offsets]).diff(n=2, dim=0).square().mean()
        total = self.time_bending_weight * bend + self.angle_weight * self.angles(times)[:, 1:].square().sum(-1).mean()
        return total if self.residual is None else total + self._residual_price(points, times)

    def _residual_price(self, points: Tensor, times: Tensor) -> Tensor:
        assert self.residual is not None
        weights = [x.to(points) for x in self.residual.weights.at(points)]
        moves = transform_points(self.residual.blend_maps(weights, times), points) - points
        return self.residual.regularizer() + self.residual_weight * moves.square().sum(-1).mean()


def by_moments(times: Tensor) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Parts of times (N,) with few distinct ones: indices (n,), these times (T,), and which of them each has (n,)."""
    moments, which = times.unique(return_inverse=True)
    for start in range(0, len(moments), MOMENTS):
        some = moments[start : start + MOMENTS]
        part = ((which >= start) & (which < start + MOMENTS)).nonzero()[:, 0]
        yield part, some, which[part] - start


def joint_arms(rig: Rig, points: Tensor, weights: Tensor) -> Tensor:
    """(J,) root mean square distance of each joint from what hangs on it, world units.

    Args:
        rig: J joints.
        points: (S, 3) evenly spread over the surface.
        weights: (S, J) of these.
    """
    carried = weights.clone()
    for joint in range(len(rig.parents) - 1, 0, -1):
        carried[:, rig.parents[joint]] += carried[:, joint]
    away = torch.cdist(points, rig.joints.to(points)).square()
    return ((carried * away).sum(0) / carried.sum(0).clamp_min(1e-6)).sqrt().clamp_min(SHORTEST)
