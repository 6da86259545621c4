"""Motions of the whole object that only surface tracks show: one yes or no a clip.

Tracks are (V, N, 3): the places over time of points spread over the surface, frame 0 at rest, y up. H is the object's
height in frame 0.
"""

import torch
from torch import Tensor

from to4d.metrics.checks.check import QUIET, Check


def spinning(moved: Tensor) -> Check:
    """All points turn together about the vertical, and end turned by at least 60 degrees.

    Together: what the turn leaves unexplained is less than half of the motion, and the top and the bottom third end
    within a third of the turn of each other.
    """
    angle, top, bottom = yaw(moved)[-1], yaw(outer_points(moved, top=True))[-1], yaw(outer_points(moved, top=False))[-1]
    value, apart, left = abs(angle.item()), abs((top - bottom).item()), residual_motion(moved)[-1].item()
    text = f"it ends turned by {value:.1f} degrees about the vertical, top and bottom {apart:.1f} degrees apart; "
    text += f"{left:.2f} of the motion is something else"
    return Check("spinning", value >= 60.0 and apart <= QUIET * value and left <= 0.5, value, 60.0, text)


def twisting(moved: Tensor) -> Check:
    """The top third at some time is turned against the base by 25 degrees or more, the base by less than a third of it.

    The base is the lowest sixth of H. The top has to turn as one: what its turn leaves unexplained is less than half of
    its motion. What lies between has to turn by a sixth of it at least: else only a head turns.
    """
    upper, lower = outer_points(moved, top=True), outer_points(moved, top=False, share=1.0 / 6.0)
    middle = moved[:, (moved[0, :, 1] < upper[0, :, 1].min()) & (moved[0, :, 1] > lower[0, :, 1].max())]
    top, base, between = yaw(upper), yaw(lower), yaw(middle)
    apart = (top - base).abs()
    whole = (
        (residual_motion(upper) <= 0.5) & (base.abs() < QUIET * apart) & ((between - base).abs() >= 0.5 * QUIET * apart)
    )
    value = torch.where(whole, apart, 0.0).max().item()
    text = f"the top third turns by up to {apart.max():.1f} degrees against the base, by {value:.1f} as in a twist"
    return Check("twisting", value >= 25.0, value, 25.0, text)


def rolling_tracks(moved: Tensor) -> Check:
    """It turns by at least 85 degrees about one horizontal axis, and its centroid moves by a tenth of H to the side."""
    turn, centre = frame_rotations(moved).sum(0)[[0, 2]].norm().rad2deg().item(), moved.mean(1)
    way = ((centre - centre[0])[:, [0, 2]].norm(dim=-1).max() / tracked_height(moved)).item()
    text = f"it turns by {turn:.1f} degrees about a horizontal axis and moves by {way:.3f} of the height"
    return Check("rolling", turn >= 85.0 and way >= 0.10, turn, 85.0, text)


def still_tracks(moved: Tensor) -> Check:
    """99 of 100 points never move by more than 2% of H."""
    value = ((moved - moved[0]).norm(dim=-1).amax(0).quantile(0.99) / tracked_height(moved)).item()
    return Check("still", value <= 0.02, value, 0.02, f"99 of 100 points move by at most {value:.3f} of the height")


def tracked_height(moved: Tensor) -> Tensor:
    """H, a scalar; the highest and the lowest percent of points are left out."""
    return moved[0, :, 1].quantile(0.99) - moved[0, :, 1].quantile(0.01)


def outer_points(moved: Tensor, top: bool, share: float = 1.0 / 3.0) -> Tensor:
    """(V, n, 3) the points in the upper or lower `share` of H; at least the ten outermost."""
    y = moved[0, :, 1] if top else -moved[0, :, 1]
    level = torch.minimum(y.quantile(0.99) - share * tracked_height(moved), y.topk(min(10, len(y))).values[-1])
    return moved[:, y >= level]


def yaw(moved: Tensor) -> Tensor:
    """(V,) degrees of the best turn about the vertical through the centroid since frame 0, from +z to +x, unwrapped."""
    place = (moved - moved.mean(1, keepdim=True))[..., [2, 0]]
    sin = (place[0, :, 0] * place[..., 1] - place[0, :, 1] * place[..., 0]).sum(-1)
    angle = torch.atan2(sin, (place[0] * place).sum((-2, -1)))
    step = torch.remainder(angle.diff() + torch.pi, 2.0 * torch.pi) - torch.pi
    return torch.cat([angle[:1], angle[0] + step.cumsum(0)]).rad2deg()


def residual_motion(moved: Tensor) -> Tensor:
    """(V,) share of the motion about the centroid that the turn by `yaw` leaves, in [0, 1] or a little above; rms."""
    place = moved - moved.mean(1, keepdim=True)
    angle = yaw(moved).deg2rad()[:, None]
    cos, sin = angle.cos(), angle.sin()
    x, y, z = place[0].unbind(-1)
    turned = torch.stack([x * cos + z * sin, y.expand_as(cos * x), z * cos - x * sin], -1)
    left, all_of_it = ((place - other).square().sum((-2, -1)).sqrt() for other in (turned, place[0]))
    return left / all_of_it.clamp(min=1e-9)


def frame_rotations(moved: Tensor) -> Tensor:
    """(V - 1, 3) the best turn of all points from each frame to the next, as axis times angle in radians."""
    place = moved - moved.mean(1, keepdim=True)
    turn = best_rotation(place[:-1], place[1:])
    angle = ((turn.diagonal(dim1=-2, dim2=-1).sum(-1) - 1.0) / 2.0).clamp(-1.0, 1.0).acos()
    odd = torch.stack([turn[:, i, j] - turn[:, j, i] for i, j in ((2, 1), (0, 2), (1, 0))], -1)
    return torch.nn.functional.normalize(odd, dim=-1) * angle[:, None]


def best_rotation(a: Tensor, b: Tensor) -> Tensor:
    """(V, 3, 3) the turn R that brings centred points a (V, N, 3) nearest to b, R a = b (Kabsch)."""
    u, _, vt = torch.linalg.svd(b.transpose(-1, -2) @ a)
    mirror = torch.ones(*u.shape[:-1], dtype=u.dtype, device=u.device)
    mirror[..., -1] = torch.det(u @ vt).sign()
    return u @ (mirror[..., None] * vt)


def relative_to_body(moved: Tensor) -> Tensor:
    """(V, N, 3) with the body's rigid motion taken away: frame 0's pose, and what moves against it.

    The body is what moves as one: in every frame the half of all points that the best rigid motion fits best, found by
    fitting three times.
    """
    weight = moved.new_ones(*moved.shape[:2], 1)
    for _ in range(3):
        total = weight.sum(1, keepdim=True)
        start = moved[:1] - (weight * moved[:1]).sum(1, keepdim=True) / total
        place = moved - (weight * moved).sum(1, keepdim=True) / total
        back = place @ best_rotation(weight * start, place) - start
        off = back.norm(dim=-1)
        weight = (off <= off.median(1, keepdim=True).values)[..., None].to(moved)
    return moved[0] + back
