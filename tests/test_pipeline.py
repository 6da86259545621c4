"""The whole program on a CPU, tiny: real mesh, real field, real prior."""

import json
import logging
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import av
import pytest
import torch
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from lightning import Callback

from to4d.disk.checkpoint import load_tree, save_tree
from to4d.disk.run_state import PROGRESS_FILE
from to4d.errors import InputError
from to4d.protocols import RiggedField
from to4d.runs.animate import animate
from to4d.runs.run import cache_path, restore, run

ROOT = Path(__file__).parents[1]
TINY = [
    "steps={static: 6, dynamic: 3, refine: 2}",
    "phase.static.lens.size=[16,16]",
    "distillation.steps=1",
    "metrics.views.size=32",
    "renderer.samples=32",
    "renderer.resolution=32",
    "callbacks.multiview.views.size=16",
]
SHOWN = ["export.video.views.size=32", "export.video.turntable_frames=4", "export.glb.frames=8"]
BARE = ["export=[]", "logger=[]", "metrics.views.azimuths_deg=[0]", "metrics.frames=2"]  # where weights alone matter


class StopAt(Callback):
    """Ends the process' work at a step, as a crash would."""

    def __init__(self, phase, step):
        self.phase, self.step = phase, step

    def on_train_batch_start(self, trainer, pl_module, *args):
        if (pl_module.name, trainer.global_step) == (self.phase, self.step):
            raise RuntimeError("crash")


def config(out, *overrides, tiny=TINY):
    settings = [f"out={out}", "prompt=a plant blooming", *tiny, *overrides]
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        return compose("train", settings)


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("TO4D_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("WANDB_MODE", "offline")


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory):
    folder = tmp_path_factory.mktemp("unbroken")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TO4D_CACHE", str(folder / "cache"))
        run(config(folder / "run", *SHOWN))
    return folder / "run"


def weights(out):
    return load_tree(out / "model.safetensors")


def equal(a, b):
    return a.keys() == b.keys() and all((a[key] == b[key]).all() for key in a)


def test_a_run_does_not_let_lightning_talk_of_its_insides(unbroken):
    assert not logging.getLogger("lightning.pytorch.utilities.rank_zero").isEnabledFor(logging.WARNING)


def test_a_run_folder_holds_everything_that_was_promised(unbroken):
    for name in (
        "config.yaml",
        "metrics.json",
        "model.safetensors",
        "turntable.mp4",
        "contact.png",
        "asset.glb",
        "report.html",
    ):
        assert (unbroken / name).stat().st_size > 0
    for phase in ("static", "dynamic", "refine"):
        assert (unbroken / "checkpoints" / f"{phase}.safetensors").exists()
    for azimuth in ("000", "090", "180", "270"):
        with av.open(str(unbroken / "views" / f"{azimuth}.mp4")) as video:
            assert video.streams.video[0].codec_context.name == "h264"
    assert not list(unbroken.rglob("*.autosave"))
    metrics = json.loads((unbroken / "metrics.json").read_text())
    assert all(key.startswith(("eval/", "export/")) for key in metrics)


def test_the_phases_change_the_field_one_after_the_other(unbroken):
    static, dynamic, refine = (
        load_tree(unbroken / "checkpoints" / f"{name}.safetensors") for name in ("static", "dynamic", "refine")
    )
    assert not equal(static, dynamic) and not equal(dynamic, refine)
    assert equal(refine, weights(unbroken))


@pytest.mark.parametrize(("phase", "step"), [("static", 4), ("dynamic", 2), ("refine", 1)])
def test_a_crashed_run_resumes_to_the_same_bits(unbroken, tmp_path, phase, step):
    crash = f"+callbacks.crash={{_target_: {__name__}.StopAt, phase: {phase}, step: {step}}}"
    settings = ["autosave_seconds=0", *BARE]
    broken = config(tmp_path / "run", *settings, crash)
    with pytest.raises(RuntimeError, match="crash"):
        run(broken)
    (tmp_path / "run" / "config.yaml").unlink()  # the crash itself is not part of the configuration to resume
    run(config(tmp_path / "run", *settings))
    assert equal(weights(tmp_path / "run"), weights(unbroken))


