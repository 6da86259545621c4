"""Rigged characters as examples: a mesh in any pose of its clips, and which vertices move with which role."""

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from to4d.errors import InputError
from to4d.gltf.animation import Animation, load_animation
from to4d.gltf.header import read_header
from to4d_lab.rig.draco import plain_copy
from to4d_lab.rig.joint_truth import SAME_AS, body_of, holder, role_of, side_of

SIDED = ("leg", "arm", "hindleg", "foreleg", "wing", "fin", "ear", "leg1", "leg2", "leg3", "leg4")
CARRIED = ("leg", "arm", "hindleg", "foreleg")
MAX_FACES = 10_000_000


@dataclass(frozen=True)
class Example:
    """A mesh that faces +z, y up, with its true roles."""

    name: str
    pack: str  # examples of one pack are left out together
    body: str
    vertices: np.ndarray  # (N, 3)
    faces: np.ndarray  # (M, 3)
    roles: tuple[str, ...]  # with sides: leg_L
    masses: np.ndarray  # (N, R) in [0, 1], how much each vertex moves with each role


@dataclass(frozen=True)
class Rigged:
    """A rigged file and its true roles."""

    name: str
    pack: str
    body: str
    animation: Animation
    joints: tuple[str, ...]  # names of all nodes

    @cached_property
    def shares(self) -> np.ndarray:
        """(N, K) how much each node carries each vertex."""
        out = []
        for part in self.animation.primitives:
            rows = np.zeros((len(part.points), len(self.joints)))
            if part.skin is None or part.shares is None:
                rows[:, part.node] = 1.0
            else:
                np.add.at(rows.T, part.skin.joints, part.shares.toarray().T)
            out.append(rows)
        return np.nan_to_num(np.concatenate(out))

    def vertices(self, clip: str | None = None, seconds: float = 0.0) -> np.ndarray:
        """(N, 3) in a pose, the bounding box of the rest pose centred and its longest side 1."""
        rest = self.animation.vertices()
        used = rest[np.unique(self.animation.faces)]
        low, high = used.min(0), used.max(0)
        points = rest if clip is None else self.animation.vertices(clip, seconds)
        return (points - (low + high) / 2) / (high - low).max()

    def example(self, clip: str | None = None, seconds: float = 0.0) -> Example:
        """The mesh in a pose with its roles."""
        rest = self.vertices()
        masses: dict[str, np.ndarray] = {}
        for joint in () if self.body == "thing" else np.flatnonzero((self.shares > 0.01).any(0)):
            role, weight = self._role(int(joint)), self.shares[:, joint]
            if role is None or self._carries_limbs(int(joint), role):
                continue
            if role in SIDED:
                on_left = np.average(rest[:, 0], weights=weight + 1e-12) > 0
                role += f"_{side_of(self.joints[joint]) or 'RL'[int(on_left)]}"
            masses[role] = masses.get(role, np.zeros(len(rest))) + weight
        roles = tuple(sorted(masses))
        stacked = np.stack([masses[role] for role in roles], 1) if roles else np.zeros((len(rest), 0))
        points = rest if clip is None else self.vertices(clip, seconds)
        return Example(self.name, self.pack, self.body, points, self.animation.faces, roles, stacked)

    def _role(self, joint: int) -> str | None:
        """The role of a joint; what a hand holds is part of the arm."""
        role, parents = role_of(self.joints[joint], self.body), self.animation.nodes.parents
        while role is None and joint in parents and holder(self.joints[joint]):
            joint = parents[joint]
            role = role_of(self.joints[joint], self.body)
        return role

    def _carries_limbs(self, joint: int, role: str) -> bool:
        """Whether a "head" is the body itself: legs or arms hang on it."""
        if role != "head":
            return False
        limbs = [other for other, name in enumerate(self.joints) if role_of(name, self.body) in CARRIED]
        return any(joint in self._above(other) for other in limbs)

    def _above(self, joint: int) -> list[int]:
        """All joints that a joint hangs on."""
        above, parents = [], self.animation.nodes.parents
        while joint in parents:
            joint = parents[joint]
            above.append(joint)
        return above


def read_rigged(path: Path, name: str, pack: str, cache: Path) -> Rigged | None:
    """The rigged file at `path`; None where `BODIES` does not know it."""
    body = body_of(name)
    if body is None:
        return None
    try:
        animation = load_animation(path)
    except InputError:
        path = plain_copy(path, cache / f"{name}.glb")
        animation = load_animation(path)
    header = read_header(path, MAX_FACES)
    joints = tuple(node.get("name", "") for node in header["nodes"])
    return Rigged(name, SAME_AS.get(name, pack), body, animation, joints)


def read_all(animated: Path, objects: Path, cache: Path) -> list[Rigged]:
    """Every rigged file of two folders with a MANIFEST.json each."""
    found = []
    for entry in json.loads((animated / "MANIFEST.json").read_text()):
        found.append(read_rigged(animated / entry["file"], Path(entry["file"]).stem, entry["pack"], cache))
    for entry in json.loads((objects / "MANIFEST.json").read_text()):
        if entry["has_animation"]:
            path = objects / entry["slug"] / entry["primary"]
            found.append(read_rigged(path, entry["slug"], entry["slug"], cache))
    return [rigged for rigged in found if rigged is not None]
