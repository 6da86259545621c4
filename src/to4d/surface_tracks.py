"""Trajectories of surface points: the inverse of a backward motion.

A deformable field shows at x what was at x + d(x, t) when t was 0. A surface point s is therefore at the x with
x + d(x, t) = s, which Newton's method finds; the fixed-point iteration x <- s - d(x) would diverge for rotations of 60
degrees and more.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from to4d.protocols import DeformableField, MeshBoundField

DIFFERENCE_STEP = 0.01  # of the finite differences, in world units
TOLERANCE = 1e-4  # world units
DAMPING = (1.0, 0.5, 0.2, 0.05)  # factors of a Newton step that are tried; the best is taken
MAX_STEPS = 15  # of Newton's method: a point that is found at all takes up to ten
MAX_PAIRS = 2**24  # distances in memory at a time


@dataclass(frozen=True)
class Tracks:
    """N surface points in V frames; `found` (V, N) is false where Newton's method did not converge."""

    positions: Tensor  # (V, N, 3) world units
    found: Tensor  # (V, N) bool

    def complete(self) -> Tensor:
        """(V, n, 3) of the points that were found in every frame."""
        return self.positions[:, self.found.all(0)]


@torch.no_grad()
def track_surface(field: DeformableField, points: Tensor, times: Tensor, tolerance: float = TOLERANCE) -> Tracks:
    """Track surface points (N, 3) over times (V,): exactly where the field has a forward map, else by inversion."""
    if not isinstance(field, MeshBoundField):
        return track_by_inversion(field.displacement, points, times, tolerance)
    positions = torch.stack([field.forward_map(points, time[None])[0][0] for time in times])
    return Tracks(positions, torch.ones(positions.shape[:2], dtype=torch.bool, device=positions.device))


@torch.no_grad()
def track_by_inversion(
    displacement: Callable[[Tensor, Tensor], Tensor], points: Tensor, times: Tensor, tolerance: float = TOLERANCE
) -> Tracks:
    """Track surface points (N, 3) at t = 0 over rising times (V,).

    A lost point stays lost: where a motion explodes, the search costs no more than where it is smooth.

    Args:
        displacement: d of (N, 3), (N,), the backward motion, such as `field.displacement`.
        points: in world units.
        times: the search at each starts from the positions at the one before.
        tolerance: how far x + d may lie from the point, in world units.
    """
    position, found = points, torch.ones(len(points), dtype=torch.bool, device=points.device)
    positions, founds = [], []
    for time in times.tolist():
        source = _source_at(displacement, time)
        position, solved = position.clone(), found.clone()
        position[found], solved[found] = _search(source, points[found], position[found], tolerance)
        lost = found & ~solved
        if solved.any() and lost.any():  # once more, from where the nearest point that was found has gone
            near = nearest_indices(points[lost], points[solved])
            start = points[lost] + (position[solved] - points[solved])[near]
            again, there = _search(source, points[lost], start, tolerance)
            position[lost] = torch.where(there[:, None], again, position[lost])
            solved[lost] = there
        found = solved
        positions.append(position)
        founds.append(found)
    return Tracks(torch.stack(positions), torch.stack(founds))


def nearest_indices(points: Tensor, others: Tensor) -> Tensor:
    """(N,) int64: which of `others` (K, 3) is nearest to each of `points` (N, 3), in bounded memory."""
    rows = max(1, MAX_PAIRS // len(others))
    return torch.cat([torch.cdist(part, others).argmin(1) for part in points.split(rows)])


def _source_at(displacement: Callable[[Tensor, Tensor], Tensor], time: float) -> Callable[[Tensor], Tensor]:
    """X -> x + d(x, time), (N, 3) -> (N, 3)."""
    return lambda x: x + displacement(x, x.new_full((len(x),), time))


def _search(
    source: Callable[[Tensor], Tensor], points: Tensor, start: Tensor, tolerance: float
) -> tuple[Tensor, Tensor]:
    """Damped Newton: x (N, 3) with source(x) = points, from `start`, and whether it was found (N,)."""
    x = start.clone()
    off = source(x) - points
    for _ in range(MAX_STEPS):
        left = (off.norm(dim=-1) > tolerance).nonzero().flatten()
        if not len(left):
            break
        step = _newton(jacobians(source, x[left]), off[left])
        tries = torch.stack([x[left] - factor * step for factor in DAMPING])
        offs = source(tries.flatten(0, 1)).view_as(tries) - points[left]
        best = offs.norm(dim=-1).argmin(0)
        row = torch.arange(len(left), device=x.device)
        x[left], off[left] = tries[best, row], offs[best, row]
    return x, off.norm(dim=-1) <= tolerance


def jacobians(source: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """(N, 3, 3) Jacobians of `source` at x (N, 3) by central differences: rows are outputs, columns inputs."""
    shifts = DIFFERENCE_STEP * torch.eye(3, dtype=x.dtype, device=x.device)[:, None]
    ahead, behind = source(torch.stack([x + shifts, x - shifts]).flatten(0, 2)).view(2, 3, -1, 3)
    return ((ahead - behind) / (2.0 * DIFFERENCE_STEP)).permute(1, 2, 0)


def _newton(jacobian: Tensor, off: Tensor) -> Tensor:
    """(N, 3) the step that removes `off` (N, 3), damped where the Jacobians (N, 3, 3) are near singular."""
    jacobian, transposed = jacobian.double(), jacobian.double().transpose(-1, -2)
    ridge = 1e-6 * torch.eye(3, dtype=torch.float64, device=off.device)
    return torch.linalg.solve(transposed @ jacobian + ridge, (transposed @ off.double()[..., None]))[..., 0].to(off)
