"""Which rig an object gets, and that one line says why; stems and things."""

import logging
import re

import numpy as np
import pytest
import torch
from body_meshes import dog, write_ball
from hypothesis import given, settings
from hypothesis import strategies as st

from to4d.errors import InputError
from to4d.lexicon import bodies
from to4d.lexicon.bodies import bodies_of
from to4d.mesh import load_mesh
from to4d.objects.plant import load_plant
from to4d.rig.choose import Auto, Found, NoRig, Own
from to4d.rig.pose import joint_maps, skin_points
from to4d.rig.stem import stem_rig, thing_rig
from to4d.types import BODIES

LISTS = ("PEOPLE", "FOUR_LEGGED", "CREATURES", "BIRDS", "FISHES", "SNAKES", "INSECTS", "PLANTS", "BENDING", "THINGS")


@pytest.mark.parametrize(
    ("noun", "body"),
    [
        ("robot", "biped"),
        ("knights", "biped"),
        ("men", "biped"),
        ("snowman", "biped"),
        ("red fox", "quadruped"),
        ("wolves", "quadruped"),
        ("ponies", "quadruped"),
        ("lion figure", "quadruped"),
        ("bald eagle", "bird"),
        ("manta ray", "fish"),
        ("rattlesnake", "snake"),
        ("butterflies", "insect"),
        ("potted sunflower", "stem"),
        ("candles", "stem"),
        ("hand bell", "thing"),
        ("train porter", "thing"),
        ("Fire_Truck", "thing"),
        ("dog house", "thing"),
        ("action figure", "biped"),
    ],
)
def test_the_last_known_word_says_the_body(noun, body):
    assert bodies_of(noun)[0] == body


@pytest.mark.parametrize("noun", ["yoshi", "", "flurb", "toy"])
def test_an_unknown_noun_says_nothing(noun):
    assert bodies_of(noun) == ()


def test_every_noun_stands_in_one_list_and_names_bodies_that_exist():
    nouns = [noun for name in LISTS for noun in getattr(bodies, name).split()]
    assert len(nouns) == len(set(nouns)) > 700
    assert {body for noun in nouns for body in bodies_of(noun)} <= set(BODIES)


def test_the_noun_chooses_stem_thing_or_limbs_and_one_line_says_so(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    rigs = [Auto()(load_plant()), Auto()(load_mesh(write_ball(tmp_path), "ball")), Auto()(dog(tmp_path, "dog"))]
    assert [rig.body for rig in rigs if rig] == ["stem", "thing", "quadruped"]
    lines = [record.message for record in caplog.records if record.name == "to4d.rig.choose"]
    assert len(lines) == 3 and all("confidence" in line and "\n" not in line for line in lines)


def test_the_name_of_the_file_helps_where_the_noun_is_unknown(tmp_path):
    choice = Auto().choose(load_mesh(write_ball(tmp_path, "hand_bell.glb"), "clang"))
    assert choice.rig is not None and choice.rig.body == "thing"


def test_a_shape_without_limbs_stands_on_its_root(tmp_path):
    mesh = load_mesh(write_ball(tmp_path, "mesh.glb"))
    choice = Found().choose(mesh)
    assert choice.rig is not None and choice.rig.body in ("thing", "stem")
    assert choice.rig.joints[0, 1] == pytest.approx(float(mesh.vertices[:, 1].min()), abs=1e-5)


def test_what_is_too_unsure_is_no_rig_and_says_how_to_insist(tmp_path):
    choice = Auto(confidence=1.01).choose(dog(tmp_path, "dog"))
    assert choice.rig is None and choice.rejected is not None
    assert "rig=found" in choice.line()
    assert Found()(dog(tmp_path, "dog")) is not None


def test_a_body_that_is_named_overrides_noun_and_shape(tmp_path):
    mesh = dog(tmp_path, "dog")
    for body in ("stem", "thing", "biped"):
        assert all(rig is not None and rig.body == body for rig in (Auto(body)(mesh), Found(body)(mesh)))


def test_an_unknown_body_is_refused_with_those_that_exist():
    with pytest.raises(InputError, match="quadruped"):
        Auto("dog")


def test_a_file_without_a_skin_has_no_rig_of_its_own(tmp_path):
    with pytest.raises(InputError, match="rig=found"):
        Own()(dog(tmp_path))
    assert NoRig()(dog(tmp_path)) is None


@settings(deadline=None)
@given(st.integers(3, 40), st.floats(-3, 3), st.floats(0.2, 4))
def test_a_stem_is_a_chain_up_the_middle_and_its_weights_are_smooth_in_height(rings, lean, height):
    levels = np.linspace(0, height, rings)
    angle = np.linspace(0, 2 * np.pi, 8, endpoint=False)
    x, y = np.cos(angle) * 0.05 + lean * levels[:, None], np.repeat(levels[:, None], 8, 1)
    vertices = np.stack([x, y, np.tile(np.sin(angle) * 0.05, (rings, 1))], -1).reshape(-1, 3)
    quads = [(8 * r + i, 8 * r + (i + 1) % 8, 8 * (r + 1) + i) for r in range(rings - 1) for i in range(8)]
    rig = stem_rig(vertices, np.array(quads))
    assert rig.parents == tuple(range(-1, len(rig.parents) - 1)) and 5 <= len(rig.parents) <= 7
    assert (rig.joints[1:, 1].diff() > 0).all()
    torch.testing.assert_close(rig.weights.sum(1), torch.ones(len(vertices)))
    follows = (rig.weights * rig.influences).sum(1).view(rings, 8)[:, 0]
    assert follows[0] == 0.0 and (follows.diff() >= -1e-5).all()


def test_the_pot_of_a_bending_plant_stands_still():
    mesh = load_plant()
    rig = Auto()(mesh)
    assert rig is not None
    turn = torch.tensor([[0.9, -(0.19**0.5), 0.0], [0.19**0.5, 0.9, 0.0], [0.0, 0.0, 1.0]])
    rotations = torch.eye(3).repeat(1, len(rig.parents), 1, 1)
    rotations[:, 1:] = turn
    moved = skin_points(mesh.vertices, rig.influences, rig.weights, joint_maps(rig, rotations))[0]
    way = (moved - mesh.vertices).norm(dim=1)
    height = mesh.vertices[:, 1] - mesh.vertices[:, 1].min()
    assert way[height < 0.25].max() == 0.0
    assert way[height > 0.9].min() > 0.2


def test_a_thing_stands_on_its_root():
    vertices = np.random.default_rng(0).uniform(-1, 1, (500, 3)) + [3.0, 0.0, 0.0]
    rig = thing_rig(vertices)
    x, y, z = rig.joints[0].tolist()
    assert y == pytest.approx(vertices[:, 1].min()) and abs(x - 3.0) < 0.5 and abs(z) < 0.5
    assert re.fullmatch("root", rig.names[0]) and rig.weights.eq(1).all()
