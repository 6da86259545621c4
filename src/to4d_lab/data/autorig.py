"""Limbs of static real scans, guessed by where vertices lie.

A guess cuts the object at a few levels (`BodyPlan`), then lets membership spread along the edges of the mesh, so that
the surface bends at a joint and does not tear, and legs that stand apart stay apart.
"""

from dataclasses import dataclass, replace

import numpy as np
from scipy.sparse import coo_array, csr_array

from to4d_lab.data.coloured import ColouredMesh, Limb
from to4d_lab.data.solids import turn

SIDES = (-1.0, 1.0)
ROUNDS = 6  # of averaging over neighbours
FEWEST = 6  # vertices that a limb needs


@dataclass(frozen=True)
class BodyPlan:
    """Where to cut an object that faces +z; all are shares of the bounding box."""

    kind: str  # biped, dinosaur, quadruped or winged
    hip: float = 0.4  # legs are below this level
    neck: float = 0.75  # a biped's head is above this level; elsewhere it is where (level + depth) / 2 is more
    torso: float = 0.55  # half width of the torso over the half width of the box: arms and wings are outside
    reach: float = 1.0  # arms and wings are below this level
    tail: float = 0.0  # a tail is behind this depth


STANDARD = {kind: BodyPlan(kind) for kind in ("biped", "dinosaur", "quadruped", "winged")}
BODY_PLANS: dict[str, tuple[BodyPlan, float]] = {  # slug -> body plan, azimuth that it faces (0 is +z, 90 is +x)
    "gso_yoshi": (BodyPlan("biped", hip=0.3, neck=0.55, torso=0.62, reach=0.7), 0.0),
    "gso_tmnt_raphael": (BodyPlan("biped", hip=0.42, neck=0.75, torso=0.45), 0.0),
    "gso_android_panda": (BodyPlan("biped", hip=0.15, neck=0.75, torso=0.72), 30.0),
    "gso_bald_eagle": (BodyPlan("winged", hip=0.5, torso=0.25), -30.0),
    "gso_dino3": (BodyPlan("dinosaur", hip=0.5, neck=0.75, tail=0.28), -90.0),
    "gso_therizinosaurus": (BodyPlan("dinosaur", hip=0.35, neck=0.82, tail=0.25), -20.0),
    "gso_two_headed_dragon": (BodyPlan("quadruped", hip=0.3, neck=0.7, tail=0.22), 0.0),
    "spot_cow": (BodyPlan("quadruped", hip=0.3, neck=0.7, tail=0.05), 180.0),
}


@dataclass(frozen=True)
class _Place:
    """Where vertices lie, each (N,)."""

    side: np.ndarray  # x from between the feet (or the wings), over the half width of the box
    level: np.ndarray  # 0 at the ground, 1 at the top
    depth: np.ndarray  # 0 at the back, 1 at the front
    feet: tuple[float, float]  # least and greatest depth of what stands on the ground


def _place(points: np.ndarray, kind: str) -> _Place:
    low, size = points.min(0), np.ptp(points, axis=0)
    level, depth = (points[:, 1] - low[1]) / size[1], (points[:, 2] - low[2]) / size[2]
    standing = level < 0.08
    x, feet = points[:, 0], depth[standing]
    wide = x if kind == "winged" else x[standing]
    middle = 0.5 * (wide.min() + wide.max())
    return _Place((x - middle) / (0.5 * size[0]), level, depth, (feet.min(), feet.max()))


def _legs(place: _Place, plan: BodyPlan) -> dict[tuple[str, float, float], np.ndarray]:
    """Which vertices are in which leg, by (name, side, end)."""
    first, last = place.feet
    standing = (place.depth > first - 0.1) & (place.depth < last + 0.1) & (place.depth >= plan.tail)
    low = (place.level < plan.hip) & standing
    ends = np.where(place.depth > 0.5 * (first + last), 1.0, -1.0) if plan.kind == "quadruped" else 0.0 * place.depth
    return {("leg", s, float(e)): low & (place.side * s > 0) & (ends == e) for s in SIDES for e in np.unique(ends)}


def _parts(place: _Place, plan: BodyPlan) -> dict[tuple[str, float, float], np.ndarray]:
    """Which vertices are in which limb before the joints are softened, each (N,) bool."""
    outside = (place.level > plan.hip) & (place.level < plan.reach) & (abs(place.side) > plan.torso)
    upper = "wing" if plan.kind == "winged" else "arm"
    sides = {(upper, s, 0.0): outside & (place.side * s > 0) for s in SIDES}
    if plan.kind == "winged":
        return sides
    if plan.kind == "biped":
        return {**_legs(place, plan), **sides, ("head", 0.0, 0.0): (place.level > plan.neck) & ~outside}
    ends = {
        ("head", 0.0, 0.0): 0.5 * (place.level + place.depth) > plan.neck,
        ("tail", 0.0, 0.0): place.depth < plan.tail,
    }
    return {**_legs(place, plan), **ends}


def _neighbours(faces: np.ndarray, count: int) -> csr_array:
    """(count, count) matrix that averages a vertex with those that share an edge with it."""
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    both = np.concatenate([edges, edges[:, ::-1], np.repeat(np.arange(count)[:, None], 2, 1)])
    matrix = coo_array((np.ones(len(both)), both.T), (count, count)).tocsr()
    matrix.data[:] = 1.0
    return matrix.multiply(1.0 / matrix.sum(1)[:, None]).tocsr()


def rig(mesh: ColouredMesh, plan: BodyPlan | str, facing_deg: float = 0.0) -> tuple[Limb, ...]:
    """Guess the limbs of a mesh that faces the azimuth `facing_deg`; joints are in the mesh's own axes."""
    plan = STANDARD[plan] if isinstance(plan, str) else plan
    place = _place(mesh.vertices @ turn("y", -facing_deg).T, plan.kind)
    average = _neighbours(mesh.faces, len(mesh.vertices))
    limbs = []
    for (name, side, end), inside in _parts(place, plan).items():
        if inside.sum() < FEWEST:
            continue
        members = inside.astype(float)
        for _ in range(ROUNDS):
            members = average @ members
        joint = (members > 0.1) & (members < 0.9)
        weights = (joint if joint.any() else inside) * 1.0
        pivot = (mesh.vertices * weights[:, None]).sum(0) / weights.sum()
        limbs.append(Limb(name, pivot, members, side, end))
    return tuple(limbs)


def facing_front(mesh: ColouredMesh, facing_deg: float) -> ColouredMesh:
    """Turned such that an object that faces the azimuth `facing_deg` faces +z, as limb motions want it."""
    back = turn("y", -facing_deg)
    limbs = tuple(replace(limb, pivot=back @ limb.pivot) for limb in mesh.limbs)
    return replace(mesh, vertices=mesh.vertices @ back.T, limbs=limbs)


def rigged(mesh: ColouredMesh, slug: str) -> ColouredMesh:
    """One of the `BODY_PLANS` with its limbs, turned to face +z; any other mesh as it is."""
    if slug not in BODY_PLANS:
        return mesh
    plan, facing_deg = BODY_PLANS[slug]
    return facing_front(replace(mesh, limbs=rig(mesh, plan, facing_deg)), facing_deg)
