"""Where the points of the surface go: a backward motion, turned round.

A moved field shows at x what was at x + d(x, t) when t was 0. A point s of the surface is therefore seen at the x with
x + d(x, t) = s, which Newton's method finds; stepping by x <- s - d(x) would diverge for turns of 60 degrees and more.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

REACH = 0.01  # of the finite differences, in world units
TOLERANCE = 1e-4  # world units
STEPS = (1.0, 0.5, 0.2, 0.05)  # shares of a Newton step that are tried; the best is taken
SEARCH = 15  # steps at most: a point that is found at all takes up to ten
PAIRS = 2**24  # distances that are held at a time


@dataclass(frozen=True)
class Tracks:
    """N points of the surface in V frames; `found` (V, N) is false where no place was found that shows the point."""

    places: Tensor  # (V, N, 3) world units
    found: Tensor  # (V, N) bool

    def kept(self) -> Tensor:
        """(V, n, 3) of the points that were found in every frame."""
        return self.places[:, self.found.all(0)]


@torch.no_grad()
def field_tracks(field: nn.Module, points: Tensor, times: Tensor, tolerance: float = TOLERANCE) -> Tracks:
    """Follow points (N, 3) of the surface in a moved field over times (V,).

    Exactly where the field knows where its surface goes (`moved`), else by turning its backward motion round.
    """
    if not hasattr(field, "moved"):
        return surface_tracks(field.displacement, points, times, tolerance)
    places = torch.stack([field.moved(points, time[None])[0][0] for time in times])
    return Tracks(places, torch.ones(places.shape[:2], dtype=torch.bool, device=places.device))


@torch.no_grad()
def surface_tracks(
    displacement: Callable[[Tensor, Tensor], Tensor], points: Tensor, times: Tensor, tolerance: float = TOLERANCE
) -> Tracks:
    """Follow points (N, 3) of the surface at t = 0 over rising times (V,).

    A point that is lost stays lost: where a motion bursts, the search costs no more than where it is smooth.

    Args:
        displacement: d of (N, 3), (N,), the backward motion, such as `field.displacement`.
        points: in world units.
        times: each is searched for from the places of the one before.
        tolerance: how far x + d may lie from the point, in world units.
    """
    place, found = points, torch.ones(len(points), dtype=torch.bool, device=points.device)
    places, founds = [], []
    for time in times.tolist():
        source = _source(displacement, time)
        place, seen = place.clone(), found.clone()
        place[found], seen[found] = _search(source, points[found], place[found], tolerance)
        lost = found & ~seen
        if seen.any() and lost.any():  # once more, from where the nearest point that was found has gone
            near = nearest(points[lost], points[seen])
            again, there = _search(source, points[lost], points[lost] + (place[seen] - points[seen])[near], tolerance)
            place[lost] = torch.where(there[:, None], again, place[lost])
            seen[lost] = there
        found = seen
        places.append(place)
        founds.append(found)
    return Tracks(torch.stack(places), torch.stack(founds))


def nearest(points: Tensor, others: Tensor) -> Tensor:
    """(N,) int64: which of `others` (K, 3) is nearest to each of `points` (N, 3), at a bounded memory."""
    rows = max(1, PAIRS // len(others))
    return torch.cat([torch.cdist(part, others).argmin(1) for part in points.split(rows)])


def _source(displacement: Callable[[Tensor, Tensor], Tensor], time: float) -> Callable[[Tensor], Tensor]:
    """Which place at t = 0 shows at (N, 3) at `time`."""
    return lambda x: x + displacement(x, x.new_full((len(x),), time))


def _search(
    source: Callable[[Tensor], Tensor], points: Tensor, start: Tensor, tolerance: float
) -> tuple[Tensor, Tensor]:
    """Damped Newton: x (N, 3) with source(x) = points, from `start`, and whether it was found (N,)."""
    x = start.clone()
    off = source(x) - points
    for _ in range(SEARCH):
        left = (off.norm(dim=-1) > tolerance).nonzero().flatten()
        if not len(left):
            break
        step = _newton(slopes(source, x[left]), off[left])
        tries = torch.stack([x[left] - share * step for share in STEPS])
        offs = source(tries.flatten(0, 1)).view_as(tries) - points[left]
        best = offs.norm(dim=-1).argmin(0)
        row = torch.arange(len(left), device=x.device)
        x[left], off[left] = tries[best, row], offs[best, row]
    return x, off.norm(dim=-1) <= tolerance


def slopes(source: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """(N, 3, 3) slopes of `source` at x by central differences: row is what changes, column along which axis."""
    shifts = REACH * torch.eye(3, dtype=x.dtype, device=x.device)[:, None]
    ahead, behind = source(torch.stack([x + shifts, x - shifts]).flatten(0, 2)).view(2, 3, -1, 3)
    return ((ahead - behind) / (2.0 * REACH)).permute(1, 2, 0)


def _newton(slopes: Tensor, off: Tensor) -> Tensor:
    """(N, 3) the step that undoes `off` (N, 3); a little short of it where slopes are near singular."""
    slopes, back = slopes.double(), slopes.double().transpose(-1, -2)
    ridge = 1e-6 * torch.eye(3, dtype=torch.float64, device=off.device)
    return torch.linalg.solve(back @ slopes + ridge, (back @ off.double()[..., None]))[..., 0].to(off)
