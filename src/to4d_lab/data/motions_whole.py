"""Motions of the object as one piece: it shifts, turns, tips or changes its size."""

import numpy as np

from to4d_lab.data.style import Body, Moved, Style, smooth


def hop(body: Body, count: np.ndarray, height: float, squash: np.ndarray | float) -> Moved:
    """The pose after `count` hops (V, 1): a parabola in the air, and a squash of this strength on the ground."""
    share = count % 1.0
    up = 4.0 * share * (1.0 - share)
    ground = np.exp(-((np.minimum(share, 1.0 - share) / 0.12) ** 2))
    tall = 1.0 + squash * (0.1 * up - 0.2 * ground)
    wide = 1.0 / np.sqrt(np.clip(tall, 0.4, 2.0))
    return body.x * wide, body.y * tall + height * up, body.z * wide


def jump(body: Body, tau: np.ndarray, style: Style) -> Moved:
    """A hop, now and then two, with squash on the ground and stretch in the air; at speed 1 it ends at rest."""
    hops, airtime = (1.0, 0.67) if style.cycles < 0.65 else (2.0, 0.4)
    count = np.maximum((tau - 0.08) * style.speed / airtime, 0.0)
    squash = style.amplitude * smooth(tau / 0.08) * (1.0 - smooth((count - hops) / 0.2))
    return hop(body, np.minimum(count, hops), 0.36 * style.amplitude * body.reach, squash)


def bounce(body: Body, tau: np.ndarray, style: Style) -> Moved:
    """Three to five small hops, each with a clear squash."""
    count = style.speed * (3.2 + 1.8 * style.cycles) * tau
    return hop(body, count, 0.17 * style.amplitude * body.reach, style.amplitude * smooth(tau / 0.06))


def grow(body: Body, tau: np.ndarray, style: Style) -> Moved:
    """The whole object becomes larger, standing on its base."""
    size = 1.0 + 0.45 * style.amplitude * smooth(style.progress(tau))
    return body.x * size, body.y * size, body.z * size


def shrink(body: Body, tau: np.ndarray, style: Style) -> Moved:
    """The whole object becomes smaller, standing on its base."""
    size = np.maximum(1.0 - 0.5 * style.amplitude * smooth(style.progress(tau)), 0.3)
    return body.x * size, body.y * size, body.z * size


def pulse(body: Body, tau: np.ndarray, style: Style) -> Moved:
    """Larger and smaller in turn about the middle, like breathing."""
    size, middle = 1.0 + 0.2 * style.amplitude * style.wave(tau, 1.5, 2.5), 0.5 * body.height
    return body.x * size, middle + (body.y - middle) * size, body.z * size


def shake(body: Body, tau: np.ndarray, style: Style) -> Moved:
    """Quick small moves from side to side."""
    shift = 0.13 * style.amplitude * body.reach * style.wave(tau, 2.0, 3.0)
    return body.x + shift, body.y + 0 * shift, body.z + 0 * shift


def turned(body: Body, angle: np.ndarray) -> Moved:
    """Turned about the vertical by `angle`, (V, 1) or (V, N)."""
    cos, sin = np.cos(angle), np.sin(angle)
    return body.x * cos + body.z * sin, body.y + 0 * cos, body.z * cos - body.x * sin


def spin(body: Body, tau: np.ndarray, style: Style) -> Moved:
    """Turns about the vertical at an even pace after a soft start, by 70 to 130 degrees at speed 1.

    Never by more than 160 degrees: most of what would come to sight was not in the first frame.
    """
    total = np.deg2rad(min((70.0 + 60.0 * style.cycles) * style.amplitude * style.speed, 160.0))
    start = 0.2
    pace = np.where(tau < start, 0.5 * tau**2 / start, tau - 0.5 * start) / (1.0 - 0.5 * start)
    return turned(body, style.sign * total * pace)


def tipped(body: Body, angle: np.ndarray, pivot: np.ndarray | float, level: float = 0.0) -> Moved:
    """Tipped about the line x = pivot, y = level, towards +x for positive angles (V, 1)."""
    cos, sin, x, y = np.cos(angle), np.sin(angle), body.x - pivot, body.y - level
    return pivot + x * cos + y * sin, level + y * cos - x * sin, body.z + 0 * cos


def rock(body: Body, tau: np.ndarray, style: Style) -> Moved:
    """Leans from one foot to the other, as a toy that totters."""
    lean = style.wave(tau, 1.0, 2.0)
    x, y, z = tipped(body, 0.3 * style.amplitude * lean, 0.0)
    return x, y + 0.08 * style.amplitude * body.height * np.abs(lean), z


def fall(body: Body, tau: np.ndarray, style: Style) -> Moved:
    """Topples over to one side, faster and faster."""
    angle = 1.3 * min(style.amplitude, 1.1) * style.progress(tau) ** 2
    return tipped(body, style.sign * angle, 0.5 * style.sign * float(np.abs(body.x).max()))


def roll(body: Body, tau: np.ndarray, style: Style) -> Moved:
    """Rolls to one side by 90 to 200 degrees, its lowest point always on the ground; it slips, to stay in view."""
    total = np.deg2rad(min((90.0 + 110.0 * style.cycles) * style.amplitude, 200.0))
    angle = style.sign * total * smooth(style.progress(tau))
    x, y, z = tipped(body, angle, 0.5 * (body.x.min() + body.x.max()), 0.5 * body.height)
    return x + 0.12 * body.reach * angle, y - y.min(1, keepdims=True), z


def fly(body: Body, tau: np.ndarray, style: Style) -> Moved:
    """Rises and stays up, drifting a little."""
    rise = 0.4 * style.amplitude * body.reach * smooth(style.progress(tau))
    return body.x + 0.05 * body.reach * style.wave(tau, 1.0, 2.0), body.y + rise, body.z + 0 * rise


def still(body: Body, tau: np.ndarray, style: Style) -> Moved:
    """Nothing moves."""
    return body.x + 0 * tau, body.y + 0 * tau, body.z + 0 * tau
