"""What helps a GPU here, and whether it says the same as our own code: `python -m to4d.runs.gpu`.

`make setup-gpu` installs both helpers, and asks with `--ready` first whether they could be built at all. Everything
works without them, only slower: hash grids in plain torch, the mesh by Embree on the CPU.
"""

import argparse
import shutil
import sys
from importlib.util import find_spec

import torch

from to4d.geometry import orbit
from to4d.kernels import hash_grid_cuda
from to4d.kernels.hash_grid import encode_twin
from to4d.kernels.hash_layout import HashLayout
from to4d.objects.plant import load_plant
from to4d.render.mesh_cpu import MeshRenderer
from to4d.render.nvdiffrast import NvdiffrastRenderer

LAYOUTS = (HashLayout(16, 19, (16,) * 3, (4096,) * 3), HashLayout(16, 19, (16,) * 4, (4096,) * 4))  # the paper's
INSTALL = "install it with `make setup-gpu`"


def obstacle() -> str | None:
    """Why the helpers cannot be built or used here, in one line; None if they can."""
    if not torch.cuda.is_available():
        built = f"was built for CUDA {torch.version.cuda}" if torch.version.cuda else "was built without CUDA"
        return f"no CUDA GPU is seen by torch {torch.__version__}, which {built}; nothing is installed"
    if shutil.which("nvcc") is None:
        toolkit = f"the CUDA toolkit {torch.version.cuda}"
        return f"there is no CUDA compiler (nvcc) on PATH; install {toolkit}; nothing is installed"
    return None


def hash_grid_difference(layout: HashLayout) -> float:
    """tiny-cuda-nn against plain torch: the largest difference of features and of gradients, over the largest value.

    Points keep away from the border, where tiny-cuda-nn wraps around.
    """
    numbers = torch.Generator().manual_seed(0)
    points = 0.02 + 0.96 * torch.rand(10_000, len(layout.base), generator=numbers)
    table = 2.0 * torch.rand(layout.rows, 2, generator=numbers) - 1.0
    points, table = (x.cuda().requires_grad_() for x in (points, table))
    answers = []
    for encode in (hash_grid_cuda.encode_cuda, encode_twin):
        features = encode(points, table, layout)
        answers.append([features, *torch.autograd.grad(features.square().sum(), [table])])
    return max(float((a - b).abs().max() / b.abs().max()) for a, b in zip(*answers, strict=True))


def picture_difference() -> float:
    """The mean difference of the bundled plant's colours, nvdiffrast against Embree."""
    mesh, cameras = load_plant(), orbit(torch.tensor([30.0]), 15.0, 2.5, 40.0, (128, 128))
    times = torch.zeros(1)
    drawn = NvdiffrastRenderer(mesh)(cameras.to(torch.device("cuda")), times.cuda())
    return float((drawn.rgb.cpu() - MeshRenderer(mesh)(cameras, times).rgb).abs().mean())


def helper(name: str, what: str, difference: float | None, limit: float) -> tuple[str, bool]:
    """A line about a helper, and whether it is fit for use; `difference` is None where it is not installed."""
    if difference is None:
        return f"{name}: not installed, {what}; {INSTALL}", True
    fit = difference < limit
    return f"{name}: active, differs by {difference:.1e} (limit {limit:.0e}){'' if fit else ': DO NOT USE IT'}", fit


def report() -> int:
    """Print what is active; returns 1 if something is not fit for use."""
    name, major, minor = torch.cuda.get_device_name(), *torch.cuda.get_device_capability()
    print(f"{name}, compute capability {major}.{minor}, torch {torch.__version__}, CUDA {torch.version.cuda}")
    grid = max(map(hash_grid_difference, LAYOUTS)) if find_spec("tinycudann") else None
    picture = picture_difference() if find_spec("nvdiffrast") else None
    lines = [
        helper("tinycudann (hash grids)", "plain torch is used", grid, 1e-3),
        helper("nvdiffrast (non-commercial use only)", "the mesh is drawn on the CPU", picture, 0.02),
    ]
    print("\n".join(line for line, _ in lines))
    return int(not all(fit for _, fit in lines))


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ready", action="store_true", help="only say whether the helpers could be built")
    ready = parser.parse_args().ready
    if (trouble := obstacle()) and (ready or not torch.cuda.is_available()):
        print(f"error: {trouble}", file=sys.stderr)
        return 2
    return 0 if ready else report()


if __name__ == "__main__":
    sys.exit(main())
