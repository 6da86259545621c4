"""The embedded prior's clips: motions, captions, objects, and that one seed makes one data set."""

import numpy as np
import pytest

from to4d_lab.data import dataset
from to4d_lab.data.actions import draw_action, possible
from to4d_lab.data.assets import cluster
from to4d_lab.data.clip_rendering import draw_clips, leaning
from to4d_lab.data.coloured import ColouredMesh
from to4d_lab.data.object_motions import MOTIONS, move
from to4d_lab.data.objects import HELD_OUT_KINDS, KINDS, Subject, draw_subject, fitting
from to4d_lab.data.style import Style, draw_style

TAU = np.arange(16) / 16
POINTS = np.random.default_rng(0).uniform([-0.3, -0.5, -0.2], [0.3, 0.5, 0.2], (400, 3))
ORDINARY = Style(amplitude=1.0, speed=1.0, sign=1.0, phase=0.0, cycles=0.3, heading=0.0)


def height_of(points: np.ndarray) -> np.ndarray:
    return np.ptp(points[..., 1], axis=-1)


@pytest.mark.parametrize("kind", MOTIONS)
def test_every_motion_starts_at_the_rest_pose(kind: str):
    for seed in range(8):
        style = draw_style(np.random.default_rng(seed), 1.2, 1.0)
        np.testing.assert_allclose(move(kind, POINTS, TAU, style)[0], POINTS, atol=1e-9)


@pytest.mark.parametrize("kind", [kind for kind in MOTIONS if kind != "still"])
def test_every_motion_but_standing_still_moves(kind: str):
    moved = move(kind, POINTS, TAU, ORDINARY)
    assert np.linalg.norm(moved - POINTS, axis=-1).mean(1).max() > 0.03


def test_standing_still_does_not_move():
    np.testing.assert_allclose(move("still", POINTS, TAU, ORDINARY), np.broadcast_to(POINTS, (16, 400, 3)), atol=1e-12)


def test_a_jump_rises_by_a_third_of_the_height_and_comes_back():
    rise = move("jump", POINTS, np.linspace(0, 1, 64), ORDINARY)[..., 1].mean(1) - POINTS[:, 1].mean()
    assert 0.3 < rise.max() < 0.5
    assert rise[40:].min() < -0.05  # it lands in a squash
    assert abs(rise[-1]) < 0.01


def test_growing_enlarges_a_view_by_at_least_two_thirds():
    last = move("grow", POINTS, TAU, ORDINARY)[-1]
    assert height_of(last) / height_of(POINTS) > 1.3
    assert last[:, 1].min() == pytest.approx(POINTS[:, 1].min())


def test_swaying_moves_the_top_and_keeps_the_base():
    moved = move("sway", POINTS, TAU, ORDINARY)
    top, low = POINTS[:, 1] > 0.0, POINTS[:, 1] < -0.25
    sideways = np.abs(moved - POINTS)[..., 0]
    assert sideways[:, top].mean(1).max() > 0.12
    assert sideways[:, low].mean(1).max() < sideways[:, top].mean(1).max() / 5


@pytest.mark.parametrize("kind", ["sway", "rock", "shake", "fall", "nod"])
def test_the_opposite_sign_is_the_mirror_image(kind: str):
    mirror = np.array([-1.0, 1.0, 1.0])
    opposite = Style(1.0, 1.0, -1.0, 0.0, 0.3, 0.0)
    both = move(kind, POINTS * mirror, TAU, ORDINARY), move(kind, POINTS, TAU, opposite) * mirror
    np.testing.assert_allclose(*both, atol=1e-9)


def test_most_motions_begin_to_the_right_of_who_looks_at_the_front_and_others_go_anywhere():
    styles = [draw_style(np.random.default_rng(seed), 1.0, 1.0) for seed in range(4000)]
    right = np.array([style.sign * np.cos(style.heading) for style in styles])
    assert np.mean(right > 0.8) > 0.7 and np.mean(np.abs(right) < 0.5) == pytest.approx(0.25 / 3, abs=0.03)
    assert (move("shake", POINTS, TAU, ORDINARY) - POINTS)[2, :, 0].min() > 0.01  # to +x, the right of who sees +z


