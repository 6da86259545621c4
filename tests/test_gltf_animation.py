import os

import numpy as np
import pytest
from gltf_files import HALF, Glb, arm

from to4d.errors import InputError
from to4d.gltf.animation import load_animation
from to4d.gltf.channels import Channel
from to4d_lab.data.animated import drift, kind_of, load_clips, shows
from to4d_lab.data.assets import averaged, load_asset, manifest


def morphing(path, weights):
    """A triangle with two morph targets, the second one sparse, whose weights go from `weights` to 0 in 2 seconds."""
    glb = Glb()
    points = glb.array([[0, 0, 0], [1, 0, 0], [0, 1, 0]], width=3)
    first = glb.array(np.tile([0, 0, 1], (3, 1)), width=3)
    glb.array([2], "H")
    glb.array([[0, 4, 0]], width=3)
    places = {"bufferView": 2, "componentType": 5123}
    glb.accessors[2:] = [{"componentType": 5126, "count": 3, "type": "VEC3"}]
    glb.accessors[2]["sparse"] = {"count": 1, "indices": places, "values": {"bufferView": 3}}
    fading = {"input": glb.array([0, 2]), "output": glb.array([*weights, 0, 0])}
    return glb.write(
        path,
        nodes=[{"mesh": 0, "scale": [2, 2, 2]}],
        meshes=[
            {"primitives": [{"attributes": {"POSITION": points}, "targets": [{"POSITION": first}, {"POSITION": 2}]}]}
        ],
        animations=[{"samplers": [fading], "channels": [{"sampler": 0, "target": {"node": 0, "path": "weights"}}]}],
    )


def test_a_skinned_vertex_follows_its_bones(tmp_path):
    animation = load_animation(arm(tmp_path / "arm.glb"))
    rest = [[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 2, 0]]
    assert animation.duration("bend") == 1.0 and animation.faces.tolist() == [[0, 1, 2], [1, 3, 2]]
    np.testing.assert_allclose(animation.vertices(), rest, atol=1e-6)
    np.testing.assert_allclose(animation.vertices("bend", 1.0), [*rest[:3], [-1, 1, 0]], atol=1e-6)
    np.testing.assert_allclose(animation.vertices("bend", 0.5)[3], [-HALF, 1 + HALF, 0], atol=1e-6)
    np.testing.assert_allclose(animation.vertices("bend", 9.0), animation.vertices("bend", 1.0))


def test_the_node_of_a_skinned_mesh_does_not_move_it(tmp_path):
    moved = load_animation(arm(tmp_path / "moved.glb", translation=[5, 0, 0]))
    np.testing.assert_allclose(moved.vertices(), load_animation(arm(tmp_path / "arm.glb")).vertices())


def test_morph_targets_add_up_before_the_node_scales(tmp_path):
    animation = load_animation(morphing(tmp_path / "morph.glb", [1, 0.5]))
    np.testing.assert_allclose(animation.vertices("0", 0.0), [[0, 0, 2], [2, 0, 2], [0, 6, 2]])
    np.testing.assert_allclose(animation.vertices("0", 1.0), [[0, 0, 1], [2, 0, 1], [0, 4, 1]])
    np.testing.assert_allclose(animation.vertices(), [[0, 0, 0], [2, 0, 0], [0, 2, 0]])


def test_a_cubic_spline_takes_its_slopes_per_second():
    keys = np.array([[[0.0], [1.0], [2.0]], [[4.0], [3.0], [0.0]]])  # slope in, value, slope out
    track = Channel(0, "scale", "CUBICSPLINE", np.array([0.0, 2.0]), keys)
    # by hand at share 1/4: 0.84375 * 1 + 2 * 0.140625 * 2 + 0.15625 * 3 - 2 * 0.046875 * 4
    np.testing.assert_allclose(track.at(np.array([0.0, 0.5, 2.0]))[:, 0], [1.0, 1.5, 3.0])


def test_steps_jump_and_quaternions_take_the_short_way():
    step = Channel(0, "scale", "STEP", np.array([0.0, 1.0]), np.array([[1.0], [2.0]]))
    assert step.at(np.array([-1.0, 0.99, 1.0]))[:, 0].tolist() == [1.0, 1.0, 2.0]
    ends = np.array([[0, 0, 0, 1], [0, 0, -HALF, -HALF]])
    turn = Channel(0, "rotation", "LINEAR", np.array([0.0, 1.0]), ends)
    np.testing.assert_allclose(turn.at(np.array([0.5]))[0], [0, 0, np.sin(np.pi / 8), np.cos(np.pi / 8)], atol=1e-12)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"componentType": 5121', b'"componentType": 9999'),
        (b'"count": 2, "type": "MAT4"', b'"count": 9, "type": "MAT4"'),
        (b'"children": [2]', b'"children": [1]'),
        (b'"joints": [1, 2]', b'"joints": [1, 9]'),
        (b'"indices": 3', b'"indices": 7'),
        (b'"target": {"node": 2', b'"target": {"node": 9'),
        (b'"target": {"node": 2', b'"target": {"node": 0.5'),
        (b'"target": {"node": 2', b'"target": {"node": true'),
    ],
)
def test_a_broken_file_is_refused_by_its_name(tmp_path, old, new):
    path = arm(tmp_path / "arm.glb")
    data = path.read_bytes()
    assert old in data
    path.write_bytes(data.replace(old, new))
    with pytest.raises(InputError, match="arm.glb"):
        load_animation(path)