def test_a_run_with_bones_moves_them_and_a_crashed_one_resumes_to_the_same_bits(tmp_path):
    settings = ["model=bones", "rig=found", "sds_weight=1", "autosave_seconds=0", *BARE]
    run(config(tmp_path / "whole", *settings))
    crash = f"+callbacks.crash={{_target_: {__name__}.StopAt, phase: refine, step: 1}}"
    with pytest.raises(RuntimeError, match="crash"):
        run(config(tmp_path / "run", *settings, crash))
    (tmp_path / "run" / "config.yaml").unlink()
    run(config(tmp_path / "run", *settings))
    found = weights(tmp_path / "run")
    assert equal(found, weights(tmp_path / "whole"))
    assert any("motion.knots" in name and (found[name] != 0).any() for name in found)
    field = restore(tmp_path / "run").renderer.field
    assert isinstance(field, RiggedField)
    assert field.motion.rig is field.rig


def test_a_static_fit_is_shared_by_runs_in_which_it_is_the_same(tmp_path):
    mesh = instantiate(config(tmp_path).object)

    def path(*settings):
        return cache_path(config(tmp_path, *settings), "static", mesh)

    for free in (
        "renderer.chunk=4096",
        "export=[]",
        "phase.dynamic.steps=9",
        "phase=[static]",
        "mask=none",
        "view=true",
    ):
        assert path(free) == path()
    others = [
        "seed=1",
        "trainer.precision=bf16-mixed",
        "callbacks=[guard,multiview]",
        "phase=[dynamic,static]",
        "reference.antialias=1",
    ]
    assert len({path(), *map(path, others)}) == 1 + len(others)


def test_a_finished_run_is_not_overwritten(unbroken):
    before = {path: path.read_bytes() for path in unbroken.rglob("*") if path.is_file()}
    with pytest.raises(InputError, match=f"{re.escape(str(unbroken))} .*out=DIR"):
        run(config(unbroken))
    assert {path: path.read_bytes() for path in unbroken.rglob("*") if path.is_file()} == before


def test_a_folder_of_another_configuration_is_refused_by_the_name_of_the_key(unbroken, tmp_path):
    (tmp_path / "config.yaml").write_bytes((unbroken / "config.yaml").read_bytes())
    with pytest.raises(InputError, match=r"\bseed[,;]"):
        run(config(tmp_path, *SHOWN, "seed=5"))


def test_the_static_fit_is_shared_by_prompts_and_rebuilt_when_damaged(tmp_path):
    short = ["phase=[static]", *BARE]
    run(config(tmp_path / "a", *short))
    (cached,) = (tmp_path / "cache" / "static").glob("*.safetensors")
    first, whole = load_tree(cached), cached.read_bytes()
    second = config(tmp_path / "b", *short, "prompt=a plant jumping", "+callbacks.crash=null")
    second.callbacks.crash = {"_target_": f"{__name__}.StopAt", "phase": "static", "step": 0}
    run(second)  # never enters the static phase
    cached.write_bytes(whole[:-10])
    run(config(tmp_path / "c", *short))
    assert equal(load_tree(cached), first)


@pytest.mark.parametrize(
    "settings",
    [
        ["phase.dynamic.lens.size=[128,128]"],
        ["phase.dynamic.lens.size=[24,16]", "flow_weight=0", "sds_weight=1"],
    ],
)
def test_pictures_of_other_sizes_than_the_prior_s_are_trained_with(tmp_path, settings):
    run(config(tmp_path / "run", "phase=[static,dynamic]", "steps.dynamic=1", *settings, *BARE))
    before, after = (
        load_tree(tmp_path / "run" / "checkpoints" / f"{name}.safetensors") for name in ("static", "dynamic")
    )
    assert not equal(before, after)


