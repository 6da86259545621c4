"""A file with skins and morph targets is loaded, and exported, as viewers show it where no clip plays."""

import logging
import os
from pathlib import Path
from types import SimpleNamespace

import gltf_check
import numpy as np
import pytest
import torch
from gltf_files import HALF, Glb, arm
from hypothesis import given, settings
from hypothesis import strategies as st
from mesh_files import QUAD, QUAD_FACES, four_colors, gltf, write_gltf
from plain_field import PlainField
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

from to4d.disk.asset_folder import Limits
from to4d.errors import InputError
from to4d.export.gltf import exporter as glb
from to4d.gltf import animation
from to4d.gltf.document import Document, read_document
from to4d.gltf.rest import count_shaped, put_to_rest
from to4d.mesh import load_mesh
from to4d.types import Mesh, Prompt

ROBOT = Path(os.environ.get("TO4D_DATA", "nowhere")) / "robot_expressive" / "RobotExpressive.source.glb"
STRIP = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 2, 0]], float)
LYING = {"rotation": [HALF, 0, 0, HALF], "scale": [100, 100, 100], "translation": [0, 0, 7]}
TURNS = st.integers(0, 2**32 - 1).map(lambda seed: Rotation.random(rng=np.random.default_rng(seed)).as_quat().tolist())
SIZES = st.lists(st.floats(0.01, 100), min_size=3, max_size=3)
PLACES = st.lists(st.floats(-10, 10), min_size=3, max_size=3)
NODES = st.fixed_dictionaries({"rotation": TURNS, "scale": SIZES, "translation": PLACES})


def in_file(mesh: Mesh) -> np.ndarray:
    """Vertices in the coordinates of the file."""
    back = np.linalg.inv(mesh.transform.numpy())
    return mesh.vertices.double().numpy() @ back[:3, :3].T + back[:3, 3]


def at_rest(path: Path) -> Document:
    document = read_document(path, Limits())
    put_to_rest(document)
    return document


def array(document: Document, name: str) -> np.ndarray:
    return document.arrays()[document.header["meshes"][0]["primitives"][0]["attributes"][name]]


class Still(PlainField):
    def displacement(self, points: torch.Tensor, times: torch.Tensor) -> torch.Tensor:
        return torch.zeros_like(points)


def exported(mesh: Mesh, out: Path) -> Path:
    parts = {"reference": SimpleNamespace(mesh=mesh), "renderer": SimpleNamespace(field=Still())}
    glb.Glb(frames=2)(SimpleNamespace(prompt=Prompt("a thing resting", "thing"), **parts), out)
    return out / "asset.glb"


def test_an_armature_that_scales_and_turns_takes_the_mesh_along(tmp_path):
    path = arm(tmp_path / "arm.glb", LYING)
    lying = np.stack([100 * STRIP[:, 0], -100 * STRIP[:, 2], 100 * STRIP[:, 1] + 7], -1)
    mesh = load_mesh(path)
    np.testing.assert_allclose(in_file(mesh), lying, atol=1e-4)
    np.testing.assert_allclose(animation.load_animation(exported(mesh, tmp_path)).vertices(), lying, atol=1e-4)


@settings(max_examples=25, deadline=None)
@given(armature=NODES, node=NODES)
def test_wherever_the_mesh_hangs_it_stands_as_its_bones_say(tmp_path_factory, armature, node):
    path = arm(tmp_path_factory.mktemp("arm") / "arm.glb", armature, **node)
    wanted = animation.load_animation(path).vertices()
    np.testing.assert_allclose(in_file(load_mesh(path)), wanted, atol=1e-3 * np.ptp(wanted, axis=0).max())
    plain = arm(path.with_name("plain.glb"), armature)
    np.testing.assert_allclose(in_file(load_mesh(plain)), wanted, atol=1e-3 * np.ptp(wanted, axis=0).max())


def slope(path: Path, armature: dict, **node) -> Path:
    """A triangle on a slope, with its normal and a tangent along its first edge, carried by one bone."""
    new = Glb()
    corners = np.array([[0, 0, 0], [1, 0, 1], [0, 1, 0]], float)
    attributes = {
        "POSITION": new.array(corners, width=3),
        "NORMAL": new.array(np.tile([-HALF, 0, HALF], (3, 1)), width=3),
        "TANGENT": new.array(np.tile([HALF, 0, HALF, -1], (3, 1)), width=4),
        "JOINTS_0": new.array(np.zeros((3, 4)), "B", 4),
        "WEIGHTS_0": new.array(np.zeros((3, 4)), width=4),  # none: all follow the first joint
    }
    part = {"attributes": attributes, "indices": new.array([0, 1, 2], "H")}
    nodes = [{"mesh": 0, "skin": 0} | node, {"children": [2]} | armature, {}, {"mesh": 0}]
    scenes = [{"nodes": [0, 1, 3]}]
    return new.write(path, nodes=nodes, scenes=scenes, meshes=[{"primitives": [part]}], skins=[{"joints": [2]}])


