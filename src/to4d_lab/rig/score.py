"""How well a found rig agrees with the true roles of an example: limb by limb."""

from dataclasses import dataclass

import numpy as np
from scipy.spatial import KDTree

from to4d.types import Rig
from to4d_lab.rig.truth import Example

CLOSE = 0.1  # of the longest side: a tip that is this near to the true one is found
NAMED = 0.3  # precision and recall of the motion that a limb's name needs
HEAD_ROLES = ("head", "neck", "jaw")


@dataclass(frozen=True)
class LimbScore:
    """One true limb."""

    role: str
    tip: bool  # whether a tip of any limb of the rig is at its tip
    named: bool  # whether the joints of its role move it
    precision: float  # share of the motion of its role's joints that is on right vertices
    recall: float  # share of the right motion that they give
    side: bool | None  # of a limb whose kind is right: whether its side is; None: it has none


def score_limbs(rig: Rig, example: Example) -> tuple[LimbScore, ...]:
    """The scores of all true limbs. Rig and example are one mesh in the same place."""
    area, size = _areas(example), np.ptp(example.vertices, axis=0).max()
    found = _role_masses(rig, example)
    return tuple(_score(rig, example, number, area, size, found) for number in range(len(example.roles)))


def _score(
    rig: Rig, example: Example, number: int, area: np.ndarray, size: float, found: dict[str, np.ndarray]
) -> LimbScore:
    role, mass = example.roles[number], example.masses[:, number]
    agreement = {name: _agreement(mine, mass, area) for name, mine in found.items()}
    precision, recall = agreement.get(role, (0.0, 0.0))
    best = max(agreement, key=lambda name: agreement[name][1], default=None)
    side = None
    if best is not None and role[-2:] in ("_L", "_R") and best[:-2] == role[:-2] and min(agreement[best]) > NAMED:
        side = best == role
    gap = _tip_gap(rig, example, number)
    return LimbScore(role, bool(gap < CLOSE * size), min(precision, recall) > NAMED, precision, recall, side)


def _areas(example: Example) -> np.ndarray:
    """(N,) a third of the area of the triangles around each vertex."""
    a, b, c = (example.vertices[example.faces[:, corner]] for corner in range(3))
    triangle = np.linalg.norm(np.cross(b - a, c - a), axis=1) / 6
    corners = np.repeat(triangle, 3)
    return np.bincount(example.faces.ravel(), corners, len(example.vertices))


def _role_masses(rig: Rig, example: Example) -> dict[str, np.ndarray]:
    """Role -> (N,) weight of its joints; necks and jaws count as head."""
    dense = np.zeros((len(example.vertices), len(rig.roles)))
    np.add.at(dense, (np.arange(len(dense))[:, None], rig.influences.numpy()), rig.weights.numpy())
    masses: dict[str, np.ndarray] = {}
    for joint, role in enumerate(rig.roles):
        role = "head" if role in HEAD_ROLES else role
        if role not in ("root", "spine", "stem", "other"):
            masses[role] = masses.get(role, 0.0) + dense[:, joint]
    return masses


def _agreement(found: np.ndarray, true: np.ndarray, area: np.ndarray) -> tuple[float, float]:
    both = float(np.minimum(found, true) @ area)
    return both / max(float(found @ area), 1e-12), both / max(float(true @ area), 1e-12)


def _tip_gap(rig: Rig, example: Example, number: int) -> float:
    """Distance from the nearest tip of the rig's limbs to the tip of a true limb, or to any vertex of a true head."""
    ends = [joint for joint in range(1, len(rig.parents)) if joint not in rig.parents]
    if not ends:
        return np.inf
    tips = rig.joints.numpy()[ends]
    inside = example.masses[:, number] > 0.5
    if not inside.any():
        return np.inf
    targets = example.vertices[inside] if example.roles[number] == "head" else true_tip(example, number)[None]
    return float(KDTree(tips).query(targets)[0].min())


def true_tip(example: Example, number: int) -> np.ndarray:
    """(3,) the mean of the 5 % of a limb's vertices that are farthest from its base, for legs also the lowest."""
    inside = example.masses[:, number] > 0.5
    limb, rest = example.vertices[inside], example.vertices[example.masses.sum(1) < 0.5]
    rest = rest if len(rest) else example.vertices[~inside]
    gap = KDTree(rest).query(limb)[0]
    far = np.linalg.norm(limb - limb[gap <= np.quantile(gap, 0.1)].mean(0), axis=1)
    if example.roles[number].startswith(("leg", "hindleg", "foreleg")):
        far = far - limb[:, 1]
    return limb[far >= np.quantile(far, 0.95)].mean(0)
