"""How things move: a kind of motion and a random style -> vertices over time.

All lengths relate to the object's height. A clip runs over tau in [0, 1]; every motion is the rest pose at tau = 0.
Directions, signs, phases and counts come from `Style`, so that a caption alone never tells which of them a clip shows.
"""

import numpy as np

from to4d.guidance.mini.data.style import Body, Style, smooth

Moved = tuple[np.ndarray, np.ndarray, np.ndarray]  # x, y, z, each (V, N)


def jump(body: Body, tau: np.ndarray, style: Style) -> Moved:
    """One to two hops with squash on the ground and stretch in the air."""
    hops = style.speed * (1.0 if style.cycles < 0.5 else 2.0)
    start = 0.12 * abs(np.sin(7.0 * style.cycles))
    count = np.clip((tau - start) / (1.0 - start) * 1.05, 0.0, 1.0) * hops
    share = count % 1.0
    up = 4.0 * share * (1.0 - share)
    ground = np.exp(-((np.minimum(share, 1.0 - share) / 0.12) ** 2)) * smooth(tau / 0.08)
    stretch = 1.0 + style.amplitude * (0.1 * up - 0.2 * ground)
    wide = 1.0 / np.sqrt(np.clip(stretch, 0.4, 2.0))
    rise = 0.36 * style.amplitude * body.height * up
    return body.x * wide, body.y * stretch + rise, body.z * wide


def sway(body: Body, tau: np.ndarray, style: Style) -> Moved:
    """The top bends to the sides, the base stays."""
    bend, profile = 0.36 * style.amplitude * style.wave(tau, 1.0, 1.75), np.clip(body.level, 0, 1) ** 1.6
    lower = 0.35 * bend**2 * body.height * profile
    return body.x + bend * body.height * profile, body.y - lower, body.z + 0 * bend


def grow(body: Body, tau: np.ndarray, style: Style) -> Moved:
    """The whole object becomes larger, standing on its base."""
    size = 1.0 + 0.45 * style.amplitude * style.progress(tau)
    return body.x * size, body.y * size, body.z * size


def shrink(body: Body, tau: np.ndarray, style: Style) -> Moved:
    """The whole object becomes smaller, standing on its base."""
    size = np.maximum(1.0 - 0.5 * style.amplitude * style.progress(tau), 0.3)
    return body.x * size, body.y * size, body.z * size


def bloom(body: Body, tau: np.ndarray, style: Style) -> Moved:
    """The upper part opens outwards while everything rises a little."""
    share = style.amplitude * smooth(style.progress(tau))
    wide = 1.0 + 0.7 * share * np.clip((body.level - 0.2) / 0.5, 0.0, 1.0)
    return body.x * wide, body.y * (1.0 + 0.2 * share), body.z * wide


def melt(body: Body, tau: np.ndarray, style: Style) -> Moved:
    """Sinks down and spreads at the base."""
    share = style.amplitude * style.progress(tau) ** 1.3
    wide = 1.0 + 0.8 * share * (1.0 - np.clip(body.level, 0, 1))
    return body.x * wide, body.y * np.maximum(1.0 - 0.65 * share, 0.12), body.z * wide


def shake(body: Body, tau: np.ndarray, style: Style) -> Moved:
    """Quick small moves from side to side."""
    shift = 0.1 * style.amplitude * body.height * style.wave(tau, 3.0, 4.5)
    return body.x + shift, body.y + 0 * shift, body.z + 0 * shift


def turned(body: Body, angle: np.ndarray) -> Moved:
    """Turned about the vertical by `angle`, (V, 1) or (V, N)."""
    cos, sin = np.cos(angle), np.sin(angle)
    return body.x * cos + body.z * sin, body.y + 0 * cos, body.z * cos - body.x * sin


def spin(body: Body, tau: np.ndarray, style: Style) -> Moved:
    """Turns about the vertical, half a turn at speed 1."""
    return turned(body, style.sign * np.pi * (0.7 + 0.5 * style.cycles) * style.speed * style.amplitude * tau)


