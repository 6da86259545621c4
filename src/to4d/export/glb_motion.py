"""Where a surface goes in a moved field: its points over time, and how the space around them is strained."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from to4d.export.morphs import Surface, filled, keyframes, stand_ins
from to4d.tracks import slopes, surface_tracks

CLOSE = 1e-5  # how near to its source a point must be followed, world units
BATCH = 100_000  # points that are followed at a time


@dataclass(frozen=True)
class Movement:
    """A surface over V frames, the first one at rest, of which K are keys."""

    moves: np.ndarray  # (V, P, 3) float32 from rest, world units
    found: np.ndarray  # (V, P) false where a point could not be followed and moves like its neighbours
    keys: list[int]  # frames; between them all moves are straight lines, nearly
    slopes: np.ndarray  # (K, P, 3, 3) float32 of the source x + d(x, t) where the points are in key frames


@torch.no_grad()
def follow(field: nn.Module, surface: Surface, times: Tensor, tolerance: float) -> Movement:
    """How `field`, a moved one, moves the surface.

    Args:
        field: with `displacement`.
        surface: P points.
        times: (V,) rising from 0, where the surface is at rest.
        tolerance: how far moves between keys may be from straight lines, world units.
    """
    device = next((x.device for x in field.parameters()), torch.device("cpu"))
    rest = torch.from_numpy(surface.points).float().to(device)
    parts = [surface_tracks(field.displacement, points, times, CLOSE) for points in rest.split(BATCH)]
    moves = (torch.cat([part.places for part in parts], 1) - rest).cpu().numpy()
    found = torch.cat([part.found for part in parts], 1).cpu().numpy()
    moves = filled(surface.points, moves, found)
    moves[0] = 0.0
    keys = keyframes(moves, tolerance)
    strained = []
    for key in keys:
        places = rest + torch.from_numpy(moves[key]).to(device)
        each = torch.cat([_strain(field, part, float(times[key])) for part in places.split(BATCH)]).cpu().numpy()
        strained.append(each[stand_ins(surface.points, found[key])])
    return Movement(moves, found, keys, np.stack(strained))


def _strain(field: nn.Module, places: Tensor, time: float) -> Tensor:
    """(P, 3, 3) slopes of the source at `places` (P, 3)."""
    return slopes(lambda x: x + field.displacement(x, x.new_full((len(x),), time)), places)
