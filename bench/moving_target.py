"""Can a 4D model learn to move at all? It is fitted to clips of the moved mesh itself, without any prior.

    TO4D_DATA=... python bench/moving_target.py model=hash4d_small object=gso/mario motion=up lr=0.1 background=random

Any other KEY=VALUE is an override of the model's config (`base=16`). Prints figures before, half-way and after `steps`
steps of one random view of 16 frames at 48x48, from four views at 64x64:
    psnr    of all frames, and of frame 0 alone
    rise    of the silhouette's centroid, as a share of the true one (least squares over frames)
    moved   change of opacity since frame 0, as a share of the true one
    haze    opacity outside the true silhouette grown by two pixels, as a share of the silhouette
"""

import dataclasses
import sys
from collections.abc import Callable
from pathlib import Path

import torch
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from omegaconf import OmegaConf
from torch import Tensor
from torch.nn.functional import max_pool2d

from to4d.geometry import orbit
from to4d.losses import StaticLoss
from to4d.render.mesh_cpu import MeshRenderer
from to4d.render.occupancy import sample_surface
from to4d.render.volume import VolumeRenderer
from to4d.types import Cameras, Mesh, Render, generator_at

CONF = Path(__file__).resolve().parents[1] / "conf"
TIMES = torch.arange(16) / 16
OPTIONS = {
    "model": "deform",
    "object": "gso/mario",
    "motion": "up",
    "lr": "0.006",
    "background": "white",
    "steps": "100",
}
MOTIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "up": lambda t: torch.sin(torch.pi * t) * torch.tensor([0.0, 0.2, 0.0]),
    "down": lambda t: -torch.sin(torch.pi * t) * torch.tensor([0.0, 0.2, 0.0]),
}


def main() -> None:
    """Fit the mesh, then its motion."""
    given = dict(argument.split("=", 1) for argument in sys.argv[1:])
    options = OPTIONS | {key: value for key, value in given.items() if key in OPTIONS}
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose("train", [f"model={options['model']}", f"object={options['object']}"])
    changes = [f"model.{key}={value}" for key, value in given.items() if key not in OPTIONS]
    config.merge_with(OmegaConf.from_dotlist(changes))
    field = instantiate(config.model)
    mesh = instantiate(config.object)
    renderer = VolumeRenderer(field)
    renderer.start_from(sample_surface(mesh, 200_000, generator_at(0, 0, "surface")))
    fit_static(renderer, MeshRenderer(mesh, antialias=1))
    fit_motion(renderer, moved(mesh, MOTIONS[options["motion"]]), options)


def moved(mesh: Mesh, motion: Callable[[Tensor], Tensor]) -> list[MeshRenderer]:
    """A renderer for every frame."""
    return [MeshRenderer(dataclasses.replace(mesh, vertices=mesh.vertices + motion(t)), antialias=1) for t in TIMES]


def fit_static(renderer: VolumeRenderer, reference: MeshRenderer, steps: int = 300) -> None:
    """The static phase in short."""
    optimizer = torch.optim.Adam(renderer.field.param_groups(5e-2, 0, 2e-2), betas=(0.9, 0.99), eps=1e-15, fused=True)
    decay, loss = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.1 ** (1 / steps)), StaticLoss()
    for step in range(steps):
        random = generator_at(0, step, "static")
        azimuths, elevations = 360 * torch.rand(4, generator=random), 60 * torch.rand(4, generator=random) - 20
        cameras = orbit(azimuths, elevations, 3.0, 40.0, (32, 32), torch.rand(4, 2, generator=random) - 0.5)
        times = 0.999 * torch.rand(1, generator=random)
        optimizer.zero_grad()
        loss(renderer(cameras, times, generator=random), reference(cameras, times)).backward()
        optimizer.step(), decay.step()


def fit_motion(renderer: VolumeRenderer, references: list[MeshRenderer], options: dict[str, str]) -> None:
    """Least squares on colours, over a white or a random plain background."""
    steps, groups = int(options["steps"]), renderer.field.param_groups(0, float(options["lr"]), 0)
    optimizer = torch.optim.Adam(groups, betas=(0.9, 0.99), eps=1e-15, fused=True)
    decay = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.3 ** (1 / steps))
    for step in range(steps):
        report(step, renderer, references) if step in (0, steps // 2) else None
        random = generator_at(0, step, "motion")
        azimuth, elevation = 360 * torch.rand(1, generator=random), 20 * torch.rand(1, generator=random)
        cameras = orbit(azimuth, elevation, 3.0, 40.0, (48, 48))
        colour = torch.rand(3, generator=random) if options["background"] == "random" else torch.ones(3)
        if step % 8 == 0:
            renderer.occupancy.update(renderer.field, random)
        rendered, true = renderer(cameras, TIMES, normals=False, generator=random), look(references, cameras)
        difference = rendered.rgb - true.rgb + (true.opacity - rendered.opacity) * (colour - 1)
        optimizer.zero_grad()
        difference.square().mean().backward()
        optimizer.step(), decay.step()
    report(steps, renderer, references)


def look(references: list[MeshRenderer], cameras: Cameras) -> Render:
    """The moved mesh: (B, 16, H, W, c)."""
    frames = [reference(cameras, TIMES[:1], normals=False) for reference in references]
    return Render(*(torch.cat([getattr(f, name) for f in frames], 1) for name in ("rgb", "opacity", "depth")))


@torch.no_grad()
def report(step: int, renderer: VolumeRenderer, references: list[MeshRenderer]) -> None:
    """Print the figures."""
    cameras = orbit(torch.tensor([0.0, 90.0, 180.0, 270.0]), 0.0, 3.0, 40.0, (64, 64))
    rendered, true = renderer(cameras, TIMES, normals=False), look(references, cameras)
    psnr = -10 * (rendered.rgb.clamp(0, 1) - true.rgb).square().mean((2, 3, 4)).log10()
    heights = torch.linspace(1, -1, 64)[:, None, None]
    rises = [(o * heights).sum((2, 3, 4)) / o.sum((2, 3, 4)) for o in (rendered.opacity, true.opacity)]
    mine, theirs = (rise - rise[:, :1] for rise in rises)
    change = [(o - o[:, :1]).abs().sum() for o in (rendered.opacity, true.opacity)]
    grown = max_pool2d(true.opacity[..., 0], 5, 1, 2)[..., None]
    print(
        f"step {step:4}  psnr {psnr.mean():.1f} (frame 0 {psnr[:, 0].mean():.1f})  "
        f"rise {(mine * theirs).sum() / theirs.square().sum():.2f}  moved {change[0] / change[1]:.2f}  "
        f"haze {(rendered.opacity * (grown == 0)).sum() / true.opacity.sum():.3f}",
        flush=True,
    )


if __name__ == "__main__":
    main()
