"""`python rig.py object=file object.path=dog.glb`: a skinned mesh, a description and a picture; errors in a line."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from body_meshes import dog, write_ball, write_dog
from PIL import Image

import to4d
from to4d.gltf.animation import load_animation

ROOT = Path(__file__).parents[1]


def rig(*arguments, folder):
    command = [sys.executable, ROOT / "rig.py", *arguments]
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    return subprocess.run(command, cwd=folder, env=environment, text=True, capture_output=True)


@pytest.fixture(scope="module")
def rigged(tmp_path_factory):
    folder = tmp_path_factory.mktemp("rigged")
    path = write_dog(folder)
    done = rig("object=file", f"object.path={path}", "object.noun=dog", f"out={folder / 'out'}", folder=folder)
    assert done.returncode == 0, done.stderr
    return folder, done


def test_it_writes_three_files_and_says_which_rig(rigged):
    folder, done = rigged
    written = sorted(path.name for path in (folder / "out").iterdir() if path.name != ".lock")
    assert written == ["rig.json", "rig.png", "rigged.glb"]
    assert "quadruped" in done.stdout + done.stderr and str(folder / "out" / "rigged.glb") in done.stdout


def test_the_description_has_joints_where_the_file_and_the_world_have_them(rigged):
    folder, _ = rigged
    told = json.loads((folder / "out" / "rig.json").read_text())
    assert (told["body"], told["source"], told["up"], told["front"]) == ("quadruped", "found", [0, 1, 0], [0, 0, 1])
    assert 0 <= told["confidence"] <= 1
    names = [joint["name"] for joint in told["joints"]]
    assert len(set(names)) == len(names) and told["joints"][0]["parent"] is None
    assert all(joint["parent"] in names[:number] for number, joint in enumerate(told["joints"]) if number)
    transform = dog(folder).transform.numpy()
    for joint in told["joints"]:
        world = transform @ [*joint["position"], 1]
        np.testing.assert_allclose(world[:3], joint["world"], atol=1e-4)
    feet = {joint["role"]: joint["position"] for joint in told["joints"] if "leg" in joint["role"]}
    assert feet["foreleg_L"][0] > 0 > feet["foreleg_R"][0] and feet["hindleg_L"][2] < 0 < feet["foreleg_L"][2]


def test_the_skinned_mesh_has_a_bone_for_each_joint(rigged):
    folder, _ = rigged
    skins = [p.skin for p in load_animation(folder / "out" / "rigged.glb").primitives if p.skin is not None]
    told = json.loads((folder / "out" / "rig.json").read_text())
    assert len(skins[0].joints) >= len(told["joints"])


def test_the_command_starts_without_what_trains():
    code = "import sys, to4d.commands.rig; print({'lightning', 'wandb', 'to4d.phases', 'diffusers'} & set(sys.modules))"
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    assert subprocess.check_output([sys.executable, "-c", code], env=environment, text=True).strip() == "set()"


def test_an_object_without_a_rig_says_why_and_ends_well(tmp_path):
    done = rig(f"object.path={write_ball(tmp_path)}", "object=file", "rig=none", f"out={tmp_path}", folder=tmp_path)
    assert done.returncode == 0
    told = json.loads((tmp_path / "rig.json").read_text())
    assert told["body"] is None and told["joints"] == [] and "rig=none" in told["reason"]
    assert not (tmp_path / "rigged.glb").exists()


@pytest.mark.parametrize(
    ("setting", "named"),
    [
        ("rig.body=dog", "quadruped"),
        ("rig=ownn", "'own'"),
        ("rig=own", "rig=found"),
        ("bone_names=maya", "mixamo"),
        ("rig.confidence=much", "rig.confidence"),
        ("picture_size=0", "picture_size"),
    ],
)
def test_a_bad_setting_ends_in_a_line(tmp_path, setting, named):
    path = write_ball(tmp_path)
    done = rig("object=file", f"object.path={path}", f"out={tmp_path / 'out'}", setting, folder=tmp_path)
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert named in done.stderr and len(done.stderr.strip().splitlines()) <= 2


def test_python_makes_the_same_as_the_command(rigged, tmp_path):
    folder, _ = rigged
    asset = to4d.find_rig(folder / "dog.glb", noun="dog", out=tmp_path)
    assert asset.rig is not None and asset.rig.body == "quadruped"
    for path in asset.files:
        assert path.read_bytes() == (folder / "out" / path.name).read_bytes()
    assert asset.picture is not None
    with Image.open(asset.picture) as picture:
        assert picture.width == 1200
