"""The bundled object: a potted plant in bud, drawn by this program, so that the first run needs no download.

It stands in for the paper's `gso/plant`, which the paper does not identify. About 17,000 triangles; deterministic.
"""

import numpy as np
from numpy.random import Generator, default_rng
from numpy.typing import NDArray
from torch import from_numpy

from to4d.mesh import FileMesh, place_mesh
from to4d.objects import textures
from to4d.objects.patches import Patch, blade, revolve, tube_points
from to4d.types import Material, Mesh

PAINTERS = (textures.terracotta, textures.soil, textures.leaf, textures.stem, textures.petal, textures.pollen)
POT, SOIL, LEAF, STEM, PETAL, POLLEN = range(len(PAINTERS))
GOLDEN_DEG = 137.508  # between neighbouring leaves of a stem
STEMS = (  # foot (x, z), heading in degrees, lean, height, leaves, openness of the flower on top
    ((0.00, 0.02), 20.0, 0.10, 1.85, 7, 0.85),
    ((-0.12, 0.05), 285.0, 0.55, 1.30, 5, 0.10),
    ((0.13, 0.04), 80.0, 0.58, 1.45, 5, 0.22),
    ((0.02, -0.13), 190.0, 0.50, 1.20, 5, 0.05),
)
LIGHT = np.array([0.35, 0.80, 0.48])  # baked: unlit pictures of an unshaded plant look flat


def load_plant(noun: str = "plant", radius: float = 0.55, seed: int = 7) -> Mesh:
    """The potted plant as a mesh; `radius` is that of its bounding sphere in world units."""
    rng = default_rng(seed)
    patches = pot()
    for number, parameters in enumerate(STEMS):
        patches += shoot(rng, number, *parameters)
    names = ("terracotta", "soil", "leaf", "stem", "petal", "pollen")
    materials = tuple(Material(n, texture=_texture(paint(rng))) for n, paint in zip(names, PAINTERS, strict=True))
    return place_mesh(_join(patches, materials), "plant", noun, radius=radius)


def pot() -> list[Patch]:
    """A clay pot with a rim, a unit high, filled with soil."""
    outside = np.array([(0.0, 0.0), (0.38, 0.0), (0.40, 0.02), (0.46, 0.38), (0.52, 0.74)])
    rim = np.array([(0.52, 0.74), (0.585, 0.75), (0.60, 0.78), (0.605, 0.96), (0.59, 1.0), (0.54, 1.0), (0.52, 0.97)])
    inside = np.array([(0.52, 0.97), (0.505, 0.84)])
    ground = np.array([(0.51, 0.87), (0.36, 0.90), (0.18, 0.925), (0.0, 0.93)])
    walls = [(outside, (1, 1, 1), 1.0), (rim, (1.06, 1.04, 1.02), 0.3), (inside, (0.62, 0.58, 0.56), 0.2)]
    patches = [Patch(_turned(p), POT, tint, (2.0, v)) for p, tint, v in walls]
    return [*patches, Patch(_turned(ground), SOIL, repeat=(4.0, 1.0))]


def shoot(
    rng: Generator,
    number: int,
    foot: tuple[float, float],
    heading_deg: float,
    lean: float,
    height: float,
    leaves: int,
    openness: float,
) -> list[Patch]:
    """A curved stem with leaves in a golden spiral and a flower or bud on top."""
    s = np.linspace(0.0, 1.0, 24)
    heading = np.deg2rad(heading_deg)
    sway = 0.05 * np.sin(2.0 * np.pi * s + number)
    side = lean * s**1.6
    path = np.stack(
        [
            foot[0] + side * np.sin(heading) + sway * np.cos(heading),
            0.88 + height * (s - 0.10 * lean * s**2),
            foot[1] + side * np.cos(heading) - sway * np.sin(heading),
        ],
        -1,
    )
    patches = [Patch(tube_points(path, 0.040 - 0.018 * s), STEM)]
    for k in range(leaves):
        at = 0.16 + 0.74 * (k + 0.3 * rng.random()) / leaves
        base = np.array([np.interp(at, s, path[:, i]) for i in range(3)])
        patches.append(_leaf(rng, base, heading_deg + GOLDEN_DEG * (k + 1) + 40.0 * number, at))
    return patches + flower_patches(path[-1], openness, 40.0 * number)


