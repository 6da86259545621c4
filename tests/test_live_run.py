"""The viewer reads the latest state of a run, and the very cameras that training uses."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from hydra import compose, initialize_config_dir
from lightning import Callback

from to4d.disk.checkpoint import load_tree, save_tree
from to4d.errors import InputError
from to4d.runs.run import run
from to4d.viewer.live_run import LiveRun

SEEN = {}


class Witness(Callback):
    """Remembers the first camera of every step."""

    def on_train_batch_start(self, trainer, pl_module, *args):
        SEEN[pl_module.name, trainer.global_step] = pl_module.cameras(pl_module.step_generator()).pose[0]


def config(out, *overrides):
    quick = ["export=[]", "logger=[]", "cache=false", "renderer.samples=64", "renderer.resolution=32"]
    settings = [f"out={out}", "prompt=a plant blooming", "metrics.views.size=32", *quick, *overrides]
    with initialize_config_dir(str(Path(__file__).parents[1] / "conf"), version_base="1.3"):
        return compose("train", settings)


@pytest.fixture(scope="module")
def watched(tmp_path_factory):
    out, short = tmp_path_factory.mktemp("watched"), ["phase=[static]", "phase.static.steps=8"]
    witness = f"+callbacks.witness={{_target_: {__name__}.Witness}}"
    run(config(out, "view=true", "callbacks.live.seconds=0", "phase.static.lens.size=[16,16]", witness, *short))
    return out


def test_a_finished_run_is_shown_as_such_with_the_cameras_that_it_used(watched):
    live = LiveRun(watched)
    assert live.status() == "finished" and not live.reload()
    poses = live.cameras["static"].pose
    assert len(poses) == 24 and torch.equal(poses[0], SEEN["static", 0]) and torch.equal(poses[-1], SEEN["static", 7])


def test_a_run_at_work_is_followed(watched, tmp_path):
    for name in ("config.yaml", "live.json", "live.safetensors"):
        shutil.copy(watched / name, tmp_path)
    live = LiveRun(tmp_path)
    assert all(part in live.status() for part in ("static 8/8", "±180°"))
    state = load_tree(tmp_path / "live.safetensors")
    name = next(name for name in state if "motion.knots" in name)
    save_tree(tmp_path / "live.safetensors", state | {name: state[name] + 1.0})
    assert live.reload() and torch.equal(dict(live.scene.renderer.state_dict())[name], state[name] + 1.0)
    assert not live.reload()


def test_a_run_that_is_not_watched_leaves_nothing_for_watchers_and_may_be_watched_later(tmp_path):
    run(config(tmp_path / "run", "phase=[]"))
    assert not (tmp_path / "run" / "live.json").exists()
    (tmp_path / "run" / "metrics.json").unlink()
    run(config(tmp_path / "run", "phase=[]", "view=true"))
    with pytest.raises(InputError, match="view=true"):
        LiveRun(tmp_path)


def test_cameras_call_only_parts_of_to4d(watched, tmp_path):
    for name in ("config.yaml", "model.safetensors"):
        shutil.copy(watched / name, tmp_path)
    path = tmp_path / "config.yaml"
    path.write_text(path.read_text().replace("to4d.lens.OrbitLens", "os.system"))
    with pytest.raises(InputError, match=r"lens call 'os.system'"):
        LiveRun(tmp_path)


def test_the_state_file_is_plain_json(watched):
    state = json.loads((watched / "live.json").read_text())
    assert state["phase"] == "static" and state["step"] == state["steps"] == 8 and state["values"]["static"] > 0
