"""The answer of a motion check, and what several of them measure of a path over time."""

from dataclasses import dataclass

from torch import Tensor

QUIET = 1.0 / 3.0  # a base that moves less than this share of the motion stays where it is
RETURNED = 0.5  # a motion that has lost this share of its peak has come back


@dataclass(frozen=True)
class Check:
    """The answer for one view or one clip: `value` against `threshold`, in the unit that `explanation` names."""

    kind: str
    passed: bool
    value: float
    threshold: float
    explanation: str


def least_later(path: Tensor) -> Tensor:
    """(V,) the least value in this frame or any later one."""
    return path.flip(0).cummin(0).values.flip(0)


def came_back(growth: Tensor, threshold: float) -> bool:
    """Whether a path (V,) of growth, once past `threshold`, ever loses half of its greatest growth so far."""
    peak = growth.cummax(0).values
    return bool(((peak >= threshold) & (growth < RETURNED * peak)).any())


def turns(path: Tensor, swing: float) -> int:
    """How often a path (V,) turns round, where each way between two turns is at least `swing` long."""
    count, direction, extreme = 0, 0, path[0].item()
    for value in path[1:].tolist():
        if direction * (value - extreme) > 0:
            extreme = value
        elif abs(value - extreme) >= swing:
            count += direction != 0
            direction, extreme = (1 if value > extreme else -1), value
    return count


def correlation(a: Tensor, b: Tensor) -> float:
    """Of two paths (V,) over time, in [-1, 1]; 0 if one of them does not move."""
    a, b = a - a.mean(), b - b.mean()
    return ((a * b).sum() / (a.norm() * b.norm()).clamp(min=1e-12)).item()
