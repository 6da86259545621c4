"""A run has one rig: kept in its folder, drawn there, and the same when it is opened again."""

import logging
from dataclasses import replace

import pytest
import torch
from body_meshes import write_dog
from test_pipeline import BARE, TINY, config, equal, weights

from to4d.errors import InputError
from to4d.model.bones import Bones
from to4d.model.mesh_deform import MeshDeform
from to4d.objects.plant import load_plant
from to4d.rig.stem import stem_rig
from to4d.runs.rig_file import RIG_FILE, load_rig, rig_key, save_rig
from to4d.runs.run import cache_path, restore, run
from to4d.types import Rig

pytestmark = pytest.mark.usefixtures("module_cache")
DOG = ["object=file", "object.noun=dog", "object.front_deg=0", "model=bones", "prompt=a dog jumping"]
LESS = [*TINY, "callbacks=[guard,multiview]"]


@pytest.fixture(scope="module")
def dog_file(tmp_path_factory):
    return write_dog(tmp_path_factory.mktemp("dog"))


@pytest.fixture(scope="module")
def made(dog_file, tmp_path_factory):
    out = tmp_path_factory.mktemp("made") / "run"
    cfg = config(out, *DOG, f"object.path={dog_file}", *BARE, "export=[rig,report]", tiny=LESS)
    run(cfg)
    return out, cfg


def test_a_run_keeps_its_rig_and_shows_it(made):
    out, _ = made
    rig = load_rig(out / RIG_FILE)
    assert rig is not None and rig.body == "quadruped"
    assert (out / "rig.png").is_file() and "data:image/png;base64," in (out / "report.html").read_text()


def test_a_run_is_opened_again_with_the_rig_in_its_folder(made, monkeypatch):
    out, _ = made
    monkeypatch.setattr("to4d.rig.choose.find_rig_among", None)  # whatever finds rigs now
    scene = restore(out)
    assert isinstance(scene.renderer.field, Bones) and scene.rig is not None
    kept = load_rig(out / RIG_FILE)
    assert kept is not None and rig_key(scene.rig) == rig_key(kept) == rig_key(scene.renderer.field.rig)


def test_a_run_without_a_rig_moves_by_control_nodes_and_says_so(dog_file, tmp_path, caplog):
    caplog.set_level(logging.INFO)
    settings = [*DOG, f"object.path={dog_file}", "rig.confidence=1.01", *BARE]
    run(config(tmp_path, *settings, tiny=LESS))
    assert (tmp_path / RIG_FILE).is_file() and load_rig(tmp_path / RIG_FILE) is None
    scene = restore(tmp_path)
    assert scene.rig is None and isinstance(scene.renderer.field, MeshDeform)
    assert "rig: none" in caplog.text and "MeshDeform" in caplog.text


def test_a_killed_run_goes_on_with_the_rig_that_it_began_with(made, tmp_path, monkeypatch):
    out, cfg = made
    again = cfg.copy()
    again.out = str(tmp_path)
    kept = load_rig(out / RIG_FILE)
    save_rig(tmp_path / RIG_FILE, kept)
    monkeypatch.setattr("to4d.rig.choose.find_rig_among", None)
    run(again)
    assert equal(weights(tmp_path), weights(out))


def test_a_rig_on_the_disk_is_the_rig(tmp_path):
    mesh = load_plant()
    rig = stem_rig(mesh.vertices.double().numpy(), mesh.faces.numpy())
    save_rig(tmp_path / "rig", rig)
    kept = load_rig(tmp_path / "rig")
    assert isinstance(kept, Rig) and rig_key(kept) == rig_key(rig) and kept.names == rig.names
    posed = replace(rig, rest_offsets=torch.randn(*rig.weights.shape, 3))
    save_rig(tmp_path / "posed", posed)
    again = load_rig(tmp_path / "posed")
    assert again is not None and torch.equal(again.rest_offsets, posed.rest_offsets)
    assert rig_key(again) == rig_key(posed) != rig_key(rig)
    assert load_rig(tmp_path / "absent") is None
    (tmp_path / "rig").write_bytes(b"no rig")
    with pytest.raises(InputError):
        load_rig(tmp_path / "rig")


def test_a_static_fit_is_shared_by_runs_with_other_rigs_unless_the_model_moves_by_one(tmp_path):
    mesh = load_plant()
    rig = stem_rig(mesh.vertices.double().numpy(), mesh.faces.numpy())
    other = replace(rig, joints=rig.joints + torch.tensor([0.0, 0.01, 0.0]))
    cfg = [config(tmp_path, f"rig={option}", tiny=LESS) for option in ("auto", "none")]
    assert cache_path(cfg[0], "static", mesh) == cache_path(cfg[1], "static", mesh)
    assert cache_path(cfg[0], "static", mesh, rig) != cache_path(cfg[0], "static", mesh, other)
