"""Meshes of simple bodies, for tests of what puts a skeleton into them."""

from pathlib import Path

import numpy as np
import trimesh

from to4d.mesh import load_mesh
from to4d.types import Mesh


def _rod(start: tuple, end: tuple, radius: float) -> trimesh.Trimesh:
    """A capsule between two points."""
    start, end = np.array(start, float), np.array(end, float)
    capsule = trimesh.creation.capsule(height=float(np.linalg.norm(end - start)), radius=radius, count=(12, 12))
    capsule.apply_transform(trimesh.geometry.align_vectors((0, 0, 1), end - start))
    capsule.apply_translation(start)
    return capsule


def write_dog(folder: Path, name: str = "dog.glb") -> Path:
    """A quadruped as a file: y up, facing +z, with a head and a tail."""
    rods = [
        ((0, 1.0, -0.8), (0, 1.0, 0.8), 0.3),
        ((0, 1.1, 0.9), (0, 1.6, 1.2), 0.14),
        ((0, 1.65, 1.2), (0, 1.6, 1.6), 0.2),
    ]
    rods += [((x, 0.1, z), (x, 0.9, z), 0.12) for x in (-0.25, 0.25) for z in (-0.7, 0.7)]
    rods += [((0, 1.1, -1.0), (0, 1.5, -1.7), 0.07)]
    trimesh.util.concatenate([_rod(*rod) for rod in rods]).export(folder / name)
    return folder / name


def write_ball(folder: Path, name: str = "ball.glb") -> Path:
    """A ball as a file."""
    trimesh.creation.icosphere(3).export(folder / name)
    return folder / name


def dog(folder: Path, noun: str | None = None) -> Mesh:
    """`write_dog`, read again."""
    return load_mesh(write_dog(folder), noun)
