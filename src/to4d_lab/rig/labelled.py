"""Measured bodies with the true kinds of their parts: what the role model is fitted on, kept on disk."""

from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from scipy.spatial import KDTree

from to4d.rig.anatomy.frame import Frame
from to4d.rig.anatomy.measures import BodyMeasures, measure_body
from to4d.rig.anatomy.parts import Anatomy, find_parts
from to4d.rig.anatomy.solid import make_solid
from to4d.rig.roles.role_slots import KINDS
from to4d_lab.rig.truth import Example

MAJORITY = 0.5  # share of a part's voxels that must move with a role
MAIN = 0.3  # share of a role's voxels that a second part of it has
DOUBTFUL, DOUBT = 0.25, 0.2  # a part with that share of a role counts little as no limb


@dataclass(frozen=True)
class LabelledBody:
    """One measured example."""

    name: str
    pack: str
    body: str
    draw: int  # number of the random draw, 0: at rest
    front: float  # azimuth in radians
    measures: BodyMeasures
    roles: tuple[str, ...]  # of each part, with sides
    weights: np.ndarray  # (P,) how much each part's role counts

    @property
    def kinds(self) -> np.ndarray:
        """(P,) numbers of `KINDS`."""
        return np.array([KINDS.index(kind_of(role)) for role in self.roles], np.int64)


def kind_of(role: str) -> str:
    """The kind of a role: without its side, and the same for all legs of insects."""
    kind = role.removesuffix("_L").removesuffix("_R")
    return "insect_leg" if kind[:3] == "leg" and kind[3:].isdigit() else kind


def label(example: Example, front: float, voxels: int, draw: int) -> LabelledBody:
    """Measure an example that has been turned to face `front`, with about `voxels` voxels."""
    turned = turn_to(example.vertices, front)
    anatomy = find_parts(make_solid(turned, example.faces, voxels))
    roles, weights = label_parts(anatomy, turned, example)
    return LabelledBody(example.name, example.pack, example.body, draw, front, measure_body(anatomy), roles, weights)


def turn_to(vertices: np.ndarray, front: float) -> np.ndarray:
    """Vertices (N, 3) that face +z, turned to face an azimuth in radians."""
    return Frame(front, np.zeros(3)).to_solid(vertices)


def label_parts(anatomy: Anatomy, vertices: np.ndarray, example: Example) -> tuple[tuple[str, ...], np.ndarray]:
    """The true role of each part ("other" where it has none), and how much that counts."""
    roles, weights = ["other"] * len(anatomy.parts), np.ones(len(anatomy.parts))
    if not example.roles or not anatomy.parts:
        return tuple(roles), weights
    solid = anatomy.solid
    nearest = KDTree(vertices).query(solid.surface.to_input(solid.points))[1]
    masses = example.masses[nearest]
    shares = np.stack([masses[part.region].mean(0) for part in anatomy.parts])
    covers = np.stack([masses[part.region].sum(0) for part in anatomy.parts]) / np.maximum(masses.sum(0), 1e-9)
    weights[(shares.max(1) > DOUBTFUL) & (shares.max(1) <= MAJORITY)] = DOUBT
    for number, role in enumerate(example.roles):
        mine = np.flatnonzero((shares[:, number] > MAJORITY) & (shares.argmax(1) == number))
        for part in mine:
            main = covers[part, number] >= min(covers[mine, number].max(), MAIN)
            roles[part], weights[part] = (role, 1.0) if main else ("other", 0.0)
    return tuple(roles), weights


def save_labelled(body: LabelledBody, path: Path) -> None:
    """Write one example."""
    measures = {f"measures.{each.name}": getattr(body.measures, each.name) for each in fields(BodyMeasures)}
    words = {key: np.array(getattr(body, key)) for key in ("name", "pack", "body", "draw", "front", "weights")}
    roles = np.array(body.roles, dtype=np.str_)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".tmp.npz")
    np.savez(temporary, allow_pickle=False, roles=roles, **words, **measures)
    temporary.replace(path)


def load_labelled(path: Path) -> LabelledBody:
    """The inverse of `save_labelled`."""
    with np.load(path) as arrays:
        measures = BodyMeasures(**{each.name: arrays[f"measures.{each.name}"] for each in fields(BodyMeasures)})
        words = (str(arrays[name]) for name in ("name", "pack", "body"))
        roles = tuple(str(role) for role in arrays["roles"])
        return LabelledBody(*words, int(arrays["draw"]), float(arrays["front"]), measures, roles, arrays["weights"])
