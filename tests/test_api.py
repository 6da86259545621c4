"""`import to4d`: a mesh is animated and its run opened again from Python, as the commands do it."""

import asyncio
import html
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import trimesh
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from PIL import Image

import to4d
from to4d.cli import CONF
from to4d.disk.checkpoint import load_tree
from to4d.prompt import subject

pytestmark = pytest.mark.usefixtures("module_cache")
ROOT = Path(__file__).parents[1]
TINY = [
    "steps={static: 4, dynamic: 2, refine: 1}",
    "phase.static.lens.size=[16,16]",
    "distillation.steps=1",
    "metrics.views.size=32",
    "renderer.samples=32",
    "renderer.resolution=16",
    "callbacks=[guard]",
    "logger=[]",
]
LEAST = ["phase=[static]", "phase.static.steps=2", "cache=false", "metrics.frames=2", *TINY[1:]]
TINY += ["export.video.views.size=32", "export.video.turntable_frames=4", "export.glb.frames=4"]


@pytest.fixture(scope="module")
def mesh(tmp_path_factory):
    path = tmp_path_factory.mktemp("mesh") / "robot.glb"
    trimesh.creation.box((1.0, 2.0, 1.0)).subdivide().export(path)
    return path


@pytest.fixture(scope="module")
def asset(mesh, tmp_path_factory):
    return to4d.animate(mesh, "a robot jumping", out=tmp_path_factory.mktemp("asset") / "run", overrides=TINY)


@pytest.fixture(scope="module")
def run(asset):
    return to4d.load_run(asset.folder)


def test_the_api_and_the_command_make_the_same_run(asset, mesh, tmp_path):
    settings = ["object=file", f"object.path={mesh}", "object.noun=robot", "prompt=a robot jumping", "cache=false"]
    command = [sys.executable, ROOT / "train.py", *settings, f"out={tmp_path}", *TINY]
    subprocess.run(command, check=True, cwd=tmp_path.parent, env=os.environ | {"PYTHONPATH": str(ROOT / "src")})
    assert (tmp_path / "metrics.json").read_bytes() == (asset.folder / "metrics.json").read_bytes()
    assert (tmp_path / "asset.glb").read_bytes() == asset.glb.read_bytes()
    ours, theirs = (load_tree(folder / "model.safetensors") for folder in (asset.folder, tmp_path))
    assert ours.keys() == theirs.keys() and all(torch.equal(ours[key], theirs[key]) for key in ours)


def test_an_asset_knows_its_files_and_figures(asset):
    assert asset.glb.read_bytes()[:4] == b"glTF" and asset.page.name == "report.html"
    assert list(asset.videos) == ["000", "090", "180", "270", "turntable"]
    assert all(path.is_file() for path in asset.videos.values())
    assert asset.metrics == json.loads((asset.folder / "metrics.json").read_text())


def test_an_asset_shows_its_page_in_a_browser_and_in_a_notebook(asset, monkeypatch):
    opened = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    asset.show()
    assert opened == [asset.page.resolve().as_uri()]
    assert html.escape(asset.page.read_text()) in asset._repr_html_()


def test_an_asset_without_exports_says_so(mesh, tmp_path):
    asset = to4d.animate(mesh, "a robot jumping", out=tmp_path, overrides=[*LEAST, "export=[]"])
    assert asset.videos == {} and str(tmp_path) in asset._repr_html_()
    for name in ("glb", "page"):
        with pytest.raises(to4d.InputError):
            getattr(asset, name)


def test_of_several_seeds_the_best_is_shown_and_opened(mesh, tmp_path):
    overrides = [*LEAST, "export=[glb,report]", "n_seeds=2"]
    asset = to4d.animate(mesh, "a robot jumping", out=tmp_path, overrides=overrides)
    best = tmp_path / asset.metrics["clips"]["a robot jumping"]["best"]
    assert asset.page == best / "report.html" and asset.glb == tmp_path / "asset.glb"
    assert to4d.load_run(tmp_path).folder == best


def test_the_caller_s_state_stays_as_it_was(mesh, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "theirs.yaml").write_text("x: 1")
    torch.manual_seed(7)
    numbers = torch.get_rng_state()
    with initialize_config_dir(str(tmp_path / "conf"), version_base="1.3"):
        to4d.animate(mesh, "a robot jumping", overrides=[*LEAST, "export=[]"])
        assert compose("theirs").x == 1
    assert not GlobalHydra.instance().is_initialized()
    assert Path.cwd() == tmp_path and torch.equal(torch.get_rng_state(), numbers)
    assert len(list(tmp_path.glob("outputs/*/*/metrics.json"))) == 1


def test_it_runs_in_an_event_loop_and_in_a_thread(mesh, tmp_path):
    def animated(name):
        return to4d.animate(mesh, "a robot jumping", out=tmp_path / name, overrides=[*LEAST, "export=[]"])

    async def both():
        return animated("loop"), await asyncio.to_thread(animated, "thread")

    here, there = asyncio.run(both())
    assert here.metrics == there.metrics


