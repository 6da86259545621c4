"""Several prompts and seeds make one asset; each run is the one that its prompt and seed make alone."""

import json
import re
import shutil
from pathlib import Path

import gltf_check
import numpy as np
import pytest
from hydra import compose, initialize_config_dir
from lightning import Callback
from PIL import Image

from to4d.disk.checkpoint import load_tree
from to4d.disk.files import SUMS
from to4d.errors import InputError
from to4d.gltf import animation as gltf_animation
from to4d.runs.animate import animate, plan, rank_key

pytestmark = pytest.mark.usefixtures("module_cache")
PROMPTS = ["a plant jumping", "a plant swaying, slowly"]
NAMES = ["a_plant_jumping", "a_plant_swaying_slowly"]
TINY = [
    "phase=[dynamic]",
    "phase.dynamic.steps=2",
    "distillation.steps=1",
    "metrics.views.size=16",
    "metrics.views.antialias=1",
    "metrics.frames=4",
    "export=[glb]",
    "export.glb.frames=4",
    "logger=[]",
    "callbacks=[guard]",
    "renderer.samples=32",
    "renderer.resolution=16",
    "autosave_seconds=0",
]


class StopAt(Callback):
    """Ends the process' work in a phase of one prompt, as a crash would."""

    def __init__(self, prompt):
        self.prompt = prompt

    def on_train_batch_start(self, trainer, pl_module, *args):
        if (pl_module.name, trainer.global_step, pl_module.prompt.text) == ("dynamic", 1, self.prompt):
            raise RuntimeError("crash")


def config(out, *overrides, prompts=PROMPTS):
    with initialize_config_dir(str(Path(__file__).parents[1] / "conf"), version_base="1.3"):
        cfg = compose("train", [f"out={out}", *TINY, *overrides])
    cfg.prompt = prompts
    return cfg


@pytest.fixture(scope="module")
def prompts(tmp_path_factory):
    """Two prompts, stopped once in the middle of the second."""
    out = tmp_path_factory.mktemp("prompts")
    with pytest.raises(RuntimeError, match="crash"):
        animate(config(out, f"+callbacks.crash={{_target_: {__name__}.StopAt, prompt: '{PROMPTS[1]}'}}"))
    for saved in out.rglob("config.yaml"):  # the crash itself is not part of the configuration to resume
        lines = saved.read_text().split("\n")
        start = next(i for i, line in enumerate(lines) if line == "  crash:")
        saved.write_text("\n".join(lines[:start] + lines[start + 3 :]))
        (saved.parent / SUMS).unlink(missing_ok=True)
    (done,) = out.rglob("metrics.json")
    time = done.stat().st_mtime_ns
    animate(config(out))
    assert done.stat().st_mtime_ns == time
    return out


@pytest.fixture(scope="module")
def seeds(tmp_path_factory):
    """One prompt with two seeds."""
    out = tmp_path_factory.mktemp("seeds")
    animate(config(out, "n_seeds=2", prompts=PROMPTS[1]))
    return out


def test_a_run_of_many_is_the_run_of_its_prompt_and_seed_killed_or_not(prompts, seeds):
    one, other = (load_tree(path / "model.safetensors") for path in (prompts / NAMES[1], seeds / "seed_0"))
    assert one.keys() == other.keys() and all((one[key] == other[key]).all() for key in one)


def test_the_asset_has_a_clip_for_each_prompt_which_is_that_of_its_own_run(prompts):
    together = gltf_animation.load_animation(prompts / "asset.glb")
    header = gltf_check.check(prompts / "asset.glb")
    assert list(together.clips) == PROMPTS and len(header["meshes"][0]["extras"]["targetNames"]) == 6
    seconds = np.linspace(0, 3 / 24, 7)
    for prompt, name in zip(PROMPTS, NAMES, strict=True):
        alone = gltf_animation.load_animation(prompts / name / "asset.glb")
        assert np.array_equal(together.poses(prompt, seconds), alone.poses(prompt, seconds))


def test_the_best_seed_is_kept_and_all_stand_on_one_sheet(seeds):
    (clip,) = json.loads((seeds / "metrics.json").read_text())["clips"].values()
    assert list(clip["runs"])[0] == clip["best"] and set(clip["runs"]) == {"seed_0", "seed_1"}
    assert (seeds / "asset.glb").read_bytes() == (seeds / clip["best"] / "asset.glb").read_bytes()
    with Image.open(seeds / "seeds.png") as sheet:
        assert sheet.size == (9 * 144 + 44, 2 * 144 + 22)


