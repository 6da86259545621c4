"""What moves best: the free grid (deform), nodes on the mesh (nodes) or the paper's additive field (hash4d)?

    TO4D_DATA=... python bench/models.py --out DIR [--models ...] [--objects ...] [--motions ...] [setting=value ...]

    views     of four, in which the prompt's own motion check passes
    psnr, ssim    of the last frame, brought back to the input along the optical flow of the clip, against the mesh;
              over the object, mean over four views: what was lost of its appearance on the way
    sharp     its contrast between neighbouring pixels, as a share of the mesh's
    rest      PSNR at t = 0 in the worst view
    stretch, arap, flips, haze    see docs/metrics.md and docs/export.md; - where a model moves no mesh

Finished cells are kept: the command resumes. At the end: the mean of each model.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch
from motion_matrix import animated, parsed
from torch import Tensor
from torch.nn.functional import grid_sample

from to4d.metrics.identity import psnr, ssim
from to4d.metrics.motion_amount import optical_flow
from to4d.metrics.renders import render_for_evaluation
from to4d.runs.run import restore
from to4d.viewpoints import Viewpoints

MODELS = {"deform": ["model=deform"], "nodes": ["model=nodes"], "hash4d": ["experiments=[hash4d]"]}
OBJECTS = ["gso/mario", "gso/hand_bell"]
MOTIONS = ["jumping", "growing", "melting"]
FIGURES = {  # of metrics.json
    "views": "eval/motion_views",
    "rest": "eval/psnr_t0_min",
    "stretch": "eval/stretch",
    "arap": "export/arap_energy",
    "flips": "export/flipped_triangles",
    "haze": "eval/haze",
}
COLUMNS = ("views", "psnr", "ssim", "sharp", "rest", "stretch", "arap", "flips", "haze", "seconds")


def cell(model: str, name: str, motion: str, out: Path, settings: list[str]) -> dict:
    """Animate one object with one model, unless that is done; its figures."""
    start = time.monotonic()
    folder = animated(name, motion, out / model, [*MODELS[model], *settings])
    seconds, found = time.monotonic() - start, folder / "appearance.json"
    if not found.exists():
        found.write_text(json.dumps(appearance(folder) | {"seconds": seconds}))
    metrics = json.loads((folder / "metrics.json").read_text())
    return {key: metrics.get(long) for key, long in FIGURES.items()} | json.loads(found.read_text())


def appearance(folder: Path) -> dict[str, float]:
    """How much of the mesh's appearance is left in the last frame of a finished run."""
    renders = render_for_evaluation(restore(folder), Viewpoints(size=128, antialias=2), 16)
    rows = []
    for clip, mesh, opacity in zip(renders.clips.rgb, renders.mesh.rgb[:, 0], renders.mesh.opacity[:, 0], strict=True):
        back, inside = realigned(clip), opacity > 0.5
        back, wanted = torch.where(inside, back, 1.0), torch.where(inside, mesh, 1.0)
        share = inside.double().mean()
        rows.append(
            (
                float(psnr(back, wanted) + 10 * share.log10()),  # the background is no merit
                float(ssim(back, wanted)),
                contrast(clip[-1]) / contrast(mesh),
            )
        )
    return dict(zip(("psnr", "ssim", "sharp"), np.mean(rows, 0).tolist(), strict=True))


def realigned(clip: Tensor) -> Tensor:
    """(H, W, 3) the last frame of a clip (V, H, W, 3) as frame 0 would show it: pixels are followed along the flow."""
    height, width = clip.shape[1:3]
    place = torch.stack(torch.meshgrid(torch.arange(width), torch.arange(height), indexing="xy"), -1).float() + 0.5
    for flow in optical_flow(clip):
        place = place + fetch(flow, place)
    return fetch(clip[-1], place)


def fetch(picture: Tensor, place: Tensor) -> Tensor:
    """A picture (H, W, c) at places (H, W, 2) in pixels, (right, down)."""
    size = torch.tensor([picture.shape[1], picture.shape[0]])
    found = grid_sample(
        picture.movedim(-1, 0)[None].float(), (2 * place / size - 1)[None], padding_mode="border", align_corners=False
    )
    return found[0].movedim(0, -1)


def contrast(picture: Tensor) -> float:
    """Mean difference of neighbouring pixels of (H, W, 3), over the area that is not white."""
    grey = picture.mean(-1)
    change = grey.diff(dim=0).abs()[:, 1:] + grey.diff(dim=1).abs()[1:]
    return float(change.sum() / (grey < 0.99).sum().clamp(min=1))


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--models", nargs="+", default=list(MODELS), choices=list(MODELS))
    parser.add_argument("--objects", nargs="+", default=OBJECTS)
    parser.add_argument("--motions", nargs="+", default=MOTIONS)
    options, settings = parsed(parser)
    print(f"| model | object | motion | {' | '.join(COLUMNS)} |\n" + "|---" * (len(COLUMNS) + 3) + "|", flush=True)
    rows: dict[str, list[dict]] = {model: [] for model in options.models}
    for name in options.objects:
        for motion in options.motions:
            for model in options.models:
                rows[model].append(cell(model, name, motion, options.out.resolve(), settings))
                print(line([model, name, motion], rows[model][-1]), flush=True)
    for model, each in rows.items():
        known = {key: [row[key] for row in each if row[key] is not None] for key in COLUMNS}
        print(line([f"**{model}**", "mean", ""], {key: np.mean(v) if v else None for key, v in known.items()}))


def line(names: list[str], figures: dict) -> str:
    """A row of the table."""
    return (
        "| " + " | ".join([*names, *("-" if figures[key] is None else f"{figures[key]:.3g}" for key in COLUMNS)]) + " |"
    )


if __name__ == "__main__":
    main()
