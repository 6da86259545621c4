"""The objects of the training clips: procedural kinds, real meshes, and their names."""

from functools import partial

import numpy as np
from numpy.random import Generator

from to4d.guidance.mini.data import animals, assets, figures, plants, things
from to4d.guidance.mini.data.captions import all_words
from to4d.guidance.mini.data.shapes import ColouredMesh

PROCEDURAL = {
    "plant": (plants.potted_plant, ("plant", "potted plant", "houseplant")),
    "flower": (plants.flower, ("flower", "daisy", "tulip", "rose")),
    "tree": (plants.tree, ("tree", "pine")),
    "cactus": (plants.cactus, ("cactus",)),
    "mushroom": (plants.mushroom, ("mushroom",)),
    "figure": (figures.figure, ("man", "figure", "person", "character", "boy", "hero")),
    "robot": (figures.robot, ("robot",)),
    **{kind: (partial(animals.quadruped, kind=kind), (kind, "animal")) for kind in animals.BUILDS},
    "bird": (animals.bird, ("bird", "duck", "chick", "chicken")),
    "fish": (animals.fish, ("fish",)),
    "teddy": (figures.teddy, ("bear", "teddy bear", "doll")),
    "candle": (things.candle, ("candle",)),
    "bell": (things.bell, ("bell", "hand bell")),
    "lamp": (things.lamp, ("lamp",)),
    "vase": (things.vase, ("vase", "bottle", "cup", "pot")),
    "house": (things.house, ("house", "hut")),
    "cube": (things.cube, ("box", "cube")),
    "ball": (things.ball, ("ball",)),
    "car": (things.car, ("car", "truck")),
    "blob": (things.blob, ("object", "thing")),
}
HELD_OUT_KINDS = {"snowman": (figures.snowman, ("snowman",))}


def vocabulary_words() -> tuple[str, ...]:
    """Every word of the captions, whether or not the real meshes are at hand."""
    names = [noun for _, nouns in (PROCEDURAL | HELD_OUT_KINDS).values() for noun in nouns]
    return all_words(names + [noun for nouns in assets.NOUNS.values() for noun in nouns])


def normalised(mesh: ColouredMesh, radius: float) -> ColouredMesh:
    """Centred by its bounding box and scaled into a sphere of `radius`."""
    vertices = mesh.vertices - 0.5 * (mesh.vertices.min(0) + mesh.vertices.max(0))
    return ColouredMesh(vertices * (radius / np.linalg.norm(vertices, axis=1).max()), mesh.faces, mesh.colors)


def draw_object(rng: Generator, real: dict[str, ColouredMesh], held_out: bool) -> tuple[ColouredMesh, tuple[str, ...]]:
    """A random object and its names: a procedural one, or (4 in 10 if there are any) a real mesh."""
    if real and rng.uniform() < (0.8 if held_out else 0.4):
        slug = list(real)[rng.integers(len(real))]
        return real[slug], assets.NOUNS[slug]
    kinds = HELD_OUT_KINDS if held_out else PROCEDURAL
    make, nouns = kinds[list(kinds)[rng.integers(len(kinds))]]
    mesh = make(rng)
    return ColouredMesh(mesh.vertices * rng.uniform(0.8, 1.25, 3), mesh.faces, mesh.colors), nouns