def test_nothing_outside_the_folder_is_read(tmp_path):
    (tmp_path / "secret.bin").write_bytes(bytes(64))
    folder = tmp_path / "asset"
    folder.mkdir()
    glb = Glb()
    points = glb.array(np.zeros((3, 3)), width=3)
    header = {"meshes": [{"primitives": [{"attributes": {"POSITION": points}}]}], "nodes": [{"mesh": 0}]}
    path = glb.write(folder / "out.glb", **header, **{"buffers": [{"byteLength": 36, "uri": "../secret.bin"}]})
    with pytest.raises(InputError, match=r"out\.glb.*\.\./secret\.bin"):
        load_animation(path)


def test_names_of_clips_tell_the_motion():
    kinds = {
        "Walking_A": "walk",
        "Gallop_Jump": "jump",
        "2H_Melee_Attack_Chop": "attack",
        "Hello": "wave",
        "No": "head_nod",
    }
    assert {clip: kind_of(clip) for clip in kinds} == kinds | {"No": "head_shake"}
    assert not any(map(kind_of, ["T-Pose", "Block_Attack", "Jump_Start", "1H_Ranged_Shoot", "Sit_Floor_Idle"]))


def test_only_what_can_be_seen_is_a_motion():
    poses = np.random.default_rng(0).uniform(size=(1, 40, 3)).repeat(5, 0)
    aside = poses + np.linspace(0, 0.5, 5)[:, None, None] * [1.0, 0.0, 0.0]
    assert not shows("idle", poses) and shows("walk", aside) and not shows("jump", aside)
    np.testing.assert_allclose(drift(aside, 0.0), [0.5, 0, 0])
    assert not drift(aside, 0.9).any()


def test_merged_vertices_are_means():
    values = np.arange(12.0).reshape(2, 3, 2)
    np.testing.assert_allclose(averaged(values, np.array([1, 0, 1])), [[[2, 3], [2, 3]], [[8, 9], [8, 9]]])


def test_linear_colour_factors_become_srgb(tmp_path, monkeypatch):
    monkeypatch.setenv("TO4D_DATA", str(tmp_path))
    (tmp_path / "grey").mkdir()
    glb = Glb()
    points = glb.array(np.eye(3), width=3)
    material = {"pbrMetallicRoughness": {"baseColorFactor": [0.214, 0.214, 1.0, 1.0]}}
    part = {"attributes": {"POSITION": points}, "indices": glb.array([0, 1, 2], "H"), "material": 0}
    shown = {"nodes": [{"mesh": 0}], "scenes": [{"nodes": [0]}], "scene": 0}
    glb.write(tmp_path / "grey" / "a.glb", meshes=[{"primitives": [part]}], materials=[material], **shown)
    for animated in (False, True):
        entry = {"slug": "grey", "primary": "a.glb", "up_axis": "+Y", "has_animation": animated}
        np.testing.assert_allclose(load_asset(entry).colors, np.tile([0.5, 0.5, 1.0], (3, 1)), atol=0.01)


@pytest.mark.skipif("TO4D_DATA" not in os.environ, reason="needs the folder of real objects")
def test_a_real_walk_moves_in_place_and_starts_at_its_first_frame():
    entry = next(entry for entry in manifest() if entry["slug"] == "robot_expressive")
    animated, tau = load_clips(entry), np.arange(16) / 16
    poses = animated.clip("walk", np.random.default_rng(0), tau, 1.0)
    size = np.ptp(poses[0], axis=0).max()
    np.testing.assert_allclose(animated.mesh.vertices, load_asset(entry).vertices)
    assert poses.shape == (16, *animated.mesh.vertices.shape) and shows("walk", poses)
    assert np.abs(poses.mean(1) - poses[0].mean(0))[:, [0, 2]].max() < 0.1 * size
    jump = animated.clip("jump", np.random.default_rng(0), tau, 1.0)
    assert any(np.allclose(jump[0], animated.pose(clip, np.zeros(1))[0]) for clip in animated.kinds["jump"])
