"""Real clips of animated meshes: which motion each shows, and how 16 frames are cut from it.

Objects come from the folder that TO4D_DATA names (assets.py). A cut starts where the clip starts, or anywhere in a
cycle, and its first frame is the rest pose of the training clip.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.random import Generator

from to4d.gltf_animation import Animation, load
from to4d.guidance.mini.data.assets import asset_path, averaged, load_whole, merged, reduction, upright
from to4d.guidance.mini.data.coloured import ColouredMesh

WORDS = {  # a clip belongs to the first kind of which its name has a word
    "": "pose static off start stop hit block dodge shoot reload ranged aiming stand standup to lie land backwards",
    "spin": "fan",
    "jump": "jump",
    "attack": "attack punch kick slash chop bite headbutt",
    "die": "die death",
    "sit": "sit sitting",
    "walk": "walk walking",
    "run": "run running gallop",
    "wave": "wave hello",
    "dance": "dance",
    "swim": "swim",
    "head_nod": "yes",
    "head_shake": "no",
    "cheer": "cheer",
    "eat": "eat eating",
    "idle": "idle",
}
CYCLIC = ("walk", "run", "dance", "swim", "idle", "spin")
LONG = 2.5  # seconds; a longer cycle is shown once, a shorter one up to twice
STILL = 0.03  # of the object's size; less motion than this is none, and a jump rises at least so far
ROOM = 0.4  # of the object's size; how far a clip may end from where it starts


def kind_of(clip: str) -> str | None:
    """The motion that a clip's name tells.

    >>> kind_of("AnimalArmature|Gallop"), kind_of("SwordSlash"), kind_of("Jump_Idle"), kind_of("PickUp")
    ('run', 'attack', None, None)
    """
    name = clip.split("|")[-1]
    words = {word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)}
    if "idle" in words and words & {"jump", "sit"}:
        return None  # the middle of a jump, or sits already
    found = (kind for kind, known in WORDS.items() if words & set(known.split()))
    return next(found, None) or None


@dataclass(frozen=True)
class Animated:
    """An animated object: y up, in its own units, reduced to few triangles."""

    mesh: ColouredMesh  # at rest
    groups: np.ndarray  # (N,) the reduced vertex of each vertex of the file
    kinds: Mapping[str, list[str]]  # motion -> clips
    up_axis: str
    animation: Animation

    def pose(self, clip: str, seconds: np.ndarray) -> np.ndarray:
        """(V, G, 3) at the times (V,) of a clip."""
        return averaged(upright(self.animation.poses(clip, seconds), self.up_axis), self.groups)

    def duration(self, clip: str) -> float:
        """Seconds."""
        return self.animation.duration(clip)

    def clip(self, kind: str, rng: Generator, tau: np.ndarray, speed: float) -> np.ndarray:
        """(V, G, 3) at the shares tau (V,) of a training clip: one of the kind's clips, kept in view.

        A cycle starts anywhere and is shown once or twice at speed 1; any other clip runs from its start to its end.
        """
        name = self.kinds[kind][rng.integers(len(self.kinds[kind]))]
        length, pace = self.duration(name), speed * rng.uniform(1.0, 1.3)
        share = np.minimum(tau * pace, 1.0)
        if kind in CYCLIC:
            repeats = pace if length > LONG else speed * rng.uniform(1.0, 2.0)
            share = (rng.uniform() + tau * repeats) % 1.0
        away = drift(self.pose(name, np.array([0.0, length])), 0.0 if kind in CYCLIC else ROOM)
        return self.pose(name, share * length) - share[:, None, None] * away


def drift(poses: np.ndarray, room: float) -> np.ndarray:
    """(3,) how far the object goes over the ground from first to last pose (V, G, 3), beyond `room` of its size."""
    away = (poses[-1] - poses[0]).mean(0) * [1.0, 0.0, 1.0]
    allowed = room * np.ptp(poses[0], axis=0).max()
    return away * (1.0 - min(1.0, allowed / max(float(np.linalg.norm(away)), 1e-9)))


def shows(kind: str, poses: np.ndarray) -> bool:
    """Whether the motion over the poses (V, G, 3) can be seen: a tenth of the vertices go far, and a jump rises."""
    size = np.ptp(poses[0], axis=0).max()
    far = np.quantile(np.linalg.norm(poses - poses[:1], axis=-1).max(0), 0.9)
    rise = (poses - poses[:1])[..., 1].mean(1).max()
    return bool(far > STILL * size and (kind != "jump" or rise > STILL * size))


@cache
def _load(path: Path, up_axis: str, slug: str) -> Animated | None:
    entry = {"slug": slug, "primary": path.name, "up_axis": up_axis, "has_animation": True}
    whole, animation = load_whole(entry), load(path)
    groups = reduction(whole)
    every = Animated(merged(whole, groups), groups, {}, up_axis, animation)
    kinds: dict[str, list[str]] = {}
    for clip in animation.clips:
        kind = kind_of(clip)
        if kind and shows(kind, every.pose(clip, np.linspace(0.0, animation.duration(clip), 8))):
            kinds.setdefault(kind, []).append(clip)
    return Animated(every.mesh, groups, kinds, up_axis, animation) if kinds else None


def load_clips(entry: dict) -> Animated | None:
    """The real clips of a model of the manifest; None where it has none."""
    return _load(asset_path(entry), entry["up_axis"], entry["slug"]) if entry["has_animation"] else None