def _leaf(rng: Generator, base: NDArray, heading_deg: float, at: float) -> Patch:
    """One leaf, large and drooping near the foot, small and upright near the top."""
    size = (1.02 - 0.48 * at) * rng.uniform(0.9, 1.1)
    rise, droop = 18.0 + 40.0 * at + rng.uniform(-6, 6), rng.uniform(55, 80) - 15.0 * at
    points = blade(base, heading_deg, size, 0.54 * size, rise, droop, fold=0.30)
    warm = rng.uniform(-0.10, 0.12)
    return Patch(points, LEAF, (1.0 + warm, 1.0 + 0.25 * warm, 1.0 - 0.5 * warm))


def flower_patches(base: NDArray, openness: float, turn_deg: float) -> list[Patch]:
    """Two whorls of petals over green sepals; openness 0 is a closed bud, 1 a flat flower."""
    size = 0.32 + 0.16 * openness
    patches = []
    for whorl, count in enumerate((6, 5)):
        rise = 82.0 - openness * (58.0 - 22.0 * whorl)
        curl = -62.0 + openness * 74.0
        length = size * (1.0 - 0.15 * whorl)
        for k in range(count):
            heading = turn_deg + 360.0 / count * (k + 0.5 * whorl)
            points = blade(base, heading, length, 0.62 * length, rise, curl, fold=0.45, tip=1.15, shape=(10, 7))
            patches.append(Patch(points, PETAL))
    for k in range(5):
        rise = 50.0 - 45.0 * openness
        sepal = blade(base, turn_deg + 72.0 * k, 0.5 * size, 0.34 * size, rise, -55.0, tip=0.8, shape=(6, 5))
        patches.append(Patch(sepal - [0, 0.015, 0], LEAF))
    angle = np.linspace(0.0, np.pi / 2, 7)
    heart = openness * size * revolve(0.22 * np.cos(angle), 0.18 * np.sin(angle), 16) + base
    return [*patches, Patch(heart, POLLEN)]


def _turned(profile: NDArray) -> NDArray:
    """A profile of (radius, height) corners, subdivided and turned about the axis."""
    at, fine = np.arange(len(profile)), np.linspace(0, len(profile) - 1, 3 * (len(profile) - 1) + 1)
    return revolve(np.interp(fine, at, profile[:, 0]), np.interp(fine, at, profile[:, 1]), 57)


def _join(patches: list[Patch], materials: tuple[Material, ...]) -> FileMesh:
    """One surface of all patches, their tints shaded by the baked light."""
    vertices, faces, uv, color, material, offset = [], [], [], [], [], 0
    for patch in patches:
        points, triangles, coordinates = patch.triangles()
        light = 0.80 + 0.26 * (patch.normals().reshape(-1, 3) @ LIGHT)
        shade = np.clip(light[:, None] * np.array(patch.tint), 0.0, 1.0)
        vertices.append(points)
        faces.append(triangles + offset)
        uv.append(coordinates[triangles])
        color.append(np.concatenate([shade, np.ones((len(points), 1))], 1)[triangles])
        material.append(np.full(len(triangles), patch.material))
        offset += len(points)
    return FileMesh(*(np.concatenate(x) for x in (vertices, faces, uv, color, material)), materials)


def _texture(image: NDArray):
    """Floats (h, w, 3) to an opaque uint8 texture (h, w, 4)."""
    rgb = (np.clip(image, 0.0, 1.0) * 255.0).round().astype(np.uint8)
    return from_numpy(np.concatenate([rgb, np.full((*rgb.shape[:2], 1), 255, np.uint8)], -1))
