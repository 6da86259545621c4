"""A rig becomes a skeleton in a glTF file that shows the mesh as it is, with bones that run along the limbs."""

import json
from pathlib import Path

import gltf_check
import khronos
import numpy as np
import pytest
import torch
from gltf_files import arm
from hypothesis import given, settings
from hypothesis import strategies as st
from mesh_files import four_colors, textured_quad, write_gltf, write_obj
from rigged_field import found_rig, own_rig
from scipy.spatial import KDTree

from to4d.export.gltf.bind import at_most_four
from to4d.export.gltf.bone_names import bone_names
from to4d.export.gltf.build_document import world_from_asset
from to4d.export.gltf.rigged import write_rigged
from to4d.export.gltf.skeleton import bone_axes
from to4d.gltf.animation import load_animation
from to4d.mesh import load_mesh
from to4d.objects.plant import load_plant
from to4d.types import Mesh

KINDS = ["gltf", "obj", "plant"]


def make(kind: str, folder: Path) -> Mesh:
    """An input that has no skeleton."""
    four_colors(folder / "four.png")
    if kind == "gltf":
        header, blob = textured_quad()
        header["nodes"] = [
            {"name": "left", "mesh": 0, "translation": [100, 3, 0]},
            {"name": "stand", "children": [2], "rotation": [0, 0.6, 0, 0.8], "scale": [2, 3, 2]},
            {"name": "right", "mesh": 0, "translation": [50, 0, 1]},
        ]
        header["scenes"] = [{"nodes": [0, 1]}]
        return load_mesh(write_gltf(folder / "two.gltf", header, blob), front_deg=40)
    if kind == "plant":
        return load_plant()
    path = write_obj(folder)
    path.write_text(path.read_text().replace("v -1.0 -1.0 0.0", "v -1.0 -1.0 0.5"))
    return load_mesh(path, up="z", front_deg=70)


def in_world(mesh: Mesh, places: np.ndarray) -> np.ndarray:
    """Places (..., 3) of the asset in the world."""
    transform = world_from_asset(mesh)
    return places @ transform[:3, :3].T + transform[:3, 3]


@pytest.mark.parametrize("kind", KINDS)
def test_the_rigged_mesh_stands_as_the_input_does(tmp_path, kind):
    mesh = make(kind, tmp_path)
    rig = found_rig(mesh)
    write_rigged(mesh, rig, tmp_path / "rigged.glb")
    header = gltf_check.check(tmp_path / "rigged.glb")
    assert "animations" not in header and all("skin" in node for node in header["nodes"] if "mesh" in node)
    shown = in_world(mesh, load_animation(tmp_path / "rigged.glb").vertices())
    for a, b in ((shown, mesh.vertices.numpy()), (mesh.vertices.numpy(), shown)):
        assert KDTree(a).query(b)[0].max() < 1e-6
    nodes = {node.get("name"): node for node in header["nodes"]}
    assert [name for name in rig.names if name not in nodes] == []
    assert [header["nodes"][child]["name"] for child in nodes["root"]["children"]] == ["spine.0", "leg_L.0"]


@pytest.mark.parametrize("kind", KINDS)
def test_joints_stand_in_the_file_where_the_rig_has_them(tmp_path, kind):
    mesh = make(kind, tmp_path)
    rig = found_rig(mesh)
    write_rigged(mesh, rig, tmp_path / "rigged.glb")
    animation = load_animation(tmp_path / "rigged.glb")
    header, _ = gltf_check.read(tmp_path / "rigged.glb")
    names = [node.get("name") for node in header["nodes"]]
    world = animation.nodes.world((), np.zeros(1))[0]
    places = np.stack([world[names.index(name), :3, 3] for name in rig.names])
    assert in_world(mesh, places) == pytest.approx(rig.joints.numpy(), abs=1e-6)
    for parent, child in ((1, 2), (3, 4), (4, 5)):  # along the bone runs its y axis
        along = world[names.index(rig.names[parent]), :3, 1]
        step = places[child] - places[parent]
        assert along @ step / np.linalg.norm(step) == pytest.approx(1.0, abs=1e-6)


@pytest.mark.skipif(not khronos.READY, reason=khronos.MISSING)
@pytest.mark.parametrize("kind", KINDS)
def test_the_validator_finds_nothing_in_a_rigged_mesh(tmp_path, kind):
    mesh = make(kind, tmp_path)
    write_rigged(mesh, found_rig(mesh), tmp_path / "rigged.glb", "mixamo")
    issues = khronos.issues(tmp_path / "rigged.glb")
    assert issues["numErrors"] == 0 and issues["numWarnings"] == 0, issues["messages"]


