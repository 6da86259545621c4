"""How fast the compiled kernels are, against the same work in vectorised torch. Prints JSON.

    python bench/bench_cpu.py [--repeats 3] [--threads 2]

Both versions of a pair take turns, so that a busy machine slows them alike. `cpu_ms` sums over threads and hardly
depends on what else runs; `wall_ms` does. Ratios are of medians.
"""

import argparse
import json
import os
import platform
import statistics
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from unittest.mock import patch

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # or idle threads of torch count as CPU time
os.environ.setdefault("GOMP_SPINCOUNT", "0")

import numba
import torch

from to4d.geometry import orbit
from to4d.kernels.composite import composite_twin
from to4d.kernels.hash_grid import encode, encode_twin
from to4d.kernels.hash_layout import HashLayout
from to4d.kernels.march import march_twin
from to4d.kernels.mlp import mlp, mlp_twin
from to4d.kernels.time_grid import interpolate_grid_twin
from to4d.model.deform import Deform
from to4d.model.deformation import DeformationField
from to4d.model.static import StaticField
from to4d.render.volume import VolumeRenderer

POINTS = 131_072
FRAMES, SIZE = 16, (64, 64)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    small_3d = HashLayout(8, 15, (16,) * 3, (256,) * 3)
    small_4d = HashLayout(8, 15, (16,) * 4, (256,) * 4)
    pairs = {
        "hash grid 3D, L8 2^15, 131,072 points, forward + backward": hash_grid(small_3d, False),
        "hash grid 3D, the same + gradient of the points": hash_grid(small_3d, True),
        "hash grid 4D, L8 2^15, 131,072 points, forward + backward": hash_grid(small_4d, False),
        "head 16-64-3, 131,072 points, forward + backward": head(),
        "render step 16x64x64, deform: forward + backward + Adam": render_step(),
    }
    results = {name: compare(*pair, options.repeats) for name, pair in pairs.items()}
    print(json.dumps({"machine": machine(), "results": results}, indent=1))


def machine() -> dict[str, str | int]:
    """What it ran on."""
    cpu = Path("/proc/cpuinfo")
    lines = cpu.read_text().splitlines() if cpu.exists() else []
    names = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    return {
        "cpu": names[0] if names else platform.processor(),
        "cores": len(names),
        "threads": torch.get_num_threads(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numba": numba.__version__,
    }


def compare(ours: Callable[[], None], torch_version: Callable[[], None], repeats: int) -> dict[str, float]:
    """Medians of both, after one warm-up each (which compiles)."""
    ours(), torch_version()
    times = {"compiled": [], "torch": []}
    for _ in range(repeats):
        for name, function in (("compiled", ours), ("torch", torch_version)):
            wall, cpu = time.perf_counter(), time.process_time()
            function()
            times[name].append((1e3 * (time.perf_counter() - wall), 1e3 * (time.process_time() - cpu)))
    out = {}
    for i, clock in enumerate(("wall", "cpu")):
        a, b = (statistics.median(t[i] for t in times[name]) for name in ("compiled", "torch"))
        out |= {
            f"compiled_{clock}_ms": round(a, 1),
            f"torch_{clock}_ms": round(b, 1),
            f"ratio_{clock}": round(b / a, 1),
        }
    return out


def hash_grid(layout: HashLayout, points_too: bool) -> tuple[Callable[[], None], Callable[[], None]]:
    """Features of uniformly random points, the worst case for caches, and the gradient of the table."""
    generator = torch.Generator().manual_seed(0)
    points = torch.rand(POINTS, len(layout.base), generator=generator).requires_grad_(points_too)
    table = torch.randn(layout.rows, 2, generator=generator).requires_grad_()
    up = torch.randn(POINTS, layout.width, generator=generator)
    leaves = [table, points] if points_too else [table]
    return tuple(
        lambda f=f: torch.autograd.grad(f(points, table, layout), leaves, up) and None for f in (encode, encode_twin)
    )


def head() -> tuple[Callable[[], None], Callable[[], None]]:
    """The colour head on random features."""
    generator = torch.Generator().manual_seed(0)
    leaves = [torch.randn(*shape, generator=generator).requires_grad_() for shape in ((POINTS, 16), (16, 64), (3, 64))]
    up = torch.randn(POINTS, 3, generator=generator)
    return tuple(lambda f=f: torch.autograd.grad(f(*leaves), leaves, up) and None for f in (mlp, mlp_twin))


def render_step() -> tuple[Callable[[], None], Callable[[], None]]:
    """One optimiser step on a clip of a ball's surface, everything trained."""
    renderer = VolumeRenderer(Deform(StaticField(), DeformationField()))
    directions = torch.randn(200_000, 3, generator=torch.Generator().manual_seed(0))
    renderer.start_from(0.5 * torch.nn.functional.normalize(directions, dim=-1))
    optimizer = torch.optim.Adam(renderer.field.param_groups(1e-4, 1e-3, 1e-4), fused=True)
    cameras, times = orbit(torch.tensor([30.0]), 15.0, 3.0, 40.0, SIZE), torch.arange(FRAMES) / FRAMES

    def step() -> None:
        optimizer.zero_grad()
        renderer(cameras, times, normals=False).rgb.square().mean().backward()
        optimizer.step()

    def torch_step() -> None:
        with ExitStack() as stack:
            for name, twin in TWINS.items():
                stack.enter_context(patch(f"to4d.{name}", twin))
            step()

    return step, torch_step


TWINS = {
    "render.volume.march": march_twin,
    "render.volume.composite": composite_twin,
    "model.static.encode": encode_twin,
    "model.heads.mlp": mlp_twin,
    "model.deformation.interpolate_grid": interpolate_grid_twin,
}

if __name__ == "__main__":
    main()
