"""Motions to a side, on surface tracks: a silhouette does not see them from every side, nor tell a nod to the front.

Tracks are (V, N, 3): the places over time of points spread over the surface, frame 0 at rest, y up. H is the object's
height in frame 0. Each is the check of the same name on silhouettes (`motion_checks`), in any direction.
"""

import torch
from torch import Tensor

from to4d.metrics.checks.check import QUIET, Check, turns
from to4d.metrics.checks.track_checks import best_rotation, outer_points, tracked_height


def swaying_tracks(moved: Tensor) -> Check:
    """The upper half bends to both sides, by at least 8% of H to one of them, and the lower quarter by a third of that.

    To the other side it goes by a third of that, too: what bends to one side nods, wilts or falls.
    """
    upper, lower = outer_points(moved, top=True, share=0.5), outer_points(moved, top=False, share=0.25)
    path, low = (
        _along(_sideways(upper)) / tracked_height(moved),
        _sideways(lower).norm(dim=-1).max().item() / tracked_height(moved),
    )
    ways = sorted((path.max().item(), -path.min().item()))
    text = f"the upper half moves by {ways[1]:.3f} of the height to one side and {ways[0]:.3f} to the other, "
    text += f"the lower quarter by {low:.3f}"
    passed = ways[1] >= 0.08 and ways[0] >= QUIET * ways[1] and low < QUIET * ways[1]
    return Check("swaying", bool(passed), ways[1], 0.08, text)


def shaking_tracks(moved: Tensor, swing: float = 0.03) -> Check:
    """The whole, its lower quarter too, turns round at least three times along one line, and stays down.

    A turn counts if it is followed by a way back of at least `swing` of H, and of a third of the whole way.
    """
    centre, base = (
        _sideways(part) / tracked_height(moved) for part in (moved, outer_points(moved, top=False, share=0.25))
    )
    line = torch.linalg.svd(centre, full_matrices=False).Vh[0]
    path, up = centre @ line, moved[..., 1].mean(1) / tracked_height(moved)
    width, rise = (path.max() - path.min()).item(), (up.max() - up.min()).item()
    count = min(turns(x, max(swing, QUIET * width)) for x in (path, base @ line))
    text = f"it changes its direction {count} times; it moves by {width:.3f} of the height sideways and {rise:.3f} up"
    return Check("shaking", count >= 3 and rise <= width, float(count), 3.0, text)


def falling_tracks(moved: Tensor) -> Check:
    """It ends tilted by 45 to 120 degrees as a whole, and its centroid 10% of H to the side."""
    place = moved - moved.mean(1, keepdim=True)
    value = best_rotation(place[:1], place[-1:])[0, 1, 1].clamp(-1.0, 1.0).acos().rad2deg().item()
    aside = (_sideways(moved)[-1].norm() / tracked_height(moved)).item()
    text = f"it ends tilted by {value:.1f} degrees, its centroid {aside:.3f} of the height to the side"
    return Check("falling", 45.0 <= value < 120.0 and aside >= 0.10, value, 45.0, text)


def _sideways(moved: Tensor) -> Tensor:
    """(V, 2) the horizontal way of the centroid since frame 0."""
    centre = moved.mean(1)[:, [0, 2]]
    return centre - centre[0]


def _along(ways: Tensor) -> Tensor:
    """(V,) horizontal ways (V, 2) along the line that they follow best."""
    return ways @ torch.linalg.svd(ways, full_matrices=False).Vh[0]
