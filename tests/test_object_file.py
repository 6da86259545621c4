"""A run that is opened again is turned as when it was trained, whatever is found by then."""

import json
import logging

import pytest
import torch
import trimesh
from omegaconf import OmegaConf

from to4d.mesh import load_mesh
from to4d.objects.plant import load_plant
from to4d.rig.orientation.axes import placing_of, to_world
from to4d.rig.orientation.up_features import UPS
from to4d.runs.object_file import OBJECT_FILE, make_object, save_object


@pytest.fixture
def box(tmp_path):
    trimesh.creation.box((1.0, 2.0, 3.0)).export(tmp_path / "box.obj")
    return tmp_path / "box.obj"


def settings(path, **changes):
    return OmegaConf.create(
        {"_target_": "to4d.mesh.load_mesh", "path": str(path), "up": "auto", "front_deg": "auto"} | changes
    )


def test_what_was_found_is_kept_with_the_run(box, tmp_path):
    turned = load_mesh(box, up="-x", front_deg=25.0)
    save_object(tmp_path, turned)
    again = make_object(settings(box), tmp_path)
    assert torch.equal(again.vertices, turned.vertices) and torch.equal(again.transform, turned.transform)


def test_a_setting_counts_more_than_what_was_found(box, tmp_path):
    save_object(tmp_path, load_mesh(box, up="-x", front_deg=25.0))
    again = make_object(settings(box, up="z", front_deg=0), tmp_path)
    assert torch.equal(again.vertices, load_mesh(box, up="z", front_deg=0.0).vertices)


def test_without_the_file_or_with_a_damaged_one_it_is_found_anew(box, tmp_path, caplog):
    found = make_object(settings(box), tmp_path)
    (tmp_path / OBJECT_FILE).write_text('{"up": ')
    with caplog.at_level(logging.WARNING):
        assert torch.equal(make_object(settings(box), tmp_path).vertices, found.vertices)
    assert OBJECT_FILE in caplog.text


def test_an_object_that_comes_from_no_file_leaves_none(tmp_path):
    save_object(tmp_path, load_plant())
    assert not (tmp_path / OBJECT_FILE).exists()


@pytest.mark.parametrize("up", UPS)
@pytest.mark.parametrize("front_deg", [0.0, 35.0, -90.0, 180.0])
def test_a_rotation_says_which_axis_and_azimuth_it_was_made_of(tmp_path, up, front_deg):
    found_up, found_front = placing_of(0.3 * to_world(up, front_deg))
    assert found_up == up and found_front == pytest.approx(front_deg)
    json.dumps([found_up, found_front])