def twist(body: Body, tau: np.ndarray, style: Style) -> Moved:
    """The top turns about the vertical to and fro, the base stays."""
    return turned(body, 1.2 * style.amplitude * style.wave(tau, 0.75, 1.25) * body.level)


def nod(body: Body, tau: np.ndarray, style: Style) -> Moved:
    """Bows to one side and comes up again, once or twice."""
    periods = style.speed * (1.0 + style.cycles)
    bow = 0.3 * style.amplitude * (1.0 - np.cos(2.0 * np.pi * periods * tau))
    profile = np.clip(body.level, 0, 1) ** 1.6
    forward = body.x + style.sign * bow * body.height * profile
    return forward, body.y - 0.4 * bow * body.height * profile, body.z + 0 * bow


def stretch(body: Body, tau: np.ndarray, style: Style) -> Moved:
    """Longer and shorter in turn, at constant volume."""
    tall = np.maximum(1.0 + 0.36 * style.amplitude * style.wave(tau, 0.75, 1.5), 0.45)
    wide = 1.0 / np.sqrt(tall)
    return body.x * wide, body.y * tall, body.z * wide


def pulse(body: Body, tau: np.ndarray, style: Style) -> Moved:
    """Larger and smaller in turn about the middle, like breathing."""
    size, middle = 1.0 + 0.2 * style.amplitude * style.wave(tau, 1.5, 2.5), 0.5 * body.height
    return body.x * size, middle + (body.y - middle) * size, body.z * size


def tipped(body: Body, angle: np.ndarray, pivot: float) -> Moved:
    """Tipped about the point x = pivot on the ground, towards +x for positive angles (V, 1)."""
    cos, sin, x = np.cos(angle), np.sin(angle), body.x - pivot
    return pivot + x * cos + body.y * sin, body.y * cos - x * sin, body.z + 0 * cos


def rock(body: Body, tau: np.ndarray, style: Style) -> Moved:
    """Steps from one side to the other, as a toy that walks."""
    lean = style.wave(tau, 1.0, 2.0)
    x, y, z = tipped(body, 0.3 * style.amplitude * lean, 0.0)
    return x, y + 0.08 * style.amplitude * body.height * np.abs(lean), z


def fall(body: Body, tau: np.ndarray, style: Style) -> Moved:
    """Topples over to one side."""
    angle = 1.3 * min(style.amplitude, 1.1) * style.progress(tau) ** 2
    return tipped(body, style.sign * angle, 0.5 * style.sign * float(np.abs(body.x).max()))


def fly(body: Body, tau: np.ndarray, style: Style) -> Moved:
    """Rises and stays up, drifting a little."""
    rise = 0.4 * style.amplitude * body.height * smooth(style.progress(tau))
    return body.x + 0.05 * body.height * style.wave(tau, 1.0, 2.0), body.y + rise, body.z + 0 * rise


def still(body: Body, tau: np.ndarray, style: Style) -> Moved:
    """Nothing moves."""
    return body.x + 0 * tau, body.y + 0 * tau, body.z + 0 * tau


MOTIONS = {
    f.__name__: f
    for f in (jump, grow, bloom, melt, shrink, sway, rock, shake, nod, twist, spin, stretch, pulse, fall, fly, still)
}


def move(kind: str, vertices: np.ndarray, tau: np.ndarray, style: Style) -> np.ndarray:
    """Vertices (N, 3) over the times tau (V,): (V, N, 3), world axes."""
    cos, sin = np.cos(style.heading), np.sin(style.heading)
    axes = np.array([[cos, 0.0, -sin], [0.0, 1.0, 0.0], [sin, 0.0, cos]])
    x, y, z = (vertices @ axes.T).T[:, None]
    base = y.min()
    body = Body(x, y - base, z, float(np.ptp(y)))
    x, y, z = MOTIONS[kind](body, tau[:, None], style)
    return np.stack([x, y + base, z], -1) @ axes
