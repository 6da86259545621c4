"""Motions that bend the object: one part of it moves more than another."""

import numpy as np

from to4d_lab.data.motions_whole import turned
from to4d_lab.data.style import Body, Moved, Style, smooth


def sway(body: Body, tau: np.ndarray, style: Style) -> Moved:
    """The top bends to the sides, the base stays."""
    bend, profile = 0.36 * style.amplitude * style.wave(tau, 1.0, 1.75), np.clip(body.level, 0, 1) ** 1.6
    lower = 0.35 * bend**2 * body.height * profile
    return body.x + bend * body.height * profile, body.y - lower, body.z + 0 * bend


def ripple(body: Body, tau: np.ndarray, style: Style) -> Moved:
    """A bend travels up the object from side to side, as along a flag."""
    wave = style.wave(tau, 1.5, 2.5, delay=0.9 * body.level)
    return body.x + 0.15 * style.amplitude * body.height * body.level**0.8 * wave, body.y + 0 * wave, body.z + 0 * wave


def nod(body: Body, tau: np.ndarray, style: Style) -> Moved:
    """Bows to one side and comes up again, about twice."""
    periods = style.speed * (1.5 + style.cycles)
    bow = 0.3 * style.amplitude * (1.0 - np.cos(2.0 * np.pi * periods * tau))
    profile = np.clip(body.level, 0, 1) ** 1.6
    forward = body.x + style.sign * bow * body.height * profile
    return forward, body.y - 0.4 * bow * body.height * profile, body.z + 0 * bow


def twist(body: Body, tau: np.ndarray, style: Style) -> Moved:
    """The top turns about the vertical to and fro by 45 to 75 degrees, slow ones further; the base stays."""
    top = np.deg2rad(75.0 - 30.0 * style.cycles) * style.amplitude
    return turned(body, top * style.wave(tau, 0.75, 1.25) * body.level)


def stretch(body: Body, tau: np.ndarray, style: Style) -> Moved:
    """Longer and shorter in turn, at constant volume."""
    tall = np.maximum(1.0 + 0.36 * style.amplitude * style.wave(tau, 0.75, 1.5), 0.45)
    wide = 1.0 / np.sqrt(tall)
    return body.x * wide, body.y * tall, body.z * wide


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


def wilt(body: Body, tau: np.ndarray, style: Style) -> Moved:
    """The upper part curls over to one side and sinks, and stays there: an arc that begins at a quarter of the height.

    The arc is never tighter than the object is wide, or the inner side would fold.
    """
    foot, share = 0.25 * body.height, smooth(style.progress(tau))
    length = body.height - foot
    most = min(1.75 * style.amplitude, 2.4, length / max(float(np.abs(body.x).max()), 1e-9))
    curve = np.maximum(style.sign * most * share, 1e-9) if style.sign > 0 else np.minimum(-most * share, -1e-9)
    angle, radius = curve * np.clip((body.y - foot) / length, 0.0, 1.0), length / curve
    x = radius * (1.0 - np.cos(angle)) + body.x * np.cos(angle)
    y = np.minimum(body.y, foot) + radius * np.sin(angle) - body.x * np.sin(angle)
    return x, y * (1.0 - 0.12 * style.amplitude * share), body.z + 0 * angle


def flap(body: Body, tau: np.ndarray, style: Style) -> Moved:
    """The two sides swing up and down like wings, and the middle goes the other way."""
    half = 0.5 * float(np.ptp(body.x))
    beat, side = style.amplitude * style.wave(tau, 2.0, 3.5), body.x - 0.5 * (body.x.min() + body.x.max())
    arm = np.maximum(np.abs(side) - 0.15 * half, 0.0)
    angle = 0.75 * beat * smooth(arm / (0.3 * half))
    inwards = np.sign(side) * arm * (np.cos(angle) - 1.0)
    return body.x + inwards, body.y + arm * np.sin(angle) - 0.06 * body.reach * beat, body.z + 0 * beat


def lengthwise(body: Body, heading: float) -> tuple[np.ndarray, np.ndarray]:
    """The direction (x, z) of the object's long horizontal axis towards its front, and places (1, N) along it.

    Objects face world +z; a round one is as long as wide, and its front is its length.
    """
    front = np.array([-np.sin(heading), np.cos(heading)])
    flat = np.stack([body.x[0], body.z[0]])
    sizes, axes = np.linalg.eigh(np.cov(flat))
    axis = axes[:, 1] if sizes[1] > 1.3 * sizes[0] else front
    axis = axis if axis @ front >= 0.0 else -axis
    return axis, (axis @ flat)[None]


def swim(body: Body, tau: np.ndarray, style: Style) -> Moved:
    """A wave runs from the head to the tail, sideways, and grows on its way; the whole bobs a little."""
    (x, z), along = lengthwise(body, style.heading)
    length = float(np.ptp(along))
    rear = (along.max() - along) / max(length, 1e-9)
    size = 0.16 * style.amplitude * length * (0.2 + 0.8 * rear**1.5)
    side = size * style.wave(tau, 1.5, 2.5, delay=0.7 * rear)
    bob = 0.04 * style.amplitude * body.reach * style.wave(tau, 1.0, 1.5)
    return body.x - z * side, body.y + bob, body.z + x * side
