from itertools import pairwise

import numpy as np
import pytest
from capsule_bodies import assemble, biped, quadruped
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from to4d.errors import InputError
from to4d.rig.anatomy.frame import Assignment, Frame
from to4d.rig.anatomy.parts import find_anatomy
from to4d.rig.found import find_rig, make_rig

UNTURNED = np.eye(3)


def rig_of(body, kind, turn=UNTURNED, front=0.0):
    """The rig of a capsule body whose parts have the roles of the capsules that their tips belong to."""
    anatomy = find_anatomy(body.vertices @ turn.T, body.faces)
    surface = anatomy.solid.surface
    roles, names = [], [name for name in body.ends if name != "trunk"]
    for part in anatomy.parts:
        gaps = [np.linalg.norm(surface.to_input(part.tip) - turn @ body.ends[name]) for name in names]
        roles.append(names[int(np.argmin(gaps))])
    centre = anatomy.solid.points[anatomy.tree.centre]
    return make_rig(
        anatomy, Assignment(kind, Frame(front, centre * [0, 1, 1] if front == 0 else centre), tuple(roles), 1.0)
    )


def dense(rig):
    weights = np.zeros((len(rig.weights), len(rig.roles)))
    for joint, weight in zip(rig.influences.numpy().T, rig.weights.numpy().T, strict=True):
        weights[np.arange(len(weights)), joint] += weight
    return weights


def moved_by(rig, role):
    """(N,) how much each vertex moves with a role; a neck counts as head."""
    names = ("neck", "head") if role == "head" else (role,)
    return dense(rig)[:, [name in names for name in rig.roles]].sum(1)


def places(rig, role):
    return rig.joints.numpy()[[name == role for name in rig.roles]]


HORSE, MAN = quadruped(), biped()
LEGS = ("foreleg_L", "foreleg_R", "hindleg_L", "hindleg_R")


@pytest.fixture(scope="module")
def horse():
    return rig_of(HORSE, "quadruped")


@pytest.fixture(scope="module")
def man():
    return rig_of(MAN, "biped")


def test_horse_has_four_legs_a_head_and_a_tail(horse):
    assert set(horse.roles) == {"root", "spine", "neck", "head", "tail", *LEGS}
    assert horse.body == "quadruped" and horse.source == "found"


def test_joints_are_in_the_middle_of_the_flesh(horse):
    for role in LEGS:
        end = HORSE.ends[role]
        joints = places(horse, role)
        assert abs(joints[:, 0] - end[0]).max() < 0.04 and abs(joints[:, 2] - end[2]).max() < 0.04
        assert joints[0, 1] > 0.6 and joints[-1, 1] < 0.08
    np.testing.assert_allclose(places(horse, "spine")[:, 0], 0, atol=0.03)
    np.testing.assert_allclose(horse.joints[0], [0, 0.75, -0.5], atol=0.08)
    np.testing.assert_allclose(places(horse, "spine")[-1], [0, 0.75, 0.5], atol=0.08)


def test_weights_of_a_limb_stay_in_the_limb(horse):
    for role in (*LEGS, "head", "tail"):
        moved, limb = moved_by(horse, role), HORSE.limb == role
        others = (HORSE.limb != role) & (HORSE.limb != "trunk")
        low = limb & (HORSE.vertices[:, 1] < 0.45) if role in LEGS else limb & (abs(HORSE.vertices[:, 2]) > 0.75)
        assert moved[low].min() > 0.95, role
        assert moved[others & (HORSE.vertices[:, 1] < 0.45)].max(initial=0.0) < 0.01, role


def test_limbs_bend_in_the_middle(man):
    for role in ("leg_L", "leg_R", "arm_L", "arm_R"):
        joints = places(man, role)
        assert len(joints) == 4
        lengths = np.linalg.norm(np.diff(joints, axis=0), axis=1)
        assert lengths.min() > 0.1 * lengths.sum()


def test_every_limb_has_two_joints_with_weight_and_an_end_without(horse, man):
    for rig in (horse, man):
        mass = dense(rig).sum(0)
        for role in set(rig.roles) - {"root", "spine", "neck", "head"}:
            chain = [joint for joint, name in enumerate(rig.roles) if name == role]
            assert (mass[chain[:2]] > 0).all() and mass[chain[-1]] == 0
            assert all(rig.parents[b] == a for a, b in pairwise(chain))
            assert [rig.ranks[joint] for joint in chain] == list(range(len(chain)))


def test_weights_are_at_most_four_and_add_up_to_one(horse):
    assert horse.weights.shape[1] == 4 and (horse.weights >= 0).all()
    np.testing.assert_allclose(horse.weights.sum(1), 1, atol=1e-5)
    assert len(set(horse.names)) == len(horse.names)


def test_vertices_at_one_place_have_the_same_weights():
    vertices = HORSE.vertices[HORSE.faces].reshape(-1, 3)  # every corner is a vertex of its own
    rig = find_rig(vertices, np.arange(len(vertices)).reshape(-1, 3), "quadruped")
    _, place = np.unique(np.round(vertices, 6), axis=0, return_inverse=True)
    weights = dense(rig)
    first = np.unique(place, return_index=True)[1]
    np.testing.assert_array_equal(weights, weights[first][place.ravel()])


def test_legs_that_almost_touch_share_no_weights():
    body = quadruped(24, spread=0.0615)  # .3 % of the length apart
    rig = rig_of(body, "quadruped")
    low = body.vertices[:, 1] < 0.4
    for kind in ("foreleg", "hindleg"):
        left, right = moved_by(rig, f"{kind}_L"), moved_by(rig, f"{kind}_R")
        assert left[low & (body.limb == f"{kind}_L")].min() > 0.95
        assert right[low & (body.limb == f"{kind}_L")].max() < 0.01