@settings(max_examples=25, deadline=None)
@given(armature=NODES, mirrored=st.booleans())
def test_normals_and_tangents_stay_on_the_surface(tmp_path_factory, armature, mirrored):
    armature["scale"] = [-armature["scale"][0] if mirrored else armature["scale"][0], *armature["scale"][1:]]
    document = at_rest(slope(tmp_path_factory.mktemp("slope") / "s.glb", armature))
    a, b, c = array(document, "POSITION")
    normal, edge = np.cross(b - a, c - a), b - a
    side = -1.0 if mirrored else 1.0
    np.testing.assert_allclose(array(document, "NORMAL")[0], side * normal / np.linalg.norm(normal), atol=1e-3)
    along = np.append(edge / np.linalg.norm(edge), -1.0)
    np.testing.assert_allclose(array(document, "TANGENT")[0], along, atol=1e-3)


def test_a_mesh_with_and_without_a_skin_stands_twice(tmp_path):
    mesh = load_mesh(slope(tmp_path / "s.glb", {"translation": [5, 0, 0]}, translation=[0, 9, 0]))
    corners = [[0, 0, 0], [0, 1, 0], [1, 0, 1], [5, 0, 0], [5, 1, 0], [6, 0, 1]]
    np.testing.assert_allclose(sorted(in_file(mesh).round(5).tolist()), corners, atol=1e-5)


def test_weights_at_rest_count_and_targets_without_weight_leave_every_byte(tmp_path):
    new = Glb()
    points, target = new.array(STRIP, width=3), new.array(np.tile([0, 0, 3], (4, 1)), width=3)
    part = {"attributes": {"POSITION": points}, "indices": new.array([0, 1, 2, 1, 3, 2], "H")}
    part["targets"] = [{"POSITION": target}]
    for weight in (0.0, 0.5):
        meshes = [{"primitives": [part], "weights": [weight]}]
        path = new.write(tmp_path / f"{weight}.glb", nodes=[{"mesh": 0}], scenes=[{"nodes": [0]}], meshes=meshes)
        np.testing.assert_allclose(in_file(load_mesh(path)), STRIP + [0, 0, 3 * weight], atol=1e-6)
        assert count_shaped(read_document(path, Limits()).header) == (4 if weight else 0)
        assert (STRIP.astype(np.float32).tobytes() in at_rest(path).views) == (weight == 0.0)


def test_a_skinned_file_keeps_the_picture_beside_it_and_misses_one_that_is_gone(tmp_path, caplog):
    caplog.set_level(logging.WARNING)  # a run that was started before may have left another
    bones = {"JOINTS_0": np.zeros((4, 4), np.uint8), "WEIGHTS_0": np.eye(4, dtype=np.float32)[[0, 0, 0, 0]]}
    material = {"pbrMetallicRoughness": {"baseColorTexture": {"index": 0}}}
    pictures = {"images": [{"uri": "four.png"}], "textures": [{"source": 0}]}
    attributes = {"POSITION": QUAD, "TEXCOORD_0": QUAD[:, :2]} | bones
    header, blob = gltf(attributes, QUAD_FACES, material, skins=[{"joints": [1]}], **pictures)
    header |= {"nodes": [{"mesh": 0, "skin": 0}, {"scale": [3, 3, 3]}], "scenes": [{"nodes": [0, 1]}]}
    four_colors(tmp_path / "four.png")
    mesh = load_mesh(write_gltf(tmp_path / "s.gltf", header, blob))
    assert mesh.materials[0].texture is not None and not caplog.text
    np.testing.assert_allclose(in_file(mesh), 3 * QUAD, atol=1e-5)
    (tmp_path / "four.png").unlink()
    assert load_mesh(tmp_path / "s.gltf").materials[0].texture is None
    assert "four.png" in caplog.text


def test_shapes_that_cost_the_file_little_and_the_memory_much_are_refused(tmp_path):
    new = Glb()
    points = new.array(STRIP, width=3)
    part = {"attributes": {"POSITION": points}, "indices": new.array([0, 1, 2], "H")}
    meshes = [{"primitives": [part], "weights": [1]}]
    part["targets"] = [{"POSITION": points}]
    many = new.write(tmp_path / "many.glb", nodes=[{"mesh": 0}] * 3, scenes=[{"nodes": [0, 1, 2]}], meshes=meshes)
    with pytest.raises(InputError, match=r"many\.glb.* 12 .* 3 "):
        load_mesh(many, limits={"faces": 3})
    part["targets"] *= 1000
    wide = new.write(tmp_path / "wide.glb", nodes=[{"mesh": 0}], scenes=[{"nodes": [0]}], meshes=meshes)
    with pytest.raises(InputError, match=r"wide\.glb.* 4 .*50,000"):
        animation.load_animation(wide, Limits(file_bytes=50_000))


@pytest.mark.skipif(not ROBOT.is_file(), reason="needs TO4D_DATA with robot_expressive")
def test_a_real_robot_stands_on_its_bones_and_so_does_its_asset(tmp_path):
    mesh, wanted = load_mesh(ROBOT), animation.load_animation(ROBOT).vertices()
    size = np.linalg.norm(np.ptp(wanted, axis=0))
    assert cKDTree(wanted).query(in_file(mesh))[0].max() < 1e-6 * size
    path = exported(mesh, tmp_path)
    gltf_check.check(path)
    asset = animation.load_animation(path)
    np.testing.assert_allclose(asset.vertices(), wanted, atol=1e-6 * size)
    assert load_mesh(path).vertices.numpy() == pytest.approx(mesh.vertices.numpy(), abs=1e-5)