def test_a_file_with_a_skeleton_of_its_own_stays_as_it_is(tmp_path):
    mesh = load_mesh(arm(tmp_path / "arm.glb"))
    write_rigged(mesh, own_rig(mesh), tmp_path / "rigged.glb")
    before, after = (gltf_check.read(tmp_path / name)[0] for name in ("arm.glb", "rigged.glb"))
    for kind in ("nodes", "skins", "meshes", "animations", "scenes"):
        assert json.dumps(before[kind]) == json.dumps(after[kind])


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 7), st.integers(1, 9), st.integers(0, 10**6))
def test_four_influences_are_the_heaviest_and_add_up_to_one(count, joints, seed):
    random = np.random.default_rng(seed)
    influences, weights = random.integers(0, joints, (40, count)), random.random((40, count)) + 1e-3
    numbers, kept = at_most_four(influences, weights)
    assert kept.dtype == np.float32 and np.abs(kept.astype(float).sum(1) - 1.0).max() < 1e-7
    dense, short = np.zeros((40, joints)), np.zeros((40, joints))
    np.add.at(dense, (np.arange(40)[:, None], influences), weights)
    np.add.at(short, (np.arange(40)[:, None], numbers), kept)
    best = np.where(dense >= np.sort(dense, 1)[:, ::-1][:, min(3, joints - 1), None], dense, 0.0)
    assert short == pytest.approx(best / best.sum(1, keepdims=True), abs=1e-6)
    assert all(len(set(row[share > 0])) == (share > 0).sum() for row, share in zip(numbers, kept, strict=True))
    assert (numbers[kept == 0] == 0).all()


def test_bones_have_right_handed_axes_and_mirrored_limbs_bend_about_the_same_axis():
    mesh = load_plant()
    axes = bone_axes(found_rig(mesh))
    assert np.einsum("jik,jil->jkl", axes, axes) == pytest.approx(np.tile(np.eye(3), (6, 1, 1)))
    assert np.linalg.det(axes) == pytest.approx(1.0)
    assert axes[:, 0, 0].min() > 0.99  # all of its bones are upright: their x axes point to the left


@pytest.mark.parametrize(
    ("convention", "names"),
    [
        ("plain", ["root", "spine.0", "spine.1", "leg_L.0", "leg_L.1", "leg_L.2"]),
        ("mixamo", ["Hips", "Spine", "Spine1", "LeftUpLeg", "LeftLeg", "LeftFoot"]),
        ("vrm", ["hips", "spine", "chest", "leftUpperLeg", "leftLowerLeg", "leftFoot"]),
    ],
)
def test_bones_have_the_names_of_the_convention(convention, names):
    prefix = "mixamorig:" if convention == "mixamo" else ""
    assert bone_names(found_rig(load_plant()), convention) == [prefix + name for name in names]


def test_joints_beyond_the_convention_keep_their_plain_names():
    rig = found_rig(load_plant())
    roles = ("root", "tail", "tail", "wing_L", "wing_L", "other")
    other = type(rig)(**{**vars(rig), "roles": roles, "names": ("root", "tail.0", "tail.1", "w", "w", "x")})
    assert bone_names(other, "vrm") == ["hips", "tail.0", "tail.1", "w", "w 1", "x"]


def test_weights_of_the_file_are_those_of_the_rig(tmp_path):
    mesh = load_plant()
    rig = found_rig(mesh)
    write_rigged(mesh, rig, tmp_path / "rigged.glb")
    header, data = gltf_check.read(tmp_path / "rigged.glb")
    parts = [part["attributes"] for m in header["meshes"] for part in m["primitives"]]

    def array(name: str) -> torch.Tensor:
        found = [gltf_check.check_accessor(header, data, header["accessors"][part[name]]) for part in parts]
        return torch.from_numpy(np.concatenate(found).astype(np.float32))

    nearest = KDTree(mesh.vertices.numpy()).query(in_world(mesh, array("POSITION").numpy()))[1]
    kept = rig.weights[nearest].topk(4).values
    assert array("WEIGHTS_0").sort(1).values.numpy() == pytest.approx(
        (kept / kept.sum(1, keepdim=True)).sort(1).values.numpy(), abs=1e-6
    )