def test_rig_does_not_depend_on_scale_and_place(horse):
    moved = rig_of(assemble_again(HORSE, lambda x: 5 * x + [1, 2, 3]), "quadruped")
    assert moved.roles == horse.roles
    np.testing.assert_allclose(moved.joints, 5 * horse.joints.numpy() + [1, 2, 3], atol=0.15)


def assemble_again(body, change):
    ends = {name: change(end) for name, end in body.ends.items()}
    return type(body)(change(body.vertices), body.faces, body.limb, ends)


def test_rig_does_not_depend_on_tessellation(horse):
    fine = rig_of(quadruped(32), "quadruped")
    for role in set(horse.roles):
        np.testing.assert_allclose(places(horse, role)[[0, -1]], places(fine, role)[[0, -1]], atol=0.12, err_msg=role)


def test_rig_turns_with_the_body(horse):
    yaw = np.deg2rad(90)
    turn = np.array([[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]])
    turned = rig_of(HORSE, "quadruped", turn, front=yaw)
    for role in set(horse.roles):
        np.testing.assert_allclose(places(horse, role) @ turn.T, places(turned, role), atol=0.08, err_msg=role)


def test_rig_is_the_same_bit_for_bit(horse):
    again = rig_of(HORSE, "quadruped")
    assert (again.weights == horse.weights).all() and (again.joints == horse.joints).all()


def test_arm_that_lies_on_the_body_is_found_by_its_partner():
    limbs = {"trunk": ((0, 0.85, 0), (0, 1.3, 0), 0.17), "head": ((0, 1.45, 0), (0, 1.8, 0), 0.13)}
    for side, sign in (("L", 1), ("R", -1)):
        limbs[f"leg_{side}"] = ((sign * 0.13, 0.8, 0), (sign * 0.16, 0.06, 0), 0.08)
    limbs["arm_L"] = ((0.15, 1.35, 0), (0.24, 0.9, 0), 0.06)
    limbs["arm_R"] = ((-0.15, 1.35, 0), (-0.33, 0.9, 0), 0.06)
    rig = rig_of(assemble(limbs), "biped")
    assert {"arm_L", "arm_R"} <= set(rig.roles)


def test_fish_bends_along_its_whole_body():
    fish = assemble({"trunk": ((0, 0, 0.3), (0, 0, -0.5), 0.15), "tail": ((0, 0, -0.5), (0, 0, -0.9), 0.05)})
    rig = find_rig(fish.vertices, fish.faces, "fish")
    tail, head = places(rig, "tail"), places(rig, "head")
    assert tail[-1, 2] < -0.85 and head[-1, 2] > 0.35
    assert (np.diff(tail[:, 2]) < 0).all() and abs(tail[:, :2]).max() < 0.05


def test_insect_has_six_legs():
    legs = {
        f"leg{number}_{side}": ((sign * 0.1, 0.3, z), (sign * 0.6, 0.04, 1.6 * z), 0.035)
        for number, z in ((1, 0.25), (2, 0.0), (3, -0.25))
        for side, sign in (("L", 1), ("R", -1))
    }
    body = assemble({"trunk": ((0, 0.3, -0.3), (0, 0.3, 0.3), 0.12), **legs})
    rig = rig_of(body, "insect")
    assert {role for role in rig.roles if role.startswith("leg")} == set(legs)
    for role in legs:
        far = (body.limb == role) & (abs(body.vertices[:, 0]) > 0.3)
        assert moved_by(rig, role)[far].min() > 0.95


@pytest.mark.parametrize("body", ["thing", "stem"])
def test_what_has_no_limbs_is_a_root_alone(body):
    rig = find_rig(HORSE.vertices, HORSE.faces, body)
    assert rig.roles == ("root",) and rig.body == body and (rig.weights == 1).all()


def test_flat_mesh_is_a_thing_that_nobody_is_sure_of():
    rig = find_rig(np.array([[0.0, 0, 0], [1, 0, 0], [1, 0, 1], [0, 0, 1]]), np.array([[0, 1, 2], [0, 2, 3]]))
    assert rig.roles == ("root",) and rig.body == "thing" and rig.confidence == 0


def test_vertices_without_faces_follow_the_rig_too():
    rig = find_rig(np.concatenate([HORSE.vertices, [[np.nan] * 3, [9.0, 9, 9]]]), HORSE.faces, "quadruped")
    assert len(rig.weights) == len(HORSE.vertices) + 2 and np.isfinite(rig.weights.numpy()).all()
    np.testing.assert_allclose(rig.weights.sum(1), 1, atol=1e-5)


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    phases=[Phase.explicit, Phase.generate],  # shrinking takes minutes
)
@given(
    st.integers(0, 2**32 - 1),
    st.integers(3, 30),
    st.integers(1, 40),
    st.sampled_from([(1.0, 1.0, 1.0), (1.0, 1e-9, 1.0), (1.0, 1e-3, 0.0), (1e6, 1.0, 1.0), (1e-30, 1e-30, 1e-30)]),
    st.sampled_from([None, "biped", "quadruped", "bird", "fish", "snake", "insect", "thing"]),
)
def test_any_triangles_give_a_rig_or_one_clear_line(seed, points, triangles, extent, body):
    rng = np.random.default_rng(seed)
    vertices = rng.normal(size=(points, 3)) * extent
    rig, refusal = None, ""
    try:
        rig = find_rig(vertices, rng.integers(0, points, (triangles, 3)), body)
    except InputError as error:
        refusal = str(error)
    assert "\n" not in refusal
    if rig is None:
        assert refusal
        return
    assert np.isfinite(rig.joints.numpy()).all()
    np.testing.assert_allclose(rig.weights.sum(1), 1, atol=1e-5)
    assert 0 <= rig.confidence <= 1
