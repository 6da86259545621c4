"""Roles, class and front of bodies, as `to4d.rig.roles.assignment` finds them."""

from functools import cache

import numpy as np
import pytest
import trimesh

from to4d.rig.anatomy.parts import Anatomy, find_anatomy
from to4d.rig.roles.assignment import assign_roles
from to4d_lab.rig.capsules import CAPSULES
from to4d_lab.rig.labelled import label_parts, turn_to
from to4d_lab.rig.truth import Example

ANIMALS = [("quadruped", 1), ("quadruped", 4), ("biped", 2), ("biped", 5), ("insect", 2)]


@cache
def example(kind: str, seed: int) -> Example:
    return CAPSULES[kind](np.random.default_rng(seed))


@cache
def anatomy(kind: str, seed: int, front: float = 0.0) -> Anatomy:
    body = example(kind, seed)
    return find_anatomy(turn_to(body.vertices, front), body.faces)


def mirrored(role: str) -> str:
    return {"_L": role[:-1] + "R", "_R": role[:-1] + "L"}.get(role[-2:], role)


@pytest.mark.parametrize(("kind", "seed"), ANIMALS)
def test_bodies_of_capsules_get_their_class_and_roles(kind, seed):
    body, shape = example(kind, seed), anatomy(kind, seed)
    found, (roles, weights) = assign_roles(shape), label_parts(shape, body.vertices, body)
    assert found.body == body.body
    sure = weights == 1
    assert np.array(found.roles)[sure].tolist() == np.array(roles)[sure].tolist()


@pytest.mark.parametrize(("kind", "seed"), ANIMALS[:4:2])
def test_mirrored_mesh_gets_mirrored_sides(kind, seed):
    body, shape = example(kind, seed), anatomy(kind, seed)
    flipped = find_anatomy(body.vertices * [-1, 1, 1], body.faces[:, ::-1])
    places = {role: part.tip for role, part in zip(assign_roles(flipped).roles, flipped.parts, strict=True)}
    for role, part in zip(assign_roles(shape).roles, shape.parts, strict=True):
        if role != "other":
            np.testing.assert_allclose(places[mirrored(role)], part.tip * [-1, 1, 1], atol=0.06)


def test_given_class_is_obeyed():
    for body in ("biped", "quadruped", "thing"):
        found = assign_roles(anatomy("quadruped", 1), body=body)
        assert found.body == body
        assert not any(role.startswith(("hindleg", "foreleg")) for role in found.roles) or body == "quadruped"


@pytest.mark.parametrize("azimuth_deg", [-120.0, 35.0, 170.0])
def test_unknown_front_turns_with_the_mesh(azimuth_deg):
    front = np.deg2rad(azimuth_deg)
    found = assign_roles(anatomy("quadruped", 4, float(front)), front=None)
    assert np.cos(found.frame.front - front) > np.cos(np.deg2rad(10))


def test_ball_has_no_limbs_and_does_not_pass_for_an_animal():
    ball = trimesh.creation.icosphere(subdivisions=3)
    shape = find_anatomy(np.array(ball.vertices), np.array(ball.faces))
    assert set(assign_roles(shape, front=None).roles) <= {"other"}
    assert assign_roles(shape, front=None, body="quadruped").confidence < 0.3


def test_roles_of_a_body_are_unique():
    for kind, seed in ANIMALS:
        roles = [role for role in assign_roles(anatomy(kind, seed), front=None).roles if role != "other"]
        assert len(roles) == len(set(roles))
