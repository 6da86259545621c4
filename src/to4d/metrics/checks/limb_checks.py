"""Motions of limbs against the body, from surface tracks (V, N, 3): one yes or no a clip.

The object faces along z, so that left and right are the two sides of its points' median in x. Nothing else is known of
its limbs: feet are what is in the lowest sixth, hands what is outermost in x above the hip. H is the height.
"""

from dataclasses import dataclass

from torch import Tensor

from to4d.metrics.checks.check import Check, correlation, turns
from to4d.metrics.checks.track_checks import outer_points, relative_to_body, tracked_height, yaw

FEET = 1.0 / 6.0  # of the height, from below, is feet


@dataclass(frozen=True)
class LimbPhase:
    """How the left of a pair of limbs moves to and fro against the right, relative to the body."""

    amplitude: float  # half the way from end to end of the limb that moves less, share of H
    correlation: float  # over time: -1 in turn, +1 together
    turns: int  # how often the one that turns round less does so


def limb_phase(moved: Tensor) -> tuple[LimbPhase, ...]:
    """The phase of the feet: of left and right, of those at the front, of those at the back, of front and back.

    A path is the mean of a foot's points along z.
    """
    low = outer_points(moved, top=False, share=FEET)[0]
    path = outer_points(relative_to_body(moved), top=False, share=FEET)[..., 2]
    x, z = low[:, 0] - moved[0, :, 0].median(), low[:, 2] - 0.5 * (low[:, 2].max() + low[:, 2].min())
    left, right, front, back = x < 0, x >= 0, z >= 0, z < 0
    pairs = [(left, right), (left & front, right & front), (left & back, right & back), (front, back)]
    return tuple(_phase(path[:, a], path[:, b], tracked_height(moved)) for a, b in pairs)


def is_quadruped(moved: Tensor) -> bool:
    """Whether the feet cover a place that is longer than wide by half: a biped's toes and heels do not gallop."""
    x, _, z = outer_points(moved, top=False, share=FEET)[0].T
    return bool(z.max() - z.min() > 1.5 * (x.max() - x.min()))


def body_stretch(moved: Tensor) -> float:
    """By how much what is not feet gets longer and shorter along z, share of H: half the way from end to end.

    The feet at the front and at the back of what breathes go to and fro as well; in a gallop the body keeps its length.
    """
    y = moved[0, :, 1]
    body = relative_to_body(moved)[:, y > y.quantile(0.01) + FEET * tracked_height(moved)]
    middle = 0.5 * (body[0, :, 2].max() + body[0, :, 2].min())
    front, back = (body[:, side, 2].mean(1) for side in (body[0, :, 2] >= middle, body[0, :, 2] < middle))
    length = (front - back) / tracked_height(moved)
    return 0.25 * (length.max() - length.min()).item()


def walking(moved: Tensor) -> Check:
    """Left and right feet move along z by 3% of H or more each, in turn: turning round, correlated by 0 or less.

    Either all left against all right (two legs), or at the front as well as at the back (four), or on four legs the
    front ones against the back ones (a gallop), if the body does not get longer and shorter by half as much. Except
    in a gallop, the base has to seem turned more than the top third: a twist moves the halves of the base in turn, too.
    """
    both, front, back, gallop = limb_phase(moved)
    names = {"left and right": (both,), "front and back pairs": (front, back)}
    if is_quadruped(moved) and body_stretch(moved) < 0.5 * gallop.amplitude:
        names["front and back"] = (gallop,)
    name, best = max(names.items(), key=lambda pairs: min(_strength(pair) for pair in pairs[1]))
    value = min(_strength(pair) for pair in best)
    top, bottom = (
        (angle.max() - angle.min()).item() for angle in (yaw(outer_points(moved, top=end)) for end in (True, False))
    )
    phases = ", ".join(f"{pair.amplitude:.3f} of the height with correlation {pair.correlation:.2f}" for pair in best)
    text = f"the feet ({name}) move by {phases}; the top turns by {top:.1f} degrees, the base by {bottom:.1f}"
    return Check("walking", value >= 0.03 and (top <= bottom or name == "front and back"), value, 0.03, text)


def waving(moved: Tensor) -> Check:
    """A hand moves by 8% of H or more against the body, the other less than half of that, and the body hardly.

    A hand is the outermost fifth of the points above 0.4 H on one side. Half of all points have to move less than a
    quarter of the hand's way.
    """
    way = (relative_to_body(moved) - moved[0]).norm(dim=-1).amax(0) / tracked_height(moved)
    x, y = moved[0, :, 0], moved[0, :, 1]
    upper, middle = y >= y.quantile(0.01) + 0.4 * tracked_height(moved), x.median()
    left, right = (_outermost(side * (x - middle), upper, way) for side in (-1.0, 1.0))
    value, other, rest = max(left, right), min(left, right), way.median().item()
    text = f"one hand moves by {value:.3f} of the height against the body, the other by {other:.3f}, "
    text += f"half of all points by {rest:.3f} or less"
    return Check("waving", value >= 0.08 and other < 0.5 * value and rest < 0.25 * value, value, 0.08, text)


def _phase(left: Tensor, right: Tensor, size: Tensor) -> LimbPhase:
    """Of the paths (V, n), (V, m) of the points of two limbs, in world units."""
    if not left.shape[1] or not right.shape[1]:
        return LimbPhase(0.0, 0.0, 0)
    a, b = left.mean(1) / size, right.mean(1) / size
    amplitudes = [0.5 * (path.max() - path.min()).item() for path in (a, b)]
    return LimbPhase(min(amplitudes), correlation(a, b), min(turns(path, 0.03) for path in (a, b)))


def _strength(pair: LimbPhase) -> float:
    """The amplitude of a pair that moves in turn and to and fro, else 0."""
    return pair.amplitude if pair.correlation <= 0.0 and pair.turns else 0.0


def _outermost(out: Tensor, upper: Tensor, way: Tensor) -> float:
    """Mean way (N,) of the fifth of the points of one side, above the hip, that is farthest out (N,)."""
    side = upper & (out > 0)
    if not side.any():
        return 0.0
    return way[side & (out >= out[side].quantile(0.8))].mean().item()
