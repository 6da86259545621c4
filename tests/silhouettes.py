"""Synthetic silhouettes in motion, drawn from closed forms: the material of the motion checks' tests.

A shape says which points of [-0.5, 0.5] x [0, 1] it covers (it stands on y = 0, one unit high); a motion says where
the points of a frame come from. Images show x in [-1.5, 1.5] and y in [-0.5, 2.5].
"""

from collections.abc import Callable

import torch
from torch import Tensor

Points = tuple[Tensor, Tensor]
Shape = Callable[[Tensor, Tensor], Tensor]
Motion = Callable[[Tensor, Tensor, float], Points]


def disc(x: Tensor, y: Tensor) -> Tensor:
    return x**2 + (y - 0.5) ** 2 <= 0.25


def box(x: Tensor, y: Tensor) -> Tensor:
    return (x.abs() <= 0.25) & (y >= 0) & (y <= 1)


def tee(x: Tensor, y: Tensor) -> Tensor:
    return ((x.abs() <= 0.12) & (y >= 0) & (y <= 1)) | ((x.abs() <= 0.45) & (y >= 0.7) & (y <= 1))


SHAPES = {"disc": disc, "box": box, "tee": tee}


def jump(amount: float, hops: float = 1.0) -> Motion:
    """Rise by up to `amount`, and land."""
    return lambda x, y, t: (x, y - amount * abs(_sin(0.5 * hops * t)))


def grow(amount: float) -> Motion:
    """Larger by the factor 1 + `amount` at the end, from the ground up."""
    return lambda x, y, t: (x / (1 + amount * t), y / (1 + amount * t))


def sway(amount: float, periods: float = 1.25) -> Motion:
    """The top bends sideways by up to `amount`, the base stays."""
    return lambda x, y, t: (x - amount * _sin(periods * t) * y.clamp(min=0) ** 1.6, y)


def melt(amount: float) -> Motion:
    """Lower by `amount` at the end, and wider at the base."""
    return lambda x, y, t: (x / (1 + 0.8 * amount * t * (1 - y / (1 - amount * t)).clamp(min=0)), y / (1 - amount * t))


def shake(amount: float, periods: float = 3.0) -> Motion:
    """To and fro as a whole."""
    return lambda x, y, t: (x - amount * _sin(periods * t), y)


def fall(degrees: float) -> Motion:
    """Topple to the right, around the corner it stands on."""

    def motion(x: Tensor, y: Tensor, t: float) -> Points:
        angle = torch.tensor(degrees * min(1.0, 1.2 * t) ** 2).deg2rad()
        x = x - 0.25
        return 0.25 + angle.cos() * x - angle.sin() * y, angle.sin() * x + angle.cos() * y

    return motion


def nod(amount: float) -> Motion:
    """The upper part sinks by `amount` of the height and comes back, as seen from the front."""
    return lambda x, y, t: (x, y + amount * _sin(0.5 * 1.5 * t) ** 2 * y.clamp(min=0) ** 1.6 / (1 - amount))


def still() -> Motion:
    """Nothing happens."""
    return lambda x, y, t: (x, y)


def fly(amount: float) -> Motion:
    """Rise and stay up."""
    return lambda x, y, t: (x, y - amount * t)


def pulse(amount: float) -> Motion:
    """Larger and back."""
    return lambda x, y, t: (x / (1 + amount * abs(_sin(0.5 * t))), y / (1 + amount * abs(_sin(0.5 * t))))


def clip(shape: Shape, motion: Motion, size: int = 96, frames: int = 16, shift: float = 0.0) -> Tensor:
    """Opacity (V, size, size), 4 x 4 samples a pixel, frame i at time i/(V - 1); `shift` moves the picture right."""
    grid = (torch.arange(4 * size, dtype=torch.float64) + 0.5) * 3 / (4 * size)
    y, x = torch.meshgrid(2.5 - grid, grid - 1.5 - shift, indexing="ij")
    pictures = [shape(*motion(x, y, i / max(1, frames - 1))).double() for i in range(frames)]
    return torch.stack(pictures).unflatten(-2, (size, 4)).unflatten(-1, (size, 4)).mean((-3, -1)).float()


def _sin(turns: float) -> float:
    return float(torch.tensor(2 * torch.pi * turns, dtype=torch.float64).sin())
