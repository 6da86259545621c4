"""Did it move as the prompt says? One check a motion, each on the silhouette of one view's clip.

A check is a yes or no with its number and a sentence. Lengths are shares of the object's height in frame 0, so that the
image size does not matter. What falls over is nothing else. Silhouettes are blind to what happens inside them and to
motion straight towards the camera: `falling` sees only falls across the view, a bow to the side is also a sway, and a
squash is also a nod. What they cannot see is checked on surface tracks, in `track_checks` and `limb_checks`.
"""

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from to4d.metrics.checks.check import QUIET, RETURNED, Check, came_back, least_later, turns
from to4d.metrics.checks.silhouette import SilhouetteTrack, track_silhouette
from to4d.metrics.checks.size_checks import breathing, growing, melting, shrinking, stretching

ROUND = 0.1  # below this a silhouette is too round to have an axis


def jumping(track: SilhouetteTrack) -> Check:
    """The centroid rises by at least 10% of the height and comes back to half of that; the base leaves the ground too.

    A frame counts as the top of a jump if the lower bound rose by at least a third of the centroid's rise (growing and
    stretching lift only the centroid) and a later frame is back below half of the rise.
    """
    rise, lift = _up(track.y, track), _up(track.bottom, track)
    returned, lifted = least_later(rise) <= RETURNED * rise, lift >= QUIET * rise
    value = torch.where(returned & lifted, rise, 0.0).max().item()
    text = f"the centroid rises by {rise.max():.3f} of the height, of which {value:.3f} with the base and back"
    return Check("jumping", value >= 0.10, value, 0.10, text)


def flying(track: SilhouetteTrack) -> Check:
    """Centroid and base end at least 15% of the height above frame 0, and never came back to half of their rise."""
    rise = torch.minimum(_up(track.y, track), _up(track.bottom, track))
    back, value = came_back(rise, 0.15), rise[-1].item()
    text = f"centroid and base end {value:.3f} of the height higher" + (", but came back in between" if back else "")
    return Check("flying", value >= 0.15 and not back, value, 0.15, text)


def swaying(track: SilhouetteTrack) -> Check:
    """The upper half moves sideways by at least 8% of the height, the lower quarter by less than a third of that.

    Both are the largest distance from frame 0.
    """
    upper, lower = (
        _sideways(track.upper_x, track).abs().max().item(),
        _sideways(track.lower_x, track).abs().max().item(),
    )
    text = f"the upper half moves sideways by {upper:.3f} of the height, the lower quarter by {lower:.3f}"
    return Check("swaying", upper >= 0.08 and lower < QUIET * upper, upper, 0.08, text)


def shaking(track: SilhouetteTrack, swing: float = 0.03) -> Check:
    """The whole object, its lower quarter too, turns round sideways at least three times, and stays down.

    A turn counts if it is followed by a way back of at least `swing` of the height, and of a third of the whole way.
    """
    path, base_path = _sideways(track.x, track), _sideways(track.lower_x, track)
    width, rise = (
        (path.max() - path.min()).item(),
        ((track.y.max() - track.y.min()) / track.height[0]).item(),
    )
    swing = max(swing, QUIET * width)
    whole, base = turns(path, swing), turns(base_path, swing)
    text = f"the centroid changes its sideways direction {whole} times, the lower quarter {base} times"
    text += f"; it moves by {width:.3f} of the height sideways and {rise:.3f} up and down"
    return Check("shaking", min(whole, base) >= 3 and rise <= width, float(min(whole, base)), 3.0, text)


def falling(track: SilhouetteTrack) -> Check:
    """The long axis ends tilted by 45 to 120 degrees from frame 0, and the centroid 10% of the height to the side."""
    value, aside = _tilt(track).abs()[-1].item(), _sideways(track.x, track)[-1].abs().item()
    text = f"the long axis ends tilted by {value:.1f} degrees, the centroid {aside:.3f} of the height to the side"
    return Check("falling", 45.0 <= value < 120.0 and aside >= 0.10, value, 45.0, text)


def rolling(track: SilhouetteTrack) -> Check:
    """The long axis turns over by 120 degrees or more, and the centroid moves 15% of the height to the side.

    What is too round to have an axis is not seen to roll.
    """
    value, aside = _tilt(track).abs().max().item(), _sideways(track.x, track).abs().max().item()
    text = f"the long axis turns by {value:.1f} degrees, the centroid moves {aside:.3f} of the height to the side"
    return Check("rolling", value >= 120.0 and aside >= 0.15, value, 120.0, text)


