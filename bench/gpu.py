"""One dynamic step of the paper's recipe with random weights: seconds, memory, who takes them, and the least there is.

    python bench/gpu.py [setting=value ...]         # on a CUDA GPU, full size; prints JSON
    python bench/gpu.py --tiny                      # on a CPU: the same program, the same architectures in small

Settings are those of train.py, as in `memory=80g reference=nvdiffrast guidance.compile=reduce-overhead`. The floor is
the arithmetic that the prior cannot do without (`bench/work.py`), at the speed of a large matrix product on the same
device and in the same precision. Seconds are of whole steps; shares are of other steps, which wait between parts.
"""

import argparse
import json
import platform
import resource
import statistics
from importlib.util import find_spec
from pathlib import Path

import torch
import work
from clock import Clock
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from omegaconf import DictConfig
from torch import Tensor

from to4d.guidance.dynamicrafter.prior import PRECISIONS, DynamiCrafter
from to4d.phases import MotionPhase
from to4d.runs.build import build_scene

CONF = Path(__file__).parents[1] / "conf"
FULL = ["guidance.weights=random", "guidance.precision=bfloat16"]
GOAL = "0.25 s a step on one H100; the paper: 1.44 s on an A100"
UPDATE = 10  # steps between updates of the occupancy (callbacks.occupancy), one of which is in the seconds of each


class Alone(MotionPhase):
    """A phase whose steps are counted by hand, without a trainer or a logger."""

    global_step = 0

    def log_step(self, **values: float | Tensor) -> None:
        """Say nothing."""


def configured(tiny: bool, settings: list[str]) -> DictConfig:
    """The paper's recipe, at full size with random weights, or tiny."""
    size = ["+tiny='true'"] if tiny else FULL
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return compose("train", ["out=.", "prompt=a plant blooming", "experiments=3to4d", *size, *settings])


def built(cfg: DictConfig, device: torch.device) -> MotionPhase:
    """The dynamic phase on a device."""
    scene = build_scene(cfg, instantiate(cfg.object))
    alone = f"{__name__}.{Alone.__name__}"
    phase = instantiate(cfg.phase.dynamic, _target_=alone, name="dynamic", scene=scene, seed=cfg.seed)
    return phase.to(device).train()


def steps(phase: MotionPhase, first: int, count: int, clock: Clock, whole: bool) -> list[float]:
    """Seconds of each of `count` steps; parts go to `clock` unless the steps are `whole`."""
    taken = []
    for number in range(first, first + count):
        phase.global_step = number  # its randomness and schedules depend on it
        began = clock.now()
        phase.optimizer.zero_grad(set_to_none=True)
        loss = phase.training_step()
        if not whole:
            clock.start("backward")
        loss.backward()
        if not whole:
            clock.stop("backward")
        phase.optimizer.step()
        taken.append(clock.now() - began)
    return taken


def shares(phase: MotionPhase, first: int, count: int, clock: Clock) -> dict[str, float]:
    """Parts of a step's time, which add up to 1."""
    clock.around(phase.prior, "condition", "prior")
    clock.around(phase.prior, "denoise", "prior")
    clock.around(phase.prior, "encode", "autoencoder")
    clock.around(phase.renderer, "forward", "render")
    clock.back_through(phase.prior)
    total, part = sum(steps(phase, first, count, clock, whole=False)), clock.seconds
    autoencoder, render = part["autoencoder"] + part["back"], part["render"] + part["backward"] - part["back"]
    seconds = {"prior": part["prior"], "autoencoder": autoencoder, "render": render}
    seconds["rest"] = total - sum(seconds.values())
    return {name: round(value / total, 3) for name, value in seconds.items()}


def speed(device: torch.device, dtype: torch.dtype) -> float:
    """Operations a second in a large matrix product."""
    side = 8192 if device.type == "cuda" else 1024
    a, b = (torch.randn(side, side, device=device, dtype=dtype) for _ in range(2))
    clock = Clock(device)
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("high")  # as convolutions are by default: TF32, where there is such a thing
    times = [clock.of(lambda: a @ b) for _ in range(8)]
    torch.set_float32_matmul_precision(before)
    return 2 * side**3 / statistics.median(times[2:])


def floor(prior: DynamiCrafter, cfg: DictConfig, device: torch.device) -> float:
    """Seconds of the prior's arithmetic: each network in its precision."""
    parts = work.work(work.meta_prior(str(cfg.guidance.size)))
    through = parts["autoencoder, there and back"] / speed(device, PRECISIONS[cfg.guidance.autoencoder_precision])
    others = parts["U-Net, with and without condition"] + parts["still: autoencoder, image tower, resampler"]
    return through + others / speed(device, PRECISIONS[cfg.guidance.precision])


def peak_gib(device: torch.device) -> float:
    """The most memory so far: of the GPU, or of the process."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated() / 2**30
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tiny", action="store_true", help="small sizes, on a CPU too")
    parser.add_argument("--steps", type=int, default=16)
    parser.add_argument("settings", nargs="*")
    options = parser.parse_args()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if device.type == "cpu" and not options.tiny:
        parser.error("there is no CUDA GPU; --tiny runs the same program in small, bench/work.py counts at full size")
    cfg = configured(options.tiny, options.settings)
    phase = built(cfg, device)
    phase.optimizer = phase.configure_optimizers()["optimizer"]
    clock = Clock(device)
    warm_up = steps(phase, 0, 3, clock, whole=True)
    taken = steps(phase, 3, options.steps, clock, whole=True)
    memory = peak_gib(device)
    occupancy = clock.of(lambda: phase.renderer.occupancy.update(phase.renderer.field, phase.step_generator()))
    seconds, least = statistics.median(taken) + occupancy / UPDATE, floor(phase.prior, cfg, device)
    result = {
        "device": torch.cuda.get_device_name() if device.type == "cuda" else platform.processor() or "cpu",
        "torch": torch.__version__,
        "tinycudann": find_spec("tinycudann") is not None,
        "settings": options.settings,
        "size": str(cfg.guidance.size),
        "seconds_a_step": round(seconds, 4),
        "first_step_seconds": round(warm_up[0], 3),
        "peak_gib": round(memory, 2),
        "shares": shares(phase, 3 + options.steps, max(2, options.steps // 4), clock),
        "floor_seconds": round(least, 4),
        "times_the_floor": round(seconds / least, 2),
        "hours_of_the_recipe": round(seconds * (10_000 + 3_000) / 3600, 2),
        "goal": GOAL,
    }
    print(json.dumps(result, indent=1))
    print(work.table())


if __name__ == "__main__":
    main()