def test_the_paper_s_recipe_can_be_tried_with_the_embedded_prior(tmp_path):
    small = ["model.levels=4", "model.log2_rows=12", "model.finest=64", "model.finest_time=64"]
    small += ["model.static.levels=4", "model.static.log2_rows=12", "model.static.finest=64"]
    small += ["phase=[dynamic]", "steps.dynamic=1", "renderer.samples=16", "renderer.resolution=16"]
    cfg = config(tmp_path / "run", "experiments=3to4d", "guidance=mini", *small, *BARE, tiny=TINY[3:])
    assert cfg.phase.dynamic.lens.size == [256, 256]
    run(cfg)
    assert (tmp_path / "run" / "metrics.json").exists()


def test_a_run_in_a_folder_with_other_files_deletes_none_of_them(tmp_path):
    out = tmp_path / "home"
    names = [".env.tmpl", ".chezmoi.toml.tmpl", "progress.json", "failed.txt", "checkpoints/mine.autosave", ".x.1.tmp"]
    names += [f"another_run/checkpoints/.static.to4d-{2**30}-0123abcd.tmp.safetensors"]
    for name in names:
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).write_text("mine")
    left = out / "checkpoints" / f".static.to4d-{2**30}-0123abcd.tmp.safetensors"
    left.write_text("half")
    animate(config(out, "phase=[static]", *BARE))
    assert all((out / name).read_text() == "mine" for name in names) and not left.exists()


def start(out, *overrides):
    command = [
        sys.executable,
        "train.py",
        "prompt=a plant blooming",
        f"out={out}",
        *TINY,
        *SHOWN,
        "autosave_seconds=0",
        *overrides,
    ]
    return subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)


@pytest.mark.slow
def test_kill_9_at_three_moments_costs_nothing(unbroken, tmp_path):
    slower = ["cache=false", "steps.static=60", "steps.dynamic=12", "steps.refine=6"]
    assert start(tmp_path / "whole", *slower).wait() == 0
    for moment in range(3):
        process = start(tmp_path / "killed", *slower)
        phase = ("static", "dynamic", "refine")[moment]
        wait_for(tmp_path / "killed" / "checkpoints" / f"{phase}.autosave", process)
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL  # it was still at work
    assert start(tmp_path / "killed", *slower).wait() == 0
    assert equal(weights(tmp_path / "killed"), weights(tmp_path / "whole"))
    assert not list((tmp_path / "killed").rglob("*.tmp*"))


@pytest.mark.slow
def test_sigterm_saves_and_exits_with_143(tmp_path):
    process = start(tmp_path / "run", "steps.static=100000", "autosave_seconds=10000")
    wait_for(tmp_path / "run" / PROGRESS_FILE, process)  # of the first step
    process.terminate()
    assert process.wait(60) == 143
    assert load_tree(tmp_path / "run" / "checkpoints" / "static.autosave")["global_step"] > 0


def wait_for(path, process, seconds=300.0):
    deadline = time.monotonic() + seconds
    while not path.exists() and process.poll() is None:
        if time.monotonic() > deadline:
            process.kill()
            raise TimeoutError(f"no {path.name} after {seconds} seconds")
        time.sleep(0.1)


def test_a_run_with_nodes_moves_them_and_is_restored_with_its_nodes_where_they_were(tmp_path):
    small = ["model.motion.nodes=[4,8]", "model.motion.cells=8", "model.motion.frames=9", "logger=[]", "cache=false"]
    out = tmp_path / "run"
    run(config(out, "model=nodes", "export=[video,glb]", *small))
    saved = load_tree(out / "model.safetensors")
    moving = [name for name in saved if "motion.knots" in name and (saved[name] != 0).any()]
    assert len(moving) == 9 and json.loads((out / "metrics.json").read_text())["export/points_not_followed"] == 0
    place = next(name for name in saved if name.endswith("motion.rest_positions"))
    saved[place] = saved[place].roll(1, 0)
    save_tree(out / "model.safetensors", saved)
    motion = restore(out).renderer.field.motion
    assert torch.equal(motion.rest_positions, saved[place]) and torch.equal(motion.weights.nodes, saved[place])