def test_a_finished_folder_is_refused_or_taken_as_it_is(prompts):
    metrics = prompts / "metrics.json"
    before = metrics.stat().st_mtime_ns
    with pytest.raises(InputError, match=f"{re.escape(str(prompts))}.* out=DIR"):
        animate(config(prompts))
    assert animate(config(prompts, "skip_finished=true")) == json.loads(metrics.read_text())
    with pytest.raises(InputError, match=r" seed\b"):
        animate(config(prompts, "skip_finished=true", "seed=1"))
    assert metrics.stat().st_mtime_ns == before


def test_a_finished_run_of_other_settings_is_not_taken_for_one_of_several(seeds, tmp_path):
    shutil.copytree(seeds / "seed_1", tmp_path / "seed_0")
    with pytest.raises(InputError, match=r"/seed_0 .* seed\b"):
        animate(config(tmp_path, "n_seeds=2", prompts=PROMPTS[1]))


def test_runs_are_ranked_by_the_check_then_by_what_is_whole_then_by_likeness():
    runs = [
        {"eval/motion_passed": True, "eval/motion_views": 4, "eval/psnr_t0_min": 30.0},
        {"eval/motion_passed": True, "eval/motion_views": 3, "eval/psnr_t0_min": 40.0},
        {"eval/motion_passed": True, "eval/motion_views": 3, "eval/psnr_t0_min": 41.0, "export/held_frames": 9},
        {"eval/motion_passed": False, "eval/motion_views": 2, "eval/psnr_t0_min": 50.0},
        {"eval/motion_passed": None, "eval/motion_views": None, "eval/dynamic_degree": 1.0, "eval/psnr_t0_min": 35.0},
        {"eval/motion_passed": None, "eval/motion_views": None, "eval/psnr_t0_min": 36.0},
    ]
    assert sorted(runs[::-1], key=rank_key, reverse=True) == runs


def test_folders_are_named_after_what_differs():
    assert [take.folder for take in plan(["a plant jumping"], 0, 1)] == [""]
    assert [take.folder for take in plan(["a plant jumping"], 3, 2)] == ["seed_3", "seed_4"]
    assert [take.folder for take in plan(PROMPTS, 0, 1)] == NAMES


def test_long_prompts_that_begin_alike_have_folders_of_their_own():
    prompts = [f"a plant {'very ' * 30}slowly {verb}" for verb in ("jumping", "swaying", "swaying to and fro")]
    folders = [take.folder for take in plan(prompts, 0, 1)]
    assert len(set(folders)) == 3 and max(map(len, folders)) == 80
    assert folders == [take.folder for take in plan(prompts, 0, 1)]
    with pytest.raises(InputError):
        plan([prompts[0], prompts[0].upper()], 0, 1)


@pytest.mark.parametrize(
    ("several", "count", "named"),
    [
        ([], 1, r"prompt=\[\]"),
        (["a plant jumping"], 0, "n_seeds=0"),
        (["a plant jumping", "A plant jumping!"], 1, "'a plant jumping'"),
        (["a plant jumping", None], 1, "prompt="),
        (["a plant jumping", "a tree jumping"], 1, "'a tree jumping'.*'plant'"),
    ],
)
def test_what_makes_no_sense_is_refused_before_any_work(tmp_path, several, count, named):
    with pytest.raises(InputError, match=named):
        animate(config(tmp_path, f"n_seeds={count}", prompts=several))
    assert not list(tmp_path.rglob("*.safetensors"))


def test_a_quality_sets_the_steps_and_nothing_else():
    with initialize_config_dir(str(Path(__file__).parents[1] / "conf"), version_base="1.3"):
        plain, fine = (compose("train", ["out=x", *more]) for more in ([], ["quality=fine"]))
    assert [plain.phase[name].steps for name in plain.phase] == [800, 100, 40]
    assert plain.distillation.steps == 2
    for name in fine.phase:
        assert fine.phase[name].steps == fine.steps[name] > plain.phase[name].steps
        fine.phase[name].steps = plain.phase[name].steps
    fine.steps = plain.steps
    assert fine == plain
