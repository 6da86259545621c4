"""What `memory=24g|40g|80g` needs at the paper's scale, computed without a GPU; prints Markdown.

    python bench/memory.py

Weights, the field with its optimiser, and the prior's step are counted exactly (`bench/work.py`). Drawing is bytes a
sample, from a small render through the operations that a GPU runs, times the samples in the occupied cells of the
bundled plant at the start; an object that fills more of the picture, or moves far, has more. Not counted: CUDA's own
context (about half a GiB) and what its allocator cannot use (allow a tenth).
"""

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch
import work
from gpu import configured
from hydra.utils import instantiate
from omegaconf import DictConfig
from torch import Tensor

from to4d.geometry import orbit, pixel_rays
from to4d.kernels.composite import composite_twin
from to4d.kernels.hash_grid import encode_twin
from to4d.kernels.hash_layout import HashLayout
from to4d.kernels.march import march, march_twin
from to4d.kernels.mlp import mlp_twin
from to4d.model.hash4d import Hash4D
from to4d.model.static import StaticField
from to4d.render.occupancy import sample_surface
from to4d.render.volume import VolumeRenderer
from to4d.types import generator_at

PRESETS = sorted(path.stem for path in (Path(__file__).parents[1] / "conf" / "memory").glob("*.yaml"))
FRAMES = 16


class AsTinyCudaNN(torch.autograd.Function):
    """What tiny-cuda-nn keeps and makes, without its values: points and features, and the table's gradient."""

    @staticmethod
    def forward(ctx: Any, points: Tensor, table: Tensor, layout: HashLayout) -> Tensor:
        """Features (N, width)."""
        features = torch.zeros(len(points), layout.width)
        ctx.save_for_backward(points, table, features)
        return features

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[None, Tensor, None]:
        """Of the table."""
        return None, torch.zeros_like(ctx.saved_tensors[1]), None


@dataclass(frozen=True)
class Sample:
    """Bytes of one sample along a ray."""

    kept: float  # until its gradient is known
    peak: float  # at the worst moment of going there and back


def sample_of(encode: Any) -> Sample:
    """Measured on a render of a field with the paper's widths and short tables."""
    field = Hash4D(StaticField(16, 6, 2, 4, support_resolution=1), 16, 6, 2, 4, 2, 4)
    renderer = VolumeRenderer(field, samples=256, resolution=4)
    cameras, times = orbit(torch.zeros(1), 10.0, 2.5, 40.0, (16, 16)), torch.zeros(1)
    twins = {"render.volume.march": march_twin, "render.volume.composite": composite_twin}
    twins |= {"model.heads.mlp": mlp_twin, "model.static.encode": encode}
    with ExitStack() as stack:
        for name, twin in twins.items():
            stack.enter_context(patch(f"to4d.{name}", twin))
        alive = stack.enter_context(work.Alive())
        rendered = renderer(cameras, times, normals=False)
        kept = alive.now
        rendered.rgb.sum().backward()
    count = samples_of(renderer, cameras)
    return Sample(kept / count, alive.peak / count)


def samples_of(renderer: VolumeRenderer, cameras: Any) -> int:
    """In one frame."""
    rays = pixel_rays(cameras)
    origins, directions = (x.reshape(-1, 3).contiguous() for x in (rays.origins, rays.directions))
    bins, shift = torch.zeros(len(origins), dtype=torch.long), torch.full((len(origins),), 0.5)
    return len(march(origins, directions, bins, renderer.occupancy.cells, shift, renderer.step).depth)


def plant_samples(cfg: DictConfig) -> int:
    """In one frame of the bundled plant, from the front."""
    renderer = instantiate(cfg.renderer)(StaticField(levels=1, log2_rows=4))
    renderer.start_from(sample_surface(instantiate(cfg.object), 200_000, generator_at(0, 0, "surface")))
    return samples_of(renderer, orbit(torch.zeros(1), 15.0, 2.5, 40.0, tuple(cfg.phase.dynamic.lens.size)))


def peaks(cfg: DictConfig, kinds: list[Sample], frame: int, field: int) -> list[str]:
    """GiB of a dynamic step, with so many samples a frame of each kind and so many bytes of field and optimiser."""
    settings = {name: cfg.guidance[name] for name in ("precision", "autoencoder_precision", "chunk")}
    prior = work.meta_prior("256", **settings)
    rays = cfg.phase.dynamic.lens.size[0] * cfg.phase.dynamic.lens.size[1]
    clip = FRAMES * frame
    at_once = min(clip, frame * -(-cfg.renderer.chunk // rays)) if cfg.renderer.recompute else clip  # at the worst
    kept = 0 if cfg.renderer.recompute else clip
    weights, step = work.weight_bytes(prior), work.peak_bytes(lambda: work.step(prior))
    busy = [frame * one.kept + max(step + kept * one.kept, at_once * one.peak) for one in kinds]
    return [f"{(weights + field + more) / 2**30:.1f}" for more in busy]


def main() -> None:
    """Print the table."""
    kinds = [sample_of(AsTinyCudaNN.apply), sample_of(encode_twin)]
    configs = {preset: configured(False, [f"memory={preset}"]) for preset in PRESETS}
    some = configs[PRESETS[0]]
    field = 16 * sum(p.numel() for p in instantiate(some.model).parameters())  # value, gradient, Adam's two: 4 bytes
    frame = plant_samples(some)
    print("| `memory=` | sets | GiB with tiny-cuda-nn | without |\n|---|---|---|---|")
    for preset, cfg in configs.items():
        sets = f"guidance.chunk={cfg.guidance.chunk} renderer.recompute={cfg.renderer.recompute}".lower()
        needs = " | ".join(peaks(cfg, kinds, frame, field))
        print(f"| `{preset}` | `{sets} renderer.chunk={cfg.renderer.chunk}` | {needs} |")
    print(f"{frame} samples a frame; bytes a sample: {kinds}")


if __name__ == "__main__":
    main()