def nodding(track: SilhouetteTrack) -> Check:
    """The top sinks by at least 5% of the height and comes back; the base stays, and the upper half to one side.

    Frames in which the object is narrower than 0.95 times its width do not count: what becomes smaller does not bow.
    """
    whole = track.width >= 0.95 * track.width[0]
    sink, lift = -_up(track.top, track), _up(track.bottom, track)
    value = torch.where((least_later(sink) <= RETURNED * sink) & whole, sink, 0.0).max().item()
    base = max(lift.abs().max().item(), _sideways(track.lower_x, track).abs().max().item())
    upper = _sideways(track.upper_x, track)
    other_side = min(upper.max().item(), -upper.min().item())
    one_sided = other_side <= QUIET * upper.abs().max().item()
    text = f"the top sinks by {value:.3f} of the height and comes back; the base moves by {base:.3f}"
    passed = value >= 0.05 and base < QUIET * value and one_sided
    text += "" if one_sided else "; the upper half goes to both sides"
    return Check("nodding", passed, value, 0.05, text)


def still(track: SilhouetteTrack) -> Check:
    """No bound and no centroid moves by more than 3% of the height, and no area changes by more than 5%."""
    places = (
        track.x,
        track.y,
        track.left,
        track.right,
        track.bottom,
        track.top,
        track.upper_x,
        track.lower_x,
    )
    value = max(_up(place, track).abs().max().item() for place in places)
    area = (track.area / track.area[0] - 1.0).abs().max().item()
    text = f"bounds and centroids move by up to {value:.3f} of the height, the area changes by up to {area:.3f}"
    return Check("still", value <= 0.03 and area <= 0.05, value, 0.03, text)


def _unless_fallen(check: Callable[[SilhouetteTrack], Check]) -> Callable[[SilhouetteTrack], Check]:
    """The same, but failed if the object falls over."""

    def checked(track: SilhouetteTrack) -> Check:
        answer = check(track)
        text = f"{answer.explanation}; but it falls over"
        return replace(answer, passed=False, explanation=text) if falling(track).passed else answer

    return checked


ALONE = (jumping, growing, swaying, melting, shaking, nodding, flying, shrinking, breathing, stretching, still)
CHECKS: dict[str, Callable[[SilhouetteTrack], Check]] = {check.__name__: _unless_fallen(check) for check in ALONE}
CHECKS |= {"falling": falling, "rolling": rolling}


def check_view(kind: str, opacity: Tensor) -> Check:
    """Check one view's clip, opacity (V, H, W); a frame without a silhouette fails it.

    >>> clip = torch.zeros(3, 20, 20)
    >>> clip[0, 10:20, 5:15] = clip[1, 6:16, 5:15] = clip[2, 10:20, 5:15] = 1.0
    >>> check_view("jumping", clip).passed, check_view("growing", clip).passed
    (True, False)
    """
    track = track_silhouette(opacity)
    empty = (track.area <= 0.0).nonzero().flatten().tolist()
    if not empty:
        return CHECKS[kind](track)
    threshold = CHECKS[kind](track_silhouette(torch.ones(2, 1, 1))).threshold
    return Check(kind, False, float("nan"), threshold, f"nothing to see in frame {empty[0]}")


def _up(path: Tensor, track: SilhouetteTrack) -> Tensor:
    """(V,) the way up (or to the right) since frame 0, as a share of the height in frame 0."""
    return (path - path[0]) / track.height[0]


_sideways = _up


def _tilt(track: SilhouetteTrack) -> Tensor:
    """(V,) degrees by which the long axis has turned, followed from frame to frame.

    Not followed are frames in which the silhouette is too round to have an axis, and steps of more than 45 degrees:
    melting turns an upright axis into a lying one, through a round shape and on the spot.
    """
    angle = torch.atan2(track.axis[:, 1], track.axis[:, 0])  # twice the axis' angle
    step = (torch.remainder(angle.diff() + torch.pi, 2.0 * torch.pi) - torch.pi) / 2.0
    clear = track.axis.norm(dim=-1) >= ROUND
    step = torch.where(clear[1:] & clear[:-1] & (step.abs() <= torch.pi / 4), step, 0.0)
    return torch.cat([step.new_zeros(1), step.cumsum(0)]).rad2deg()
