"""Did it move as the prompt says? One check a motion, each on the silhouette of one view's clip.

A check is a yes or no with its number and a sentence. Lengths are shares of the object's height in frame 0, so that the
image size does not matter. What falls over is nothing else. Silhouettes are blind to what happens inside them, such as
a round object that spins, and to motion straight towards the camera. Therefore there is no check for spinning or
twisting, `falling` sees only falls across the view, a bow to the side is also a sway, and a squash is also a nod.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from to4d.metrics.silhouette import Track, track

QUIET = 1.0 / 3.0  # a base that moves less than this share of the motion stays where it is
RETURNED = 0.5  # a motion that has lost this share of its peak has come back
ROUND = 0.1  # below this a silhouette is too round to have an axis


@dataclass(frozen=True)
class Check:
    """The answer for one view: `value` against `threshold`, in the unit that `explanation` names."""

    kind: str
    passed: bool
    value: float
    threshold: float
    explanation: str


def jumping(seen: Track) -> Check:
    """The centroid rises by at least 10% of the height and comes back to half of that; the base leaves the ground too.

    A frame counts as the top of a jump if the lower bound rose by at least a third of the centroid's rise (growing and
    stretching lift only the centroid) and a later frame is back below half of the rise.
    """
    rise, lift = (seen.y - seen.y[0]) / seen.height[0], (seen.bottom - seen.bottom[0]) / seen.height[0]
    returned, lifted = _least_later(rise) <= RETURNED * rise, lift >= QUIET * rise
    value = torch.where(returned & lifted, rise, 0.0).max().item()
    text = f"the centroid rises by {rise.max():.3f} of the height, of which {value:.3f} with the base and back"
    return _unless_fallen(seen, Check("jumping", value >= 0.10, value, 0.10, text))


def growing(seen: Track) -> Check:
    """The area in the last frame is at least 1.2 times that of frame 0, and never came back.

    It comes back if, once past 1.2 times, it loses half of its growth or more: breathing is not growing.
    """
    growth = seen.area / seen.area[0]
    peak = growth.cummax(0).values
    back = ((peak >= 1.2) & (growth - 1.0 < RETURNED * (peak - 1.0))).any().item()
    value = growth[-1].item()
    text = f"the area ends at {value:.3f} times that of frame 0" + (", but came back in between" if back else "")
    return _unless_fallen(seen, Check("growing", value >= 1.2 and not back, value, 1.2, text))


def swaying(seen: Track) -> Check:
    """The upper half moves sideways by at least 8% of the height, the lower quarter by less than a third of that.

    Both are the largest distance from frame 0.
    """
    upper, lower = _sideways(seen.upper_x, seen).abs().max().item(), _sideways(seen.lower_x, seen).abs().max().item()
    text = f"the upper half moves sideways by {upper:.3f} of the height, the lower quarter by {lower:.3f}"
    return _unless_fallen(seen, Check("swaying", upper >= 0.08 and lower < QUIET * upper, upper, 0.08, text))


def melting(seen: Track) -> Check:
    """The height ends at 0.75 of frame 0 or less while the width is not smaller."""
    height, width = (seen.height[-1] / seen.height[0]).item(), (seen.width[-1] / seen.width[0]).item()
    text = f"the height ends at {height:.3f} of that in frame 0, the width at {width:.3f}"
    return _unless_fallen(seen, Check("melting", height <= 0.75 and width >= 1.0, height, 0.75, text))


def shaking(seen: Track, swing: float = 0.03) -> Check:
    """The whole object, its lower quarter too, turns round sideways at least three times, and stays down.

    A turn counts if it is followed by a way back of at least `swing` of the height, and of a third of the whole way.
    """
    path, base_path = _sideways(seen.x, seen), _sideways(seen.lower_x, seen)
    width, rise = (path.max() - path.min()).item(), ((seen.y.max() - seen.y.min()) / seen.height[0]).item()
    swing = max(swing, QUIET * width)
    turns, base = _turns(path, swing), _turns(base_path, swing)
    text = f"the centroid changes its sideways direction {turns} times, the lower quarter {base} times"
    text += f"; it moves by {width:.3f} of the height sideways and {rise:.3f} up and down"
    check = Check("shaking", min(turns, base) >= 3 and rise <= width, float(min(turns, base)), 3.0, text)
    return _unless_fallen(seen, check)


def falling(seen: Track) -> Check:
    """The long axis ends tilted by at least 45 degrees from frame 0, and the centroid 10% of the height to the side.

    The tilt is followed from frame to frame, except where the silhouette is too round to have an axis and in steps of
    more than 45 degrees: melting turns an upright axis into a lying one, through a round shape and on the spot.
    """
    angle = torch.atan2(seen.axis[:, 1], seen.axis[:, 0])  # twice the axis' angle
    step = (torch.remainder(angle.diff() + torch.pi, 2.0 * torch.pi) - torch.pi) / 2.0
    clear = seen.axis.norm(dim=-1) >= ROUND
    step = torch.where(clear[1:] & clear[:-1] & (step.abs() <= torch.pi / 4), step, 0.0)
    value, aside = step.sum().abs().rad2deg().item(), _sideways(seen.x, seen)[-1].abs().item()
    text = f"the long axis ends tilted by {value:.1f} degrees, the centroid {aside:.3f} of the height to the side"
    return Check("falling", value >= 45.0 and aside >= 0.10, value, 45.0, text)


def nodding(seen: Track) -> Check:
    """The top sinks by at least 5% of the height and comes back; the base stays, and the upper half to one side."""
    sink, lift = (seen.top[0] - seen.top) / seen.height[0], (seen.bottom - seen.bottom[0]) / seen.height[0]
    value = torch.where(_least_later(sink) <= RETURNED * sink, sink, 0.0).max().item()
    base = max(lift.abs().max().item(), _sideways(seen.lower_x, seen).abs().max().item())
    upper = _sideways(seen.upper_x, seen)
    other_side = min(upper.max().item(), -upper.min().item())
    one_sided = other_side <= QUIET * upper.abs().max().item()
    text = f"the top sinks by {value:.3f} of the height and comes back; the base moves by {base:.3f}"
    passed = value >= 0.05 and base < QUIET * value and one_sided
    text += "" if one_sided else "; the upper half goes to both sides"
    return _unless_fallen(seen, Check("nodding", passed, value, 0.05, text))


CHECKS: dict[str, Callable[[Track], Check]] = {
    "jumping": jumping,
    "growing": growing,
    "swaying": swaying,
    "melting": melting,
    "shaking": shaking,
    "falling": falling,
    "nodding": nodding,
}


def check_view(kind: str, opacity: Tensor) -> Check:
    """Check one view's clip, opacity (V, H, W); a frame without a silhouette fails it.

    >>> clip = torch.zeros(3, 20, 20)
    >>> clip[0, 10:20, 5:15] = clip[1, 6:16, 5:15] = clip[2, 10:20, 5:15] = 1.0
    >>> check_view("jumping", clip).passed, check_view("growing", clip).passed
    (True, False)
    """
    seen = track(opacity)
    empty = (seen.area <= 0.0).nonzero().flatten().tolist()
    if not empty:
        return CHECKS[kind](seen)
    threshold = CHECKS[kind](track(torch.ones(2, 1, 1))).threshold
    return Check(kind, False, float("nan"), threshold, f"nothing to see in frame {empty[0]}")


def _unless_fallen(seen: Track, check: Check) -> Check:
    """The same, but failed if the object falls over."""
    fell = falling(seen).passed
    return replace(check, passed=False, explanation=f"{check.explanation}; but it falls over") if fell else check


def _sideways(x: Tensor, seen: Track) -> Tensor:
    """(V,) the way to the right since frame 0, as a share of the height in frame 0."""
    return (x - x[0]) / seen.height[0]


def _least_later(path: Tensor) -> Tensor:
    """(V,) the least value in this frame or any later one."""
    return path.flip(0).cummin(0).values.flip(0)


def _turns(path: Tensor, swing: float) -> int:
    """How often a path (V,) turns round, where each way between two turns is at least `swing` long."""
    turns, direction, extreme = 0, 0, path[0].item()
    for value in path[1:].tolist():
        if direction * (value - extreme) > 0:
            extreme = value
        elif abs(value - extreme) >= swing:
            turns += direction != 0
            direction, extreme = (1 if value > extreme else -1), value
    return turns
