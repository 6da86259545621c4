"""One run on several devices: gloo processes on the CPU do the very steps that one process does."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from hydra.utils import instantiate
from lightning import Callback
from omegaconf import OmegaConf
from test_pipeline import ROOT, TINY, config, equal, weights

from to4d.disk.checkpoint import load_tree
from to4d.distributed import draw_sharded, rank_and_world_size, shard
from to4d.errors import InputError
from to4d.geometry import orbit
from to4d.runs.build import build_phases, build_scene
from to4d.runs.rig_file import RIG_FILE, make_rig, save_rig
from to4d.runs.training import fit, worker_main
from to4d.runs.worker_group import devices_of, worker_group
from to4d.types import generator_at

SMALL = [
    "phase.static.steps=2",
    "phase.static.views=2",
    "phase.dynamic.steps=2",
    "phase.dynamic.views=2",
    "phase.refine.steps=2",
    "phase.refine.views=2",
    "sds_weight=1.0",
    "random_background=true",
    "mask=smoothed",
    "guidance_query.first_frame_noise=0.1",
    "callbacks.occupancy.every=1",
]


# Rates that no parameter feels, so that every step is compared at equal parameters: Adam makes whole steps of gradients
# that are rounding, and two runs that agree about every gradient would come apart by them.
STILL = [f"phase.static.lr.{part}=1e-30" for part in ("static", "heads")]
STILL += [f"phase.{name}.lr.{part}=1e-30" for name in ("dynamic", "refine") for part in ("static", "dynamic", "heads")]
FOUR = [f"phase.{name}.views=4" for name in ("static", "dynamic", "refine")]


class KeepGradients(Callback):
    """Remembers what the optimizer is given, and the numbers of the log."""

    def __init__(self):
        self.steps = []

    def on_before_optimizer_step(self, trainer, pl_module, optimizer):
        trained = (p for p in pl_module.renderer.field.parameters() if p.requires_grad)
        gradients = [torch.zeros_like(p).flatten() if p.grad is None else p.grad.flatten().clone() for p in trained]
        self.steps.append((torch.cat(gradients), dict(trainer.callback_metrics)))


def steps_of(cfg):
    """By phase: what the optimizer saw, and what was logged, at each step."""
    mesh = instantiate(cfg.object)
    rig = make_rig(cfg, mesh) if "bones" in cfg.model._target_ else None
    save_rig(Path(cfg.out) / RIG_FILE, rig)
    scene = build_scene(cfg, mesh, rig)
    logged = {}
    with worker_group(cfg, devices_of(cfg), worker_main) as workers:
        for name, phase in build_phases(cfg, scene).items():
            keep = KeepGradients()
            before = [instantiate(cfg.callbacks[callback]) for callback in ("occupancy", "coarse_first")]
            workers.train_phase((name, None))
            fit(phase, cfg, None, [*before, keep], [])
            logged[name] = keep.steps
    return logged


@pytest.mark.slow
@pytest.mark.parametrize("model", ["deform", "nodes", "bones"])  # the last two have levels that start late
def test_two_processes_of_one_view_do_what_one_process_of_two_does(tmp_path, model):
    settings = [f"model={model}", "rig=found", *SMALL, *STILL]
    alone, shared = steps_of(config(tmp_path, *settings)), steps_of(config(tmp_path, *settings, "trainer.devices=2"))
    assert rank_and_world_size() == (0, 1)
    for name in ("static", "dynamic", "refine"):
        for (gradient, numbers), (shared_gradient, shared_numbers) in zip(alone[name], shared[name], strict=True):
            assert gradient.norm() > 0 and distance(gradient, shared_gradient) < 1e-5, name
            for key, value in numbers.items():
                torch.testing.assert_close(shared_numbers[key], value, rtol=1e-5, atol=1e-6)


@pytest.mark.slow
def test_two_processes_that_draw_the_mesh_itself_do_what_one_does(tmp_path):
    chosen = ["model=bones", "rig=found", "renderer=mesh", "~phase.static"]
    settings = [*chosen, *(setting for setting in (*SMALL, *STILL) if "phase.static" not in setting)]
    tiny = [setting for setting in TINY if "renderer." not in setting and "phase.static" not in setting]
    alone = steps_of(config(tmp_path, *settings, tiny=tiny))
    shared = steps_of(config(tmp_path, *settings, "trainer.devices=2", tiny=tiny))
    assert list(alone) == list(shared) == ["dynamic", "refine"]
    for name, steps in alone.items():
        for (gradient, _), (shared_gradient, _) in zip(steps, shared[name], strict=True):
            assert gradient.norm() > 0 and distance(gradient, shared_gradient) < 1e-5, name


def distance(a, b):
    """Of gradients, relative."""
    return float((b.double() - a.double()).norm() / a.double().norm())


def test_each_process_draws_for_all_views_and_keeps_its_own(monkeypatch):
    whole = draw_sharded(torch.rand, (4, 3), torch.Generator().manual_seed(0))
    assert torch.equal(whole, torch.rand(4, 3, generator=torch.Generator().manual_seed(0)))
    parts = []
    for rank in range(2):
        monkeypatch.setattr("to4d.distributed.rank_and_world_size", lambda rank=rank: (rank, 2))
        parts.append(draw_sharded(torch.rand, (2, 3), torch.Generator().manual_seed(0)))
        assert torch.equal(shard(whole), parts[-1])
    assert torch.equal(torch.cat(parts), whole)


@pytest.mark.parametrize("option", sorted(path.stem for path in (ROOT / "conf" / "noise").glob("*.yaml")))
def test_the_noise_of_all_ranks_together_is_that_of_one_process(option, monkeypatch):
    settings = OmegaConf.create({"seed": 0, "noise": OmegaConf.load(ROOT / "conf" / "noise" / f"{option}.yaml")})
    noise, times = instantiate(settings.noise), torch.arange(4) / 4
    cameras = orbit(torch.tensor([0.0, 40.0, 100.0, 200.0]), 10.0, 3.0, 40.0, (64, 64))
    whole = noise(torch.Size((4, 2, 4, 8, 8)), generator_at(0, 0), cameras, times)
    assert all(not torch.equal(whole[0], other) for other in whole[1:])
    parts = []
    for rank in range(2):
        monkeypatch.setattr("to4d.distributed.rank_and_world_size", lambda rank=rank: (rank, 2))
        parts.append(noise(torch.Size((2, 2, 4, 8, 8)), generator_at(0, 0), cameras.map_tensors(shard), times))
    assert torch.equal(torch.cat(parts), whole)


def test_views_that_do_not_divide_among_devices_are_refused_with_a_way_out():
    with pytest.raises(InputError, match=r"phase\.dynamic\.views=1 .* 2 .*trainer\.devices.*phase\.dynamic\.views=2"):
        devices_of(config("somewhere", "trainer.devices=2"))
    assert devices_of(config("somewhere", "trainer.devices=4", *FOUR)) == 4


@pytest.mark.parametrize("devices", ["0", "-1", "auto", "[]", "null"])
def test_a_number_of_devices_that_means_nothing_is_refused(devices):
    with pytest.raises(InputError, match=rf"trainer\.devices={re.escape(devices.replace('null', 'None'))} "):
        devices_of(config("somewhere", f"trainer.devices={devices}"))


def start(out, stderr=subprocess.PIPE):
    settings = [
        "phase=[static]",
        "phase.static.steps=100",
        "trainer.devices=2",
        "cache=false",
        "export=[]",
        "logger=[]",
    ]
    tiny = [
        setting for setting in TINY if "dynamic" not in setting and "refine" not in setting and "video" not in setting
    ]
    command = [sys.executable, "train.py", "prompt=a plant blooming", f"out={out}", *tiny, *settings]
    return subprocess.Popen(command, cwd=ROOT, start_new_session=True, stderr=stderr, text=True)


@pytest.mark.slow
def test_a_stopped_group_of_processes_saves_once_leaves_nobody_and_goes_on_to_the_same_bits(tmp_path):
    assert start(tmp_path / "whole", subprocess.DEVNULL).wait() == 0
    stopped = start(tmp_path / "stopped")
    while not stopped.stderr.readline().startswith("static "):
        assert stopped.poll() is None
    others = subprocess.run(["pgrep", "-g", str(stopped.pid), "-f", "spawn_main"], capture_output=True, text=True)
    os.kill(int(others.stdout), signal.SIGTERM)  # which must not leave the first one alone before it has saved
    time.sleep(1.0)  # some steps
    os.killpg(stopped.pid, signal.SIGTERM)  # as a scheduler does, to all processes
    assert stopped.wait() == 143
    stopped.stderr.close()
    with pytest.raises(ProcessLookupError):  # noqa: PT012
        for _ in range(300):
            os.killpg(stopped.pid, 0)
            time.sleep(0.1)
    assert 0 < load_tree(tmp_path / "stopped" / "checkpoints" / "static.autosave")["global_step"] < 100
    assert start(tmp_path / "stopped", subprocess.DEVNULL).wait() == 0
    assert equal(weights(tmp_path / "stopped"), weights(tmp_path / "whole"))
