"""The motion of a surface in a deformable field, baked to frames: positions, key frames and Jacobians."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from to4d.export.gltf.distortion import SurfaceEdges, hold_back_bursts, unfold
from to4d.export.gltf.morph_targets import WeldedSurface, interpolate_keyframes, keyframes
from to4d.protocols import DeformableField, MeshBoundField
from to4d.surface_tracks import jacobians, track_surface

CLOSE = 1e-5  # how near to its source a point must be followed, world units
BATCH = 100_000  # points that are followed at a time


@dataclass(frozen=True)
class BakedMotion:
    """A surface over V frames, the first one at rest, of which K are keys."""

    moves: np.ndarray  # (V, P, 3) float32 from rest, world units
    found: np.ndarray  # (V, P) false where a point could not be followed, or would burst, and moves like its neighbours
    exploding: (
        float  # share of triangles that the field's own motion makes explode in the worst frame that was looked at
    )
    last: int  # the frame from which on the surface stands still, as its motion bursts; V - 1 if it does not
    keys: list[int]  # frames; between them all moves are straight lines, nearly
    slopes: np.ndarray  # (K, P, 3, 3) float32 of the source x + d(x, t) where the points are in key frames


@dataclass(frozen=True)
class SurfaceMotion:
    """A surface and how it moves."""

    surface: WeldedSurface
    motion: BakedMotion


@torch.no_grad()
def bake_motion(field: DeformableField, surface: WeldedSurface, times: Tensor, tolerance: float) -> BakedMotion:
    """How `field` moves the surface.

    Args:
        field: a `MeshBoundField` gives exact positions.
        surface: P points.
        times: (V,) rising from 0, where the surface is at rest.
        tolerance: how far moves between keys may be from straight lines, world units.
    """
    device = next((x.device for x in field.parameters()), torch.device("cpu"))
    rest = torch.from_numpy(surface.points).float().to(device)
    parts = [track_surface(field, points, times, CLOSE) for points in rest.split(BATCH)]
    moves = (torch.cat([part.positions for part in parts], 1) - rest).cpu().numpy()
    found = torch.cat([part.found for part in parts], 1).cpu().numpy()
    moves[0] = 0.0
    held = hold_back_bursts(surface, moves, found)
    keys = keyframes(held.moves, tolerance)
    edges, moves, strained = SurfaceEdges(surface), held.moves.copy(), []
    for before, key in zip([0, *keys], keys, strict=False):
        shape = min(key, held.last)  # the frame whose shape it has
        places, time = rest + torch.from_numpy(moves[key]).to(device), times[shape : shape + 1].to(rest)
        pairs = zip(rest.split(BATCH), places.split(BATCH), strict=True)
        each = torch.cat([_strain(field, *pair, time) for pair in pairs]).cpu().numpy()
        moves[key], strain = unfold(edges, moves[key], held.found[shape], moves[before], each)
        strained.append(strain.astype(each.dtype))
    return BakedMotion(
        interpolate_keyframes(moves, keys), held.found, held.exploding, held.last, keys, np.stack(strained)
    )


def _strain(field: DeformableField, rest: Tensor, places: Tensor, time: Tensor) -> Tensor:
    """(P, 3, 3) slopes of the source at `places` (P, 3), where points that were at `rest` (P, 3) are at a time (1,)."""
    if isinstance(field, MeshBoundField):
        return field.forward_map(rest, time)[1][0]
    return jacobians(lambda x: x + field.displacement(x, time.expand(len(x))), places)
