"""How well the motion checks tell motions apart: true clips of held-out meshes and of moving limbs, share that passes.

    TO4D_DATA=... python bench/motion_checks.py [--amplitude 0.5] [--limbs | --artists]

Limbs are those of procedural objects; `--artists` takes the clips that the meshes of TO4D_DATA came with, whole and on
the spot, by what their names say.
"""

import argparse
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from to4d.metrics.checks.prompt_check import KINDS, check_clip
from to4d.metrics.surface_sample import surface_sample
from to4d_lab.data import clip_rendering
from to4d_lab.data.animated import drift, load_clips
from to4d_lab.data.assets import manifest
from to4d_lab.data.coloured import ColouredMesh
from to4d_lab.data.limb_motions import LIMB_MOTIONS
from to4d_lab.data.object_motions import MOTIONS, move
from to4d_lab.data.objects import KINDS as OBJECTS
from to4d_lab.data.objects import fitting, load_real
from to4d_lab.data.style import draw_style

MESHES = ("gso_mario", "gso_hand_bell", "q_houseplant")
WALKERS = ("figure", "robot", "dog", "horse", "bird")
AZIMUTHS_DEG = (0.0, 90.0, 180.0, 270.0)
TAU = np.arange(clip_rendering.FRAMES) / clip_rendering.FRAMES


def fitted(mesh: ColouredMesh) -> ColouredMesh:
    """In a sphere of 0.6."""
    offset, scale = fitting(mesh.vertices, 0.6)
    return mesh.moved(offset).scaled(scale)


def whole(amplitude: float, random: np.random.Generator) -> Iterator[tuple[str, ColouredMesh, np.ndarray]]:
    """Every whole-object motion on held-out meshes, in directions that every view sees."""
    meshes = [fitted(load_real(held_out=True)[name].mesh) for name in MESHES]
    for kind in MOTIONS:
        for mesh in meshes:
            for azimuth in AZIMUTHS_DEG[:2]:
                style = draw_style(random, amplitude, 1.0)
                style = replace(style, heading=style.heading + np.deg2rad(azimuth))
                yield kind, mesh, move(kind, mesh.vertices, TAU, style)


def limbs(amplitude: float, random: np.random.Generator) -> Iterator[tuple[str, ColouredMesh, np.ndarray]]:
    """Every limb motion on procedural objects that have the limbs."""
    for kind, (needs, animate) in LIMB_MOTIONS.items():
        for name in (name for name in WALKERS for _ in range(4)):
            mesh = fitted(OBJECTS[name][0](random))
            if {limb.name for limb in mesh.limbs}.issuperset(needs):
                yield kind, mesh, animate(mesh, TAU, draw_style(random, amplitude, 1.0))


def artists(amplitude: float, random: np.random.Generator) -> Iterator[tuple[str, ColouredMesh, np.ndarray]]:
    """Every clip of an animated mesh whose name says what it shows, 16 frames from its start to its end."""
    for entry in manifest():
        if animated := load_clips(entry):
            for kind, name in ((kind, name) for kind, names in animated.kinds.items() for name in names):
                poses = animated.pose(name, TAU * animated.duration(name))
                poses = poses - TAU[:, None, None] * drift(poses, 0.0)
                offset, scale = fitting(poses[0], 0.6)
                moved = (poses + offset) * scale
                yield kind, animated.mesh, moved[:1] + amplitude * (moved - moved[:1])


def opacity(mesh: ColouredMesh, moved: np.ndarray) -> Tensor:
    """(4 views, V, H, W)."""
    light = np.array([0.0, 1.0, 0.0])
    views = [clip_rendering.View(azimuth, 0.0, 3.0, 40.0, np.ones(3), light, 1.0) for azimuth in AZIMUTHS_DEG]
    return torch.stack([torch.from_numpy(clip_rendering.render(mesh, moved, view)[1][..., 0]) for view in views])


def main() -> None:
    """Print the share of views that pass each check, a row a motion."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--amplitude", type=float, default=1.0)
    parser.add_argument("--limbs", action="store_const", const=limbs, default=whole, dest="motions")
    parser.add_argument("--artists", action="store_const", const=artists, dest="motions")
    options = parser.parse_args()
    rows, random = defaultdict(lambda: defaultdict(list)), np.random.default_rng(0)
    for kind, mesh, moved in options.motions(options.amplitude, random):
        corners, weights = surface_sample(torch.from_numpy(mesh.vertices), torch.from_numpy(mesh.faces))
        points, silhouettes = (torch.from_numpy(moved)[:, corners] * weights[..., None]).sum(2), opacity(mesh, moved)
        for check in KINDS:
            verdict = check_clip(check, silhouettes, points)
            rows[kind][check].append(verdict.passed_views / len(AZIMUTHS_DEG))
    print(f"{'':>12}" + "".join(f"{check[:9]:>10}" for check in KINDS))
    for kind, row in rows.items():
        print(f"{kind:>12}" + "".join(f"{np.mean(row[check]):>10.2f}" for check in KINDS))


if __name__ == "__main__":
    main()
