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

from to4d.gltf.animation import Animation, load_animation
from to4d.guidance.mini.data.assets import asset_path, averaged, load_whole, merged, reduction, upright
from to4d.guidance.mini.data.coloured import ColouredMesh

WORDS = {  # a clip belongs to the first kind of which its name has a word
    "": "pose static off start stop hit block dodge shoot "
    "reload ranged aiming stand standup to lie land backwards strafe",
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
STEPS = {"walk": 1.375, "run": 2.125}  # cycles in a clip at the middle of the pace of `limb_motions`
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

    def steps(self, clip: str, count: int = 32) -> np.ndarray:
        """(count, G, 3) over one cycle of a clip."""
        return self.pose(clip, np.arange(count) / count * self.duration(clip))

    def clip(self, kind: str, rng: Generator, tau: np.ndarray, speed: float) -> np.ndarray:
        """(V, G, 3) at the shares tau (V,) of a training clip: one of the kind's clips, kept in view.

        A cycle is shown once or twice at speed 1, most steps as often and from the same start as those that we make
        (`limb_motions.walk`); other cycles start anywhere, and any other clip runs from its start to its end.
        """
        name = self.kinds[kind][rng.integers(len(self.kinds[kind]))]
        length, pace = self.duration(name), speed * rng.uniform(1.0, 1.3)
        share = np.minimum(tau * pace, 1.0)
        if kind in CYCLIC:
            repeats, start = pace if length > LONG else speed * rng.uniform(1.0, 2.0), rng.uniform()
            if kind in STEPS and rng.uniform() < 0.85:
                repeats, start = speed * rng.uniform(0.95, 1.05) * STEPS[kind], passing(self.steps(name))
            share = (start + tau * repeats) % 1.0
        away = drift(self.pose(name, np.array([0.0, length])), 0.0 if kind in CYCLIC else ROOM)
        return self.pose(name, share * length) - share[:, None, None] * away


def passing(poses: np.ndarray) -> float:
    """When in a cycle of poses (V, G, 3) the feet pass each other and the left one, or the front ones, go forward.

    Of four legs, diagonal pairs or the front ones go forward, whichever differs more over the cycle.
    """
    middle = poses.mean(0)
    low = middle[:, 1] < middle[:, 1].min() + 0.15 * np.ptp(middle[:, 1])
    feet = middle[low] - middle[low].mean(0)
    left, front = np.sign(feet[:, 0]), np.sign(feet[:, 2])
    on_four = np.ptp(feet[:, 2]) > 1.5 * np.ptp(feet[:, 0])
    patterns = (left * front, front) if on_four else (left,)
    first = [np.fft.fft(poses[:, low, 2] @ (x - x.mean()))[1] for x in patterns]
    return float(-(np.angle(max(first, key=abs)) + 0.5 * np.pi) / (2.0 * np.pi) % 1.0)


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
    whole, animation = load_whole(entry), load_animation(path)
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
