"""What a training clip costs: the moved mesh itself (renderer=mesh) against the field (renderer=volume).

    python bench/moved_mesh.py [--object gso/mario] [--sizes 64 128 256] [--repeats 3]

One clip of 16 frames of `model=nodes` with a random motion, new in each repeat: CPU time (it sums over threads), the
same with the gradient of the motion, and the memory that it takes at its peak. Each case has a process of its own.
"""

import argparse
import multiprocessing
import resource
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate

from to4d.geometry import orbit
from to4d.runs.build import build_scene

CONF = Path(__file__).resolve().parents[1] / "conf"
FRAMES = 16


def clip(name: str, renderer: str, size: int, gradient: bool) -> Callable[[], None]:
    """One clip after a change of the motion."""
    with initialize_config_dir(str(CONF), version_base="1.3"):
        cfg = compose(
            "train", [f"object={name}", "model=nodes", f"renderer={renderer}", "phase=[]", "prompt=a mario jumping"]
        )
    scene = build_scene(cfg, instantiate(cfg.object))
    cameras, times = orbit(torch.tensor([30.0]), 15.0, 3.0, 40.0, (size, size)), torch.arange(FRAMES) / FRAMES
    generator = torch.Generator().manual_seed(0)

    def draw() -> None:
        for knots in scene.renderer.field.parameters():
            if knots.dim() == 3:
                knots.data.normal_(0, 0.01, generator=generator)
        with torch.set_grad_enabled(gradient):
            rendered = scene.renderer(cameras, times, normals=False)
        if gradient:
            rendered.rgb.square().mean().backward()

    return draw


def measured(answer: multiprocessing.SimpleQueue, repeats: int, case: tuple[str, str, int, bool]) -> None:
    """CPU milliseconds, a median, and MiB above what the parts themselves take."""
    torch.set_num_threads(1)
    draw, times = clip(*case), []
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(repeats + 1):  # the first compiles
        began = time.process_time()
        draw()
        times.append(1e3 * (time.process_time() - began))
    answer.put((statistics.median(times[1:]), (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--object", default="gso/mario")
    parser.add_argument("--sizes", type=int, nargs="+", default=[64, 128, 256])
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    print("| renderer | size | CPU ms | MiB | with gradient: CPU ms | MiB |\n|---|---|---|---|---|---|", flush=True)
    for size in options.sizes:
        for renderer in ("volume", "mesh"):
            figures = []
            for gradient in (False, True):
                answer = multiprocessing.SimpleQueue()
                case = (options.object, renderer, size, gradient)
                process = multiprocessing.Process(target=measured, args=(answer, options.repeats, case))
                process.start()
                process.join()
                figures += [f"{value:.0f}" for value in answer.get()]
            print(f"| {renderer} | {size} | {' | '.join(figures)} |", flush=True)


if __name__ == "__main__":
    main()
