"""All examples that the role model is fitted on: rigged characters in poses, procedural objects, bodies of capsules."""

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.random import Generator

from to4d_lab.data.coloured import ColouredMesh, Limb
from to4d_lab.data.objects import KINDS
from to4d_lab.rig.capsules import CAPSULES
from to4d_lab.rig.labelled import LabelledBody, label, load_labelled, save_labelled
from to4d_lab.rig.truth import Example, Rigged

BODY_OF_KIND = {
    **dict.fromkeys(("figure", "robot", "teddy", "dinosaur"), "biped"),
    **dict.fromkeys(("elephant", "dog", "cat", "horse", "sheep", "cow", "dragon"), "quadruped"),
    **dict.fromkeys(("frog", "turtle", "robot_dog"), "quadruped"),
    **dict.fromkeys(("bird", "penguin"), "bird"),
    **dict.fromkeys(("plant", "flower", "tree", "cactus", "mushroom", "candle", "lamp"), "stem"),
    "fish": "fish",
    "butterfly": "insect",
    "snake": "snake",
}
"""Body classes of the procedural kinds; the others are things."""

UNNAMED = ("cute_fish_pack", "fish_pack")
UNCLEAR = ("snowman", "octopus", "jellyfish")
FALLEN = ("death", "dead", "die", "defeat", "roll", "flip", "knock", "sleep")
FULL, COARSE = 60_000, (15_000, 20_000, 30_000)  # voxels: at rest, and drawn
EACH_CAPSULE, CROWDED, FULL_DRAWS = (
    6,
    30,
    3,
)  # bodies of each kind in a draw; a pack of more files shows a quarter of them


def procedural(kind: str, rng: Generator) -> Example:
    """A random object of a procedural kind."""
    mesh, body = KINDS[kind][0](rng), BODY_OF_KIND.get(kind, "thing")
    masses: dict[str, np.ndarray] = {}
    for limb in _limbs(mesh, body):
        role = _role(limb, body)
        if role is not None:
            masses[role] = np.maximum(masses.get(role, 0.0), limb.members)
    roles = tuple(sorted(masses))
    stacked = np.stack([masses[role] for role in roles], 1) if roles else np.zeros((len(mesh.vertices), 0))
    return Example(f"p_{kind}", f"p_{kind}", body, mesh.vertices, mesh.faces, roles, stacked)


def _limbs(mesh: ColouredMesh, body: str) -> tuple[Limb, ...]:
    return () if body in ("thing", "stem") else mesh.limbs


def _role(limb: Limb, body: str) -> str | None:
    """The role of a limb of a procedural object, None where it has none here."""
    if limb.name in ("head", "ear", "trunk", "tail"):
        return "tail" if limb.name == "tail" else "head"
    if limb.name not in ("leg", "arm", "wing", "fin") or not limb.side or (limb.name == "leg" and body == "insect"):
        return None
    kind = limb.name
    if kind == "leg" and body == "quadruped":
        kind = "foreleg" if limb.end > 0 else "hindleg"
    return f"{kind}_{'L' if limb.side > 0 else 'R'}"


def random_pose(rigged: Rigged, rng: Generator) -> Example:
    """A character at a random time of a clip in which it does not fall; a quarter stand at rest."""
    clips = [clip for clip in rigged.animation.clips if not any(word in clip.lower() for word in FALLEN)]
    if not clips or rng.uniform() < 0.25:
        return rigged.example()
    clip = clips[rng.integers(len(clips))]
    posed = rigged.example(clip, float(rng.uniform(0.0, rigged.animation.duration(clip))))
    return posed if np.ptp(posed.vertices, axis=0).max() < 3 else rigged.example()


def deformed(example: Example, rng: Generator) -> Example:
    """Longer or shorter along each axis, legs more than what is above them or less."""
    low, height = example.vertices[:, 1].min(), np.ptp(example.vertices[:, 1])
    vertices = example.vertices.copy()
    share = np.clip((vertices[:, 1] - low) / height, 0, 1)
    vertices[:, 1] = low + height * share ** np.exp(rng.normal(0, 0.15))
    vertices *= np.exp(rng.normal(0, 0.1, 3))
    return replace(example, vertices=vertices)


def draw_names(rigged: Sequence[Rigged], draw: int) -> list[str]:
    """The names of a draw's examples; draw 0 has the characters at rest, late ones have bodies of capsules alone."""
    names = [f"c_{kind}.{number}" for kind in CAPSULES for number in range(EACH_CAPSULE)]
    if draw >= FULL_DRAWS:
        return names
    for each in rigged:
        crowded = sum(other.pack == each.pack for other in rigged) >= CROWDED
        if not (draw and crowded and zlib.crc32(f"{each.name}/{draw}".encode()) % 4):
            names.append(each.name)
    return [*names, *(f"p_{kind}" for kind in KINDS if kind not in UNCLEAR)]


def make_labelled(name: str, draw: int, rigged: dict[str, Rigged]) -> LabelledBody:
    """One example of a draw, measured; it faces a random azimuth."""
    rng = np.random.default_rng(zlib.crc32(f"{name}/{draw}".encode()))
    if name in rigged:
        example = deformed(random_pose(rigged[name], rng), rng) if draw else rigged[name].example()
    elif name.startswith("c_"):
        example = CAPSULES[name[2:].partition(".")[0]](rng)
    else:
        example = procedural(name[2:], rng)
    voxels = int(rng.choice(COARSE)) if draw else FULL
    return label(example, float(rng.uniform(-np.pi, np.pi)), voxels, draw)


def without_unnamed(body: LabelledBody) -> LabelledBody:
    """The body with no weight on parts that its pack has but does not name, such as the fins of most fish."""
    if body.pack not in UNNAMED:
        return body
    named = np.array([role != "other" for role in body.roles], bool)
    return replace(body, weights=np.where(named, body.weights, 0.0))


def labelled_bodies(rigged: Sequence[Rigged], draws: int, cache: Path) -> Iterator[LabelledBody]:
    """All examples of all draws; each is made once and kept in `cache`."""
    named = {each.name: each for each in rigged}
    for draw in range(draws):
        for name in draw_names(rigged, draw):
            path = cache / f"{name}-{draw}.npz"
            if not path.exists():
                save_labelled(make_labelled(name, draw, named), path)
            yield without_unnamed(load_labelled(path))