@pytest.mark.parametrize(
    ("name", "prompt", "overrides"),
    [
        ("gso/plnt", "a plant blooming", []),
        ("no/such.glb", "a robot jumping", []),
        ("gso/plant", "a robot jumping", []),
        ("gso/plant", "", []),
        ("gso/plant", "a plant blooming", ["modle=deform"]),
        ("gso/plant", "a plant blooming", ["model=deforn"]),
        ("gso/plant", "a plant blooming", ["seed=1,2"]),
        ("gso/plant", "a plant blooming", ["--multirun"]),
        ("gso/plant", "a plant blooming", ["seed=many"]),
        ("gso/plant", "a plant blooming", ["seed=${no.such.setting}"]),
        ("gso/model", "a plant blooming", []),
        ("gso/plant", "a plant blooming", ["distillation=sds", "distillation.weighting=loud"]),
    ],
)
def test_what_cannot_be_used_is_an_input_error(name, prompt, overrides, tmp_path):
    with pytest.raises(to4d.InputError):
        to4d.animate(name, prompt, out=tmp_path, overrides=overrides)
    assert not (tmp_path / "config.yaml").exists() and not GlobalHydra.instance().is_initialized()


def test_a_finished_folder_is_kept_unless_it_is_asked_for(asset, mesh):
    before = asset.page.stat().st_mtime_ns
    with pytest.raises(to4d.InputError):
        to4d.animate(mesh, "a robot jumping", out=asset.folder, overrides=TINY)
    assert to4d.animate(mesh, "a robot jumping", out=asset.folder, overrides=[*TINY, "skip_finished=true"]) == asset
    assert asset.page.stat().st_mtime_ns == before


def test_a_folder_without_a_finished_run_and_a_damaged_one_are_input_errors(tmp_path):
    with pytest.raises(to4d.InputError):
        to4d.load_run(tmp_path)
    for damaged in ("", "[1]", "{"):
        (tmp_path / "metrics.json").write_text(damaged)
        with pytest.raises(to4d.InputError):
            to4d.load_run(tmp_path)


def test_a_run_is_drawn_from_any_side_at_any_time(run):
    picture = run.render(azimuth=90, time=0.5, size=48)
    assert picture.mode == "RGB" and picture.size == (48, 48)
    assert np.array_equal(picture, run.render(azimuth=450, time=0.5, size=48))
    assert not np.array_equal(picture, run.render(azimuth=0, time=0.5, size=48, elevation=60))
    assert (run.config.seed, run.scene.prompt.noun) == (0, "robot")


@pytest.mark.parametrize("value", [{"time": 1}, {"time": -0.1}, {"elevation": 90}, {"size": 0}, {"fov": 180}])
def test_a_value_out_of_range_is_an_input_error(run, value):
    with pytest.raises(to4d.InputError):
        run.render(**value)


@pytest.mark.parametrize(
    ("text", "file", "noun"),
    [
        ("a robot jumping", "robot", "robot"),
        ("two hand bells swinging", "Hand-Bell", "hand bell"),
        ("the fox running quickly", "mesh_07", "fox"),
        ("A fox dancing", "", "fox"),
        ("a red robot jumping", "robot", "robot"),
    ],
)
def test_the_noun_is_the_file_s_name_or_the_plain_subject(text, file, noun):
    assert subject(text, file) == noun


@pytest.mark.parametrize(
    "text", ["a red robot jumping", "a big king dances", "robots jumping", "jump", "a fox dancing on"]
)
def test_a_noun_in_doubt_is_asked_for(text):
    with pytest.raises(to4d.InputError):
        subject(text, "scan")


@pytest.mark.parametrize("text", ["null", "choice(a,b)", "[a, plant]", 'a "plant", {1}', "it\\'s a plant \\\\"])
def test_any_prompt_arrives_as_it_is(text, tmp_path, monkeypatch):
    configs = []
    monkeypatch.setattr("to4d.api.train", configs.append)
    monkeypatch.setattr("to4d.api.load_asset", lambda folder: None)
    to4d.animate("gso/plant", text, out=tmp_path / "it's, here")
    assert (configs[0].prompt, configs[0].out) == (text, str(tmp_path / "it's, here"))


def test_importing_to4d_imports_nothing_heavy():
    program = "import sys, to4d; print({'torch', 'numpy', 'hydra', 'lightning'} & set(sys.modules), dir(to4d))"
    said = subprocess.check_output([sys.executable, "-c", program], text=True)
    assert said.startswith("set()") and "animate" in said


def test_the_notebook_runs(mesh, tmp_path, monkeypatch):
    monkeypatch.setattr("webbrowser.open", lambda address: None)
    cells = [c for c in json.loads((ROOT / "docs" / "api.ipynb").read_text())["cells"] if c["cell_type"] == "code"]
    names: dict[str, Any] = {"mesh": str(mesh), "prompt": "a robot jumping", "out": str(tmp_path), "overrides": TINY}
    for cell in cells:
        if "parameters" not in cell["metadata"].get("tags", []):
            exec("".join(cell["source"]), names)  # noqa: S102
    assert names["asset"].glb.is_file() and isinstance(names["run"].render(), Image.Image)


def test_the_configuration_travels_in_the_package():
    assert CONF.parent == Path(to4d.__file__).parent
    assert sorted(path.relative_to(CONF) for path in CONF.glob("*/*.yaml")) == sorted(
        path.relative_to(ROOT / "conf") for path in (ROOT / "conf").glob("*/*.yaml")
    )
