"""The objects of the training clips: procedural kinds, real meshes, and their names."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, partial

import numpy as np
from numpy.random import Generator

from to4d_lab.data import (
    animals,
    assets,
    autorig,
    creatures,
    food,
    humanoids,
    plants,
    things,
    toys,
    water_animals,
)
from to4d_lab.data.animated import Animated, load_clips
from to4d_lab.data.captions import all_words
from to4d_lab.data.coloured import ColouredMesh

Kind = tuple[Callable[[Generator], ColouredMesh], tuple[str, ...]]  # what draws an object, and its names

KINDS: dict[str, Kind] = {
    "plant": (plants.potted_plant, ("plant", "potted plant", "houseplant")),
    "flower": (plants.flower, ("flower", "daisy", "tulip", "rose")),
    "tree": (plants.tree, ("tree", "pine")),
    "cactus": (plants.cactus, ("cactus",)),
    "mushroom": (plants.mushroom, ("mushroom",)),
    "figure": (humanoids.figure, ("man", "figure", "person", "character", "boy", "hero")),
    "robot": (humanoids.robot, ("robot",)),
    **{kind: (partial(animals.quadruped, kind=kind), (kind, "animal")) for kind in animals.PROPORTIONS},
    "bird": (animals.bird, ("bird", "duck", "chick", "chicken")),
    "fish": (animals.fish, ("fish",)),
    "teddy": (humanoids.teddy, ("bear", "teddy bear", "doll")),
    "snowman": (humanoids.snowman, ("snowman",)),
    "candle": (things.candle, ("candle",)),
    "bell": (things.bell, ("bell", "hand bell")),
    "lamp": (things.lamp, ("lamp",)),
    "vase": (things.vase, ("vase", "bottle", "cup", "pot")),
    "house": (things.house, ("house", "hut")),
    "cube": (things.cube, ("box", "cube")),
    "ball": (things.ball, ("ball",)),
    "car": (things.car, ("car", "truck")),
    "blob": (things.blob, ("object", "thing")),
    **creatures.KINDS,
    **water_animals.KINDS,
    **food.KINDS,
    **toys.KINDS,
}
HELD_OUT_KINDS = ("snowman", "sheep")  # procedural kinds that are never trained on
REAL, REAL_HELD_OUT = 0.45, 0.7  # share of real meshes, in training and among the held out


@dataclass(frozen=True)
class Subject:
    """An object, what it is called, and the real clips that it came with."""

    mesh: ColouredMesh
    nouns: tuple[str, ...]
    animated: Animated | None = None


def vocabulary_words() -> tuple[str, ...]:
    """Every word of the captions, whether or not the real meshes are at hand."""
    names = [noun for _, nouns in KINDS.values() for noun in nouns]
    return all_words(names + [noun for nouns in assets.NOUNS.values() for noun in nouns])


@cache
def load_real(held_out: bool) -> dict[str, Subject]:
    """Slug -> object of TO4D_DATA, either those for training or those of `assets.HELD_OUT`."""
    subjects = {}
    for entry in assets.manifest():
        slug = entry["slug"]
        if (slug in assets.HELD_OUT) == held_out:
            mesh = autorig.rigged(assets.load_asset(entry), slug)
            subjects[slug] = Subject(mesh, assets.NOUNS[slug], load_clips(entry))
    return subjects


def fitting(vertices: np.ndarray, radius: float) -> tuple[np.ndarray, float]:
    """Offset (3,), then scale, that centre the bounding box of (N, 3) and put everything into a sphere of `radius`."""
    middle = 0.5 * (vertices.min(0) + vertices.max(0))
    return -middle, radius / np.linalg.norm(vertices - middle, axis=1).max()


def draw_subject(rng: Generator, real: Mapping[str, Subject], held_out: bool = False) -> Subject:
    """A random object: a procedural one, or a real one if there are any."""
    if real and rng.uniform() < (REAL_HELD_OUT if held_out else REAL):
        return real[list(real)[rng.integers(len(real))]]
    kinds = [kind for kind in KINDS if (kind in HELD_OUT_KINDS) == held_out]
    make, nouns = KINDS[kinds[rng.integers(len(kinds))]]
    return Subject(make(rng).scaled(rng.uniform(0.8, 1.25, 3)), nouns)