def test_turns_go_counterclockwise_17_times_in_20():
    random = np.random.default_rng(0)
    drawn = [draw_style(random, 1.0, 1.0).sign for _ in range(4000)]
    signs = {kind: [leaning(random, kind, sign) for sign in drawn] for kind in ("spin", "sway")}
    assert np.mean(np.array(signs["spin"]) > 0) == pytest.approx(0.85, abs=0.02)
    assert np.mean(np.array(signs["sway"]) > 0) == pytest.approx(0.8, abs=0.02)
    front = np.array([[0.0, 0.0, 0.3], [0.0, 0.5, 0.0], [0.1, 0.2, -0.1]])
    assert move("spin", front, TAU, ORDINARY)[4, 0, 0] > 0.01  # the front goes to the right, to +x


@pytest.mark.parametrize("name", KINDS)
def test_procedural_objects_are_valid_and_fit_their_sphere(name: str):
    mesh = KINDS[name][0](np.random.default_rng(1))
    offset, scale = fitting(mesh.vertices, 0.6)
    assert np.linalg.norm((mesh.vertices + offset) * scale, axis=1).max() == pytest.approx(0.6)
    assert mesh.faces.min() >= 0 and mesh.faces.max() < len(mesh.vertices) == len(mesh.colors)
    assert mesh.colors.min() >= 0.0 and mesh.colors.max() <= 1.0
    assert len(mesh.faces) < 12000


def test_objects_do_what_their_limbs_allow():
    plant, dog = (Subject(KINDS[kind][0](np.random.default_rng(0)), (kind,)) for kind in ("plant", "dog"))
    assert ("leaves_sway", "limbs") in {(a.kind, a.source) for a in possible(plant)}
    assert ("walk", "limbs") in {(a.kind, a.source) for a in possible(dog)}
    assert not any(a.kind in ("walk", "swim", "wave") and a.source == "limbs" for a in possible(plant))
    with pytest.raises(ValueError, match="dog.*'trunk_raise'"):
        draw_action(np.random.default_rng(0), dog, "trunk_raise")


def test_held_out_clips_show_held_out_objects():
    for seed in range(5):
        assert draw_subject(np.random.default_rng(seed), {}, held_out=True).nouns[0] in HELD_OUT_KINDS


def test_one_seed_makes_one_clip():
    first, second = (draw_clips(np.random.default_rng([3, 5]), {})[0] for _ in range(2))
    assert first.labels == second.labels
    np.testing.assert_array_equal(first.frames, second.frames)


def test_a_data_set_does_not_depend_on_how_it_is_shared_out(tmp_path, monkeypatch):
    monkeypatch.delenv("TO4D_DATA", raising=False)
    words = []
    for name, cuts in (("whole", [0, 4]), ("parts", [0, 1, 4])):
        (tmp_path / name).mkdir()
        dataset._open(tmp_path / name, 4, "w+")
        shares = zip(cuts, cuts[1:], strict=False)
        words.append([w for low, high in shares for w in dataset._fill(tmp_path / name, "train", 0, low, high)])
    assert words[0] == words[1]
    for part in dataset.ARRAYS:
        np.testing.assert_array_equal(*(np.load(tmp_path / name / f"{part}.npy") for name in ("whole", "parts")))


def test_clips_of_a_pair_share_all_but_the_motion(monkeypatch):
    monkeypatch.delenv("TO4D_DATA", raising=False)
    one, other = dataset.draw_pair(np.random.default_rng(4), {})
    assert one.labels == other.labels
    np.testing.assert_array_equal(one.frames[0], other.frames[0])
    assert np.abs(one.frames.astype(int) - other.frames).max() > 50


def test_clustering_keeps_the_shape_and_drops_degenerate_faces():
    rng = np.random.default_rng(0)
    line = np.linspace(0, 1, 60)
    grid = np.stack(np.meshgrid(line, line), -1).reshape(-1, 2)
    number = np.arange(3600).reshape(60, 60)
    faces = np.stack([number[:-1, :-1], number[1:, :-1], number[1:, 1:]], -1).reshape(-1, 3)
    mesh = ColouredMesh(np.c_[grid, np.zeros(3600)], faces, rng.random((3600, 3)))
    small = cluster(mesh, 20)
    a, b, c = small.faces.T
    assert len(small.faces) < 900
    assert ((a != b) & (b != c) & (c != a)).all()
    np.testing.assert_allclose(np.ptp(small.vertices, axis=0), [1, 1, 0], atol=0.06)
