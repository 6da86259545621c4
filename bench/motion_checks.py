"""How well the motion checks tell motions apart: true clips of held-out meshes, share of views that pass.

TO4D_DATA=... python bench/motion_checks.py [--amplitude 0.5]
"""

import argparse
import json
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from to4d.guidance.mini.data import assets, clips, motions
from to4d.metrics.motion_checks import CHECKS
from to4d.metrics.prompt_check import confusion

MESHES = ("gso_mario", "gso_hand_bell", "q_houseplant")
AZIMUTHS_DEG = (0.0, 90.0, 180.0, 270.0)


def true_clips(amplitude: float, styles: int = 2) -> Iterator[tuple[str, Tensor]]:
    """Pairs of a motion and opacity (4 views, V, H, W), with directions that every view sees."""
    random = np.random.default_rng(0)
    meshes = assets.load_assets(held_out=True)
    for kind in motions.MOTIONS:
        for name in MESHES:
            mesh = clips.normalised(meshes[name], 0.6)
            for _ in range(styles):
                yield kind, torch.stack([view(mesh, kind, amplitude, azimuth, random) for azimuth in AZIMUTHS_DEG])


def view(mesh: clips.ColouredMesh, kind: str, amplitude: float, azimuth: float, random: np.random.Generator) -> Tensor:
    """Opacity (V, H, W) of one view, moved in a random style across it."""
    style = motions.draw_style(random, amplitude, 1.0, clips.lateral_heading(azimuth))
    camera = clips.View(azimuth, 0.0, 3.0, np.ones(3), np.array([0.0, 1.0, 0.0]), ambient=1.0)
    moved = motions.move(kind, mesh.vertices, np.arange(clips.FRAMES) / clips.FRAMES, style)
    return torch.from_numpy(clips.render(mesh, moved, camera)[1][..., 0])


def main() -> None:
    """Print the confusion as JSON and as a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--amplitude", type=float, default=1.0)
    rows = confusion(true_clips(parser.parse_args().amplitude))
    print(json.dumps(rows))
    print(f"{'':>10}" + "".join(f"{kind:>10}" for kind in CHECKS))
    for kind, row in rows.items():
        print(f"{kind:>10}" + "".join(f"{row[check]:>10.2f}" for check in CHECKS))


if __name__ == "__main__":
    main()
