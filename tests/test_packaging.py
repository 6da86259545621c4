"""The wheel holds all that the commands and the Python API need: both run from it, in a folder without a checkout."""

import json
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from importlib.metadata import PathDistribution
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TINY = [
    "object.radius=0.5",
    "steps={static: 4, dynamic: 2, refine: 1}",
    "phase.static.lens.size=[16,16]",
    "distillation.steps=1",
    "metrics.views.size=32",
    "renderer.samples=32",
    "renderer.resolution=16",
    "callbacks=[guard]",
    "export=[glb,report]",
    "logger=[]",
    "cache=false",
]
API = """
import json, sys
import to4d
asset = to4d.animate("gso/plant", "a plant blooming", out="outputs/api", overrides=json.loads(sys.argv[1]))
asset.glb, asset.metrics, asset.videos, asset.page
run = to4d.load_run("outputs/api"); run.render(azimuth=90, time=0.5)
print(to4d.__file__)
"""


def built(source, folder):
    """The wheel of a source tree."""
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*command, "--disable-pip-version-check", "--wheel-dir", folder, source], check=True)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """What a fresh checkout has that matters here: a build leaves files in it."""
    folder, skipped = tmp_path_factory.mktemp("tree"), shutil.ignore_patterns("__pycache__", "*.egg-info")
    for name in ("src", "conf", "experiments", "sweeps"):
        shutil.copytree(ROOT / name, folder / name, symlinks=True, ignore=skipped)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder)
    return folder


@pytest.fixture(scope="module")
def wheel(tree, tmp_path_factory):
    return built(tree, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    site = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-index"]
    subprocess.run([*command, "--no-deps", "--target", site, wheel], check=True)
    return site


def started(installed, folder, *command):
    """The output of a program that finds the installed package before any other."""
    program, *arguments = command
    if program != sys.executable:
        program = installed / "bin" / program
    environment = os.environ | {"PYTHONPATH": str(installed), "TO4D_CACHE": str(folder / "cache")}
    return subprocess.check_output([program, *arguments], cwd=folder, env=environment, text=True)


def test_every_configuration_file_is_in_the_wheel_once(wheel):
    folders = {"conf": "conf", "experiments": "conf/experiments", "sweeps": "conf/sweeps"}
    expected = {
        f"to4d/{place}/{path.relative_to(ROOT / name).as_posix()}": path.read_bytes()
        for name, place in folders.items()
        for path in ROOT.glob(f"{name}/**/*.yaml")
    }
    with zipfile.ZipFile(wheel) as file:
        names = [name for name in file.namelist() if name.startswith("to4d/conf/")]
        assert {name: file.read(name) for name in names} == expected
        assert len(names) == len(set(names)) > 150


def test_the_wheel_holds_what_runs_and_no_more(wheel):
    with zipfile.ZipFile(wheel) as file:
        names = file.namelist()
    assert {name.split("/")[0] for name in names if ".dist-info" not in name} == {"to4d", "hydra_plugins"}
    assert {"to4d/py.typed", "hydra_plugins/to4d/cells.py", "to4d/report/paper.yaml"} <= set(names)


def test_a_wheel_made_from_the_source_archive_is_the_same(tree, wheel, tmp_path):
    build = "import sys; from setuptools import build_meta; build_meta.build_sdist(sys.argv[1])"
    subprocess.run([sys.executable, "-c", build, tmp_path], cwd=tree, check=True, stdout=subprocess.DEVNULL)
    (archive,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(archive) as file:
        file.extractall(tmp_path, filter="data")
    again = built(tmp_path / archive.name.removesuffix(".tar.gz"), tmp_path / "wheel")
    with zipfile.ZipFile(wheel) as one, zipfile.ZipFile(again) as other:
        assert set(one.namelist()) == set(other.namelist())


def test_every_command_is_installed_and_tells_how_it_is_used(installed, tmp_path):
    (info,) = installed.glob("*.dist-info")
    commands = {point.name for point in PathDistribution(info).entry_points.select(group="console_scripts")}
    hydras = {f"to4d-{name}" for name in ("train", "evaluate", "export", "rig", "view", "report")}
    assert commands == hydras | {"to4d-weights", "to4d-gpu"}
    for command in ("to4d-train", "to4d-report", "to4d-weights"):
        assert started(installed, tmp_path, command, "--help")


@pytest.fixture(scope="module")
def swept(installed, tmp_path_factory):
    folder, sweep = tmp_path_factory.mktemp("swept"), ["-m", "out=outputs", "hydra.sweep.subdir=seed${seed}", "seed=0"]
    started(installed, folder, "to4d-train", *sweep, "object=gso/plant", "prompt=a plant blooming", *TINY)
    return folder


def test_a_sweep_runs_without_a_checkout(swept):
    assert json.loads((swept / "outputs" / "seed0" / "metrics.json").read_text())["eval/psnr"] > 0


@pytest.mark.slow
def test_the_other_commands_run_without_a_checkout(swept, installed):
    measured = ["views.size=32", "views.antialias=1", "frames=2"]
    started(installed, swept, "to4d-evaluate", "run=outputs/seed0", *measured)
    started(installed, swept, "to4d-export", "run=outputs/seed0", "format=glb", "frames=4")
    started(installed, swept, "to4d-report", "runs=outputs", "out=compared")
    assert (swept / "outputs" / "seed0" / "evaluation.json").is_file()
    assert (swept / "compared" / "compare.html").is_file()


def test_the_python_api_runs_without_a_checkout(installed, tmp_path):
    said = started(installed, tmp_path, sys.executable, "-c", API, json.dumps(TINY))
    assert Path(said.strip().split("\n")[-1]).is_relative_to(installed)
