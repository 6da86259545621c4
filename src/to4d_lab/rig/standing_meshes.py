"""Meshes that stand upright, and where their front is: objects and rigged characters of two folders, and our own.

`TO4D_DATA` names a folder of objects with a MANIFEST.json (slug, primary file, up axis), `TO4D_ANIMATED` one of rigged
.glb files (file, pack), as to4d_lab.rig.truth reads them.
"""

import itertools
import json
import os
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from to4d.errors import InputError
from to4d.gltf.animation import load_animation
from to4d.mesh import load_mesh
from to4d_lab.data.objects import KINDS
from to4d_lab.rig.capsules import CAPSULES

OURS = "procedural"  # the pack of the data engine's objects, never left out
POSES = 4
NO_STANDING_POSE = re.compile("death|die|dead|sit|fall|land|sleep|lie", re.IGNORECASE)

FRONTS_DEG = {  # azimuth in the upright frame, by eye; 0 for all others
    "gso_lion": -90.0,
    "gso_dino3": -90.0,
    "gso_turboprop": -45.0,
    "gso_android_panda": 20.0,
    "gso_bald_eagle": -30.0,
    "gso_therizinosaurus": -10.0,
    "spot_cow": 180.0,
    "tank_pack__tank": -90.0,
    "tank_pack__tank2": -90.0,
    "tank_pack__tank3": -90.0,
    "tank_pack__tank4": -90.0,
}
FRONTLESS = {
    *("gso_hand_bell", "gso_dollhouse_lamp", "apple", "twisty_tree", "kaykit_candle_triple", "kaykit_lantern_standing"),
    *("kaykit_burger", "q_houseplant", "q_tomato_growth", "platformer_game_pack__bouncer"),
    *("platformer_game_pack__hazard_spiketrap", "platformer_game_pack__lever", "plant", "flower", "tree", "cactus"),
    *("mushroom", "candle", "bell", "lamp", "vase", "cube", "ball", "blob", "car", "cake", "burger", "ice_cream"),
    *("carrot", "banana", "rocket", "flag", "lantern", "balloon", "jellyfish"),
}
UPLESS = {"cube", "ball", "blob", "platformer_game_pack__hazard_spiketrap", "m2m__snake"}


@dataclass(frozen=True)
class StandingMesh:
    """A mesh with y up."""

    name: str  # of the object; several poses share it
    pack: str  # objects of one pack are left out together
    pose: str  # "rest", or a clip
    vertices: np.ndarray  # (N, 3)
    faces: np.ndarray  # (M, 3)

    @property
    def front_deg(self) -> float | None:
        """Azimuth of the front; None: it has none that a shape could tell."""
        return None if self.name in FRONTLESS else FRONTS_DEG.get(self.name, 0.0)

    @property
    def has_up(self) -> bool:
        """Whether up can be told from its shape."""
        return self.name not in UPLESS


@dataclass(frozen=True)
class File:
    """An object as it lies on the disk."""

    name: str
    pack: str
    path: Path
    up: str


def files() -> list[File]:
    """All objects, then all characters."""
    objects, animated = Path(os.environ["TO4D_DATA"]), Path(os.environ["TO4D_ANIMATED"])
    out = []
    for entry in json.loads((objects / "MANIFEST.json").read_text()):
        slug, up = entry["slug"], entry["up_axis"].removeprefix("+").lower()
        out.append(File(slug, slug.split("_")[0], objects / slug / entry["primary"], up))
    for entry in json.loads((animated / "MANIFEST.json").read_text()):
        out.append(File(Path(entry["file"]).stem, entry["pack"], animated / entry["file"], "y"))
    return out


def read_standing() -> Iterator[StandingMesh]:
    """Every object at rest and in some poses of its clips, then what we draw: objects and bodies of capsules."""
    for file in files():
        try:
            mesh = load_mesh(file.path, up=file.up, front_deg=0.0)
        except InputError as error:
            print(error)
            continue
        yield StandingMesh(file.name, file.pack, "rest", mesh.vertices.double().numpy(), mesh.faces.numpy())
        if file.path.suffix in (".glb", ".gltf"):
            yield from _poses(file)
    for kind, (draw, _) in KINDS.items():
        for number in range(6):
            mesh = draw(np.random.default_rng(zlib.crc32(f"{kind} {number}".encode())))
            yield StandingMesh(kind, OURS, str(number), mesh.vertices, mesh.faces)
    for kind, number in itertools.product((name for name in CAPSULES if name != "machine"), range(40)):
        body = CAPSULES[kind](np.random.default_rng(zlib.crc32(f"{kind} {number}".encode())))
        yield StandingMesh(f"c_{kind}_{number % 4}", OURS, str(number), body.vertices, body.faces)


def _poses(file: File) -> Iterator[StandingMesh]:
    animation, rng = load_animation(file.path), np.random.default_rng(zlib.crc32(file.name.encode()))
    clips = [clip for clip in animation.clips if not NO_STANDING_POSE.search(clip) and animation.duration(clip) > 0]
    for clip in rng.permutation(np.array(clips, object))[:POSES]:
        vertices = animation.vertices(clip, animation.duration(clip) * rng.uniform(0.2, 0.8))
        if np.isfinite(vertices).all():
            yield StandingMesh(file.name, file.pack, clip, vertices, animation.faces)
