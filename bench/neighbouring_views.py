"""Do neighbouring views get the same video? Fig. 6 of the paper's second version: noise that views share, fresh noise.

    TO4D_DATA=... python bench/neighbouring_views.py [--objects ...] [--motion M] [--step DEG] [KEY=VALUE ...]

The prior makes a video of the object's render at azimuths 0, STEP, 2 STEP, ..., once from `noise=view_consistent` and
once from `noise=random`. Printed is the mean squared difference between the videos of neighbouring views, x 1000,
beside that of the renders that they start from. KEY=VALUE are settings, such as `guidance=dynamicrafter` (the paper's)
or `guidance.knows_view=false`.
"""

import argparse
from collections.abc import Callable
from dataclasses import replace

import torch
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from motion_matrix import ROOT, parsed
from torch import Tensor

from to4d.distillation import Reconstruction
from to4d.geometry import azimuths_deg, orbit, relief
from to4d.guidance_query import GuidanceQuery
from to4d.prompt import make_prompt
from to4d.protocols import Prior
from to4d.report.writers import markdown_table
from to4d.types import Prompt, generator_at
from to4d.viewpoints import frame_times

OBJECTS = ["gso/plant", "gso/mario", "gso/rhino", "gso/hand_bell", "data/sunflower"]


@torch.no_grad()
def video(prior: Prior, reference: torch.nn.Module, prompt: Prompt, azimuth_deg: float, draw: Callable) -> list[Tensor]:
    """The render (H, W, 3) at an azimuth, and the prior's video (V, H, W, 3) of it."""
    camera, times = orbit(torch.tensor([azimuth_deg]), 0.0, 3.0, 40.0, tuple(prior.size)), frame_times(prior.frames)
    still, random = reference(camera, times[:1]).at(0), generator_at(0, round(azimuth_deg), "neighbouring views")
    still = replace(still, relief=relief(still, camera), azimuth_deg=azimuths_deg(camera))
    shape, last = prior.encode(still.rgb[:, None].expand(-1, prior.frames, -1, -1, -1)).shape, len(prior.alpha_bar) - 1
    noise = draw(shape, random, cameras=camera, times=times)
    condition = GuidanceQuery().condition(prior, still, prompt, last, random)
    clean = Reconstruction(guidance_scale=1.5, steps=16).denoise(prior, noise, last, condition).clean
    return [still.rgb[0], prior.decode(clean)[0]]


def apart(pictures: list[Tensor]) -> float:
    """Mean squared difference of neighbours in a round of pictures."""
    pairs = zip(pictures, pictures[1:] + pictures[:1], strict=True)
    return float(torch.stack([(a - b).square().mean() for a, b in pairs]).mean())


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--objects", nargs="+", default=OBJECTS)
    parser.add_argument("--motion", default="swaying")
    parser.add_argument("--step", type=float, default=5.0)
    options, settings = parsed(parser)
    print(markdown_table(["object", "renders", "view_consistent", "random"], []), end="")
    for name in options.objects:
        with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
            cfg, fresh = (
                compose("train", [f"object={name}", f"noise={kind}", *settings])
                for kind in ("view_consistent", "random")
            )
        mesh, prior = instantiate(cfg.object), instantiate(cfg.guidance)
        reference, prompt = instantiate(cfg.reference)(mesh), make_prompt(f"a {mesh.noun} {options.motion}", mesh.noun)
        views = torch.arange(0.0, 360.0, options.step).tolist()
        rounds = [
            [video(prior, reference, prompt, azimuth, instantiate(noise)) for azimuth in views]
            for noise in (cfg.noise, fresh.noise)
        ]
        stills, differences = [still for still, _ in rounds[0]], [apart([clip for _, clip in each]) for each in rounds]
        print(f"| {name} | {' | '.join(f'{1000 * x:.2f}' for x in (apart(stills), *differences))} |", flush=True)


if __name__ == "__main__":
    main()
