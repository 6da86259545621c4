"""How things move: a kind of motion and a random style -> vertices over time.

All lengths relate to the object's height. A clip runs over tau in [0, 1]; every motion is the rest pose at tau = 0.
Directions, signs, phases and counts come from `Style`, so they do not follow from a caption alone.
"""

import numpy as np

from to4d_lab.data.motions_bend import bloom, flap, melt, nod, ripple, stretch, sway, swim, twist, wilt
from to4d_lab.data.motions_whole import (
    bounce,
    fall,
    fly,
    grow,
    jump,
    pulse,
    rock,
    roll,
    shake,
    shrink,
    spin,
    still,
)
from to4d_lab.data.style import Body, Style

SIZE_CHANGES = (grow, bloom, shrink, melt, stretch, pulse)
BENDS = (sway, ripple, nod, twist, wilt, flap, swim)
SHIFTS_AND_TURNS = (jump, bounce, rock, shake, spin, fall, roll, fly, still)
MOTIONS = {motion.__name__: motion for motion in (*SHIFTS_AND_TURNS, *BENDS, *SIZE_CHANGES)}


def move(kind: str, vertices: np.ndarray, tau: np.ndarray, style: Style) -> np.ndarray:
    """Vertices (N, 3) over the times tau (V,): (V, N, 3), world axes."""
    cos, sin = np.cos(style.heading), np.sin(style.heading)
    axes = np.array([[cos, 0.0, -sin], [0.0, 1.0, 0.0], [sin, 0.0, cos]])
    x, y, z = (vertices @ axes.T).T[:, None]
    base = y.min()
    body = Body(x, y - base, z, float(np.ptp(y)))
    x, y, z = MOTIONS[kind](body, tau[:, None], style)
    return np.stack([x, y + base, z], -1) @ axes
