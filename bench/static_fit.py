"""How well the static phase fits real meshes: median PSNR over 16 held-out views at 128 x 128.

    TO4D_DATA=... python bench/static_fit.py [object ...] [--steps N]

Both the mesh and the field are drawn at 256 x 256 and averaged 2 x 2. Prints a line an object and JSON at the end.
"""

import argparse
import json
import os
import tempfile
import time
from pathlib import Path

import torch
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from torch import Tensor

from to4d.disk.checkpoint import load_tree
from to4d.geometry import orbit
from to4d.metrics.identity import psnr
from to4d.runs.run import build_scene, run
from to4d.types import Cameras, generator_at
from to4d.viewpoints import render_views

OBJECTS = [
    "gso/mario",
    "gso/hand_bell",
    "gso/unicorn",
    "gso/spiderman",
    "data/fox",
    "data/sunflower",
    "data/spot_cow",
    "data/apple",
]
CONF = Path(__file__).resolve().parents[1] / "conf"


def config(name: str, out: str, *more: str) -> object:
    """The configuration of a run that only fits."""
    quiet = ["callbacks=[guard,occupancy]", "logger=[]", "export=[]", "phase=[static]", "cache=false"]
    with initialize_config_dir(str(CONF), version_base="1.3"):
        noun = compose("train", [f"object={name}"]).object.noun
        return compose("train", [f"object={name}", f"prompt=the {noun} stands", f"out={out}", *quiet, *more])


def held_out() -> Cameras:
    """16 random views, never trained on exactly."""
    random = generator_at(12345, 0, "held out")
    azimuths, elevations = 360.0 * torch.rand(16, generator=random), -15.0 + 45.0 * torch.rand(16, generator=random)
    return orbit(azimuths, elevations, 3.0, 40.0, (256, 256))


def halved(images: Tensor) -> Tensor:
    """(..., H, W, 3) averaged 2 x 2."""
    *lead, height, width, channels = images.shape
    return images.reshape(*lead, height // 2, 2, width // 2, 2, channels).mean((-4, -2))


def fit(name: str, steps: list[str]) -> dict[str, float]:
    """Fit one object; seconds of the whole run and PSNR."""
    with tempfile.TemporaryDirectory() as folder:
        cfg = config(name, folder, "metrics.views.size=32", *steps)
        started = time.perf_counter()
        run(cfg)
        seconds = time.perf_counter() - started
        scene = build_scene(cfg, instantiate(cfg.object))
        scene.renderer.load_state_dict(load_tree(Path(folder) / "model.safetensors"))
    start = torch.zeros(1)
    rendered, wanted = (halved(render_views(r, held_out(), start).rgb[:, 0]) for r in (scene.renderer, scene.reference))
    values = psnr(rendered, wanted)
    return {"seconds": seconds, "median": values.median().item(), "lowest": values.min().item()}


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("objects", nargs="*", default=OBJECTS)
    parser.add_argument("--steps", type=int, help="of the static phase; the default is the configured number")
    arguments = parser.parse_args()
    steps = [f"phase.static.steps={arguments.steps}"] if arguments.steps else []
    results = {}
    for name in arguments.objects:
        results[name] = fit(name, steps)
        print(name, " ".join(f"{key} {value:.2f}" for key, value in results[name].items()), flush=True)
    print(json.dumps({"cores": os.cpu_count(), "threads": torch.get_num_threads(), "results": results}))


if __name__ == "__main__":
    main()
