"""The procedural objects, and the limbs that are guessed for scans."""

from dataclasses import replace

import numpy as np
import pytest

from to4d_lab.data import creatures, food, toys, water_animals
from to4d_lab.data.assets import HELD_OUT
from to4d_lab.data.autorig import BODY_PLANS, facing_front, rig
from to4d_lab.data.coloured import ColouredMesh
from to4d_lab.data.sculpture import Sculpture
from to4d_lab.data.solids import box, turn

KINDS = creatures.KINDS | water_animals.KINDS | food.KINDS | toys.KINDS
WITH_LEGS = ("dinosaur", "dragon", "frog", "octopus", "penguin", "turtle", "robot_dog")


def table() -> ColouredMesh:
    """A closed body with four legs that grow out of it, 1 high and longer in z than in x."""
    points, faces = box([0, 0.5, 0], [0.4, 0.5, 0.8], cells=23)  # odd: no vertex lies on a cut
    between = (np.abs(points[:, 0]) < 0.15) | (np.abs(points[:, 2]) < 0.4)
    points[:, 1] = np.where(between, np.maximum(points[:, 1], 0.5), points[:, 1])
    return ColouredMesh(points, faces, np.ones_like(points))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(3))
def test_objects_are_small_sound_meshes(kind, seed):
    make, nouns = KINDS[kind]
    mesh = make(np.random.default_rng(seed))
    assert nouns and 300 <= len(mesh.faces) <= 3000
    assert mesh.vertices.shape == mesh.colors.shape and np.isfinite(mesh.vertices).all()
    assert mesh.faces.min() >= 0 and mesh.faces.max() < len(mesh.vertices)
    assert mesh.colors.min() >= 0 and mesh.colors.max() <= 1
    assert 0.2 < np.ptp(mesh.vertices, axis=0).max() < 3


@pytest.mark.parametrize("kind", KINDS)
def test_objects_follow_their_seed_and_vary(kind):
    make = KINDS[kind][0]
    first, again, other = (make(np.random.default_rng(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.vertices, again.vertices)
    assert first.vertices.shape != other.vertices.shape or not np.allclose(first.vertices, other.vertices)


@pytest.mark.parametrize("kind", WITH_LEGS)
def test_legs_come_in_pairs_and_lie_on_their_side(kind):
    mesh = KINDS[kind][0](np.random.default_rng(0))
    legs = [limb for limb in mesh.limbs if limb.name == "leg"]
    assert sum(leg.side for leg in legs) == 0 and len(legs) in (2, 4)
    for leg in legs:
        middle = np.average(mesh.vertices, axis=0, weights=leg.members)
        assert middle[0] * leg.side > 0 and middle[2] * leg.end >= 0
        assert middle[1] < leg.pivot[1]


def test_the_limbs_of_a_snake_are_soft():
    for limb in creatures.snake(np.random.default_rng(0)).limbs:
        assert ((limb.members > 0.1) & (limb.members < 0.9)).any() and limb.members.max() == 1


def test_a_quadruped_gets_four_legs_that_own_their_feet():
    mesh = table()
    legs = {(limb.side, limb.end): limb for limb in rig(mesh, "quadruped") if limb.name == "leg"}
    assert len(legs) == 4
    for (side, end), leg in legs.items():
        foot = np.argmin(np.abs(mesh.vertices - [0.4 * side, 0, 0.8 * end]).sum(1))
        assert leg.members[foot] > 0.9
        assert all(other.members[foot] < 0.05 for other in legs.values() if other is not leg)
        assert leg.pivot[0] * side > 0 and leg.pivot[2] * end > 0 and 0.2 < leg.pivot[1] < 0.7


def test_guessed_members_blend_over_the_joint():
    mesh = table()
    edges = mesh.faces[:, :2]
    for limb in rig(mesh, "quadruped"):
        assert limb.members.min() >= 0 and limb.members.max() <= 1
        assert np.abs(np.diff(limb.members[edges], axis=1)).max() < 0.5


@pytest.mark.parametrize("facing_deg", [90.0, -120.0])
def test_limbs_do_not_depend_on_where_the_object_faces(facing_deg):
    mesh = table()
    away = replace(mesh, vertices=mesh.vertices @ turn("y", facing_deg).T)
    away = facing_front(replace(away, limbs=rig(away, "quadruped", facing_deg)), facing_deg)
    for plain, turned in zip(rig(mesh, "quadruped"), away.limbs, strict=True):
        np.testing.assert_allclose(plain.members, turned.members, atol=1e-9)
        np.testing.assert_allclose(plain.pivot, turned.pivot, atol=1e-9)


def test_bipeds_have_arms_outside_and_a_head_on_top():
    sculpture = Sculpture(np.random.default_rng(0))
    for shape in (
        box([0, 0.6, 0], [0.2, 0.2, 0.1]),
        box([0, 0.9, 0], [0.12, 0.1, 0.1]),
        *(box([side * 0.45, 0.6, 0], [0.06, 0.15, 0.06]) for side in (-1, 1)),
        *(box([side * 0.12, 0.2, 0], [0.07, 0.2, 0.1]) for side in (-1, 1)),
    ):
        sculpture.add(shape, np.ones(3), plain=True)
    mesh = sculpture.mesh()
    limbs = {(limb.name, limb.side): limb for limb in rig(mesh, "biped")}
    assert set(limbs) == {("head", 0.0), *((name, side) for name in ("leg", "arm") for side in (-1.0, 1.0))}
    assert limbs["head", 0.0].members[mesh.vertices[:, 1] > 0.95].min() > 0.9
    assert limbs["arm", -1.0].members[mesh.vertices[:, 0] < -0.4].min() > 0.9


def test_held_out_objects_have_no_build():
    assert not set(BODY_PLANS) & set(HELD_OUT)
