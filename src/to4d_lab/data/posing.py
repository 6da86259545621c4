"""Turning limbs about their joints.

Angles are radians; y is up, objects face +z. A positive angle about x takes what hangs down backwards, one about z
takes it towards +x. What says "in place" changes `points` (V, N, 3), the poses over time.
"""

import numpy as np

from to4d_lab.data.coloured import ColouredMesh, Limb
from to4d_lab.data.style import smooth

X, Y, Z = np.eye(3)


def limbs(mesh: ColouredMesh, *names: str) -> list[Limb]:
    """The limbs with one of these names."""
    return [limb for limb in mesh.limbs if limb.name in names]


def rest(mesh: ColouredMesh, tau: np.ndarray) -> np.ndarray:
    """The rest pose at every time, (V, N, 3), writable."""
    return np.repeat(mesh.vertices[None], len(tau), 0)


def height(mesh: ColouredMesh) -> float:
    """From the lowest to the highest vertex."""
    return float(np.ptp(mesh.vertices[:, 1]))


def direction(mesh: ColouredMesh, limb: Limb) -> np.ndarray:
    """Where the limb points from its joint at rest, a unit vector (3,)."""
    way = limb.members @ (mesh.vertices - limb.pivot)
    return way / (np.linalg.norm(way) + 1e-9)


def turned(points: np.ndarray, weights: np.ndarray, pivot: np.ndarray, axis: np.ndarray, angle: np.ndarray) -> None:
    """Turn points (V, N, 3) in place about the unit `axis` through `pivot`, by angle (V,) or (V, N) x weights (N,)."""
    chosen = np.flatnonzero(weights)
    angle = (angle if angle.ndim == 2 else angle[:, None] * np.ones_like(weights))[:, chosen] * weights[chosen]
    arm = points[:, chosen] - pivot
    cos, sin = np.cos(angle)[..., None], np.sin(angle)[..., None]
    along = (arm @ axis)[..., None] * axis
    points[:, chosen] = pivot + along + (arm - along) * cos + np.cross(axis, arm) * sin


def raised(mesh: ColouredMesh, limb: Limb, aim: np.ndarray) -> tuple[np.ndarray, float]:
    """The axis (3,) and the angle that turn the limb from its rest direction to the direction `aim` (3,)."""
    way, aim = direction(mesh, limb), aim / np.linalg.norm(aim)
    axis = np.cross(way, aim)
    size = np.linalg.norm(axis)
    return (axis / size if size > 1e-6 else Z), float(np.arctan2(size, way @ aim))


def swing_leg(points: np.ndarray, mesh: ColouredMesh, leg: Limb, angle: np.ndarray, knee: np.ndarray) -> None:
    """Swing a leg backwards by `angle` (V,) with its lower half bent backwards by `knee` (V,), in place."""
    way = mesh.vertices[leg.members > 0.5 * leg.members.max()]
    foot = way[way[:, 1] < way[:, 1].min() + 0.3 * np.ptp(way[:, 1])].mean(0)
    middle, length = 0.5 * (leg.pivot + foot), np.linalg.norm(leg.pivot - foot)
    lower = smooth(0.5 + (middle[1] - mesh.vertices[:, 1]) / (0.4 * length))
    turned(points, leg.members * lower, middle, X, knee)
    turned(points, leg.members, leg.pivot, X, angle)


def grounded(points: np.ndarray, mesh: ColouredMesh) -> None:
    """Lift or lower each pose, in place, so that its lowest point is as low as at rest."""
    points[..., 1] += mesh.vertices[:, 1].min() - points[..., 1].min(1, keepdims=True)
