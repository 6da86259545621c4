"""Every format arrives in the world the right way up, with the right colours."""

import logging
import re

import numpy as np
import pytest
import torch
from mesh_files import (
    CORNERS,
    QUAD,
    QUAD_FACES,
    four_colors,
    gltf,
    textured_quad,
    write_glb,
    write_gltf,
    write_obj,
)

from to4d.errors import InputError
from to4d.geometry import orbit
from to4d.mesh import load_mesh
from to4d.render.mesh_cpu import MeshRenderer
from to4d.types import Mesh

WHITE = {"pbrMetallicRoughness": {"baseColorFactor": [1, 1, 1, 1]}}
PLACES = {"top left": (26, 26), "top right": (26, 38), "bottom left": (38, 26), "bottom right": (38, 38)}


def front(mesh: Mesh, azimuth: float = 0.0) -> torch.Tensor:
    """(64, 64, 3) in 0 ... 255, seen at azimuth 0."""
    cameras = orbit(torch.tensor([azimuth]), 0.0, 2.5, 40.0, (64, 64))
    return 255.0 * MeshRenderer(mesh)(cameras, torch.zeros(1)).rgb[0, 0]


def assert_four_colors(mesh: Mesh) -> None:
    image = front(mesh)
    for place, (row, column) in PLACES.items():
        assert image[row, column].tolist() == pytest.approx(CORNERS[place], abs=2), place


@pytest.fixture
def textured(tmp_path):
    four_colors(tmp_path / "four.png")
    return tmp_path


def test_obj_texture_stands_upright(textured):
    assert_four_colors(load_mesh(write_obj(textured)))


def test_gltf_texture_stands_upright(textured):
    assert_four_colors(load_mesh(write_gltf(textured / "quad.gltf", *textured_quad())))


def test_glb_texture_stands_upright(textured):
    assert_four_colors(load_mesh(write_glb(textured / "quad.glb", *textured_quad())))


def test_texture_repeats_beyond_the_unit_square(textured):
    header, blob = textured_quad()
    uv = np.array([[0, 1], [1, 1], [1, 0], [0, 0]], np.float32)
    moved = blob.replace(uv.tobytes(), (uv + [3.0, -2.0]).astype(np.float32).tobytes())
    assert moved != blob
    assert_four_colors(load_mesh(write_glb(textured / "quad.glb", header, moved)))


def test_obj_texture_options_and_backslashes_are_understood(textured):
    (textured / "maps").mkdir()
    (textured / "four.png").rename(textured / "maps" / "four.png")
    assert_four_colors(load_mesh(write_obj(textured, "newmtl m\nmap_Kd -s 1 1 1 maps\\four.png\n")))


def test_grey_kd_beside_a_texture_is_left_out(textured):
    assert_four_colors(load_mesh(write_obj(textured, "newmtl m\nKd 0.4 0.4 0.4\nmap_Kd four.png\n")))


def test_flat_obj_color_is_srgb(tmp_path):
    mesh = load_mesh(write_obj(tmp_path, "newmtl m\nKd 0.2 0.4 0.6\n"))
    assert front(mesh)[32, 28].tolist() == pytest.approx([51, 102, 153], abs=1)


def test_flat_gltf_color_is_linear(tmp_path):
    material = {"pbrMetallicRoughness": {"baseColorFactor": [0.2140411, 0.5, 1.0, 1.0]}}
    mesh = load_mesh(write_glb(tmp_path / "q.glb", *gltf({"POSITION": QUAD}, QUAD_FACES, material)))
    assert front(mesh)[32, 28].tolist() == pytest.approx([127.5, 187.5, 255], abs=1)  # IEC 61966-2-1


@pytest.mark.parametrize("dtype", ["float32", "uint8", "uint16"])
def test_gltf_vertex_colors_are_linear_in_any_number_type(tmp_path, dtype):
    color = np.tile(np.array([0.2140411, 0.0, 1.0, 1.0]), (4, 1))
    top = 1 if dtype == "float32" else np.iinfo(dtype).max
    array = (color * top).round(0 if top > 1 else 7).astype(dtype)
    attributes = {"POSITION": QUAD, "COLOR_0": (array, top > 1)}
    mesh = load_mesh(write_glb(tmp_path / "q.glb", *gltf(attributes, QUAD_FACES, WHITE)))
    assert front(mesh)[32, 28].tolist() == pytest.approx([127.5, 0, 255], abs=1)


def test_ply_vertex_colors_are_srgb(tmp_path):
    head = "ply\nformat ascii 1.0\nelement vertex 4\n" + "".join(f"property float {a}\n" for a in "xyz")
    head += "".join(f"property uchar {c}\n" for c in ("red", "green", "blue"))
    head += "element face 2\nproperty list uchar int vertex_indices\nend_header\n"
    rows = "".join(f"{x} {y} {z} 10 128 250\n" for x, y, z in QUAD)
    (tmp_path / "q.ply").write_text(head + rows + "3 0 1 2\n3 0 2 3\n")
    assert front(load_mesh(tmp_path / "q.ply"))[32, 28].tolist() == pytest.approx([10, 128, 250], abs=1)


def test_off_is_read_and_grey(tmp_path):
    rows = "".join(f"{x} {y} {z}\n" for x, y, z in QUAD)
    (tmp_path / "q.off").write_text("OFF\n4 2 0\n" + rows + "3 0 1 2\n3 0 2 3\n")
    assert front(load_mesh(tmp_path / "q.off"))[32, 28].tolist() == pytest.approx([204] * 3, abs=1)


def test_stl_is_z_up_unless_told(tmp_path):
    corners = "".join(f"vertex {x} {y} {z}\n" for x, y, z in QUAD[QUAD_FACES[0]])
    (tmp_path / "t.stl").write_text(
        f"solid t\nfacet normal 0 0 1\nouter loop\n{corners}endloop\nendfacet\nendsolid t\n"
    )
    assert np.ptp(load_mesh(tmp_path / "t.stl").vertices[:, 1].numpy()) < 1e-6
    assert np.ptp(load_mesh(tmp_path / "t.stl", up="y").vertices[:, 2].numpy()) < 1e-6


@pytest.mark.parametrize(("given", "named"), [({}, True), ({"up": "y"}, True), ({"up": "y", "front_deg": 0}, False)])
def test_what_is_not_given_is_found_and_logged(textured, caplog, given, named):
    with caplog.at_level(logging.INFO):
        load_mesh(write_obj(textured), **given)
    assert bool(re.search(r"quad\.obj: .*object\.front_deg=", caplog.text)) == named
    assert bool(re.search(r"up is y", caplog.text)) == (not given)


@pytest.mark.parametrize("up", ["x", "-x", "y", "-y", "z", "-z"])
def test_any_axis_can_be_up_and_any_azimuth_the_front(textured, up):
    transform = load_mesh(write_obj(textured), up=up, front_deg=30.0).transform[:3, :3]
    rotation = transform / transform.norm(dim=1)
    axis = torch.zeros(3, dtype=torch.float64)
    axis["xyz".index(up[-1])] = -1.0 if up[0] == "-" else 1.0
    torch.testing.assert_close(rotation @ axis, torch.tensor([0.0, 1.0, 0.0], dtype=torch.float64))
    torch.testing.assert_close(torch.linalg.det(rotation), torch.tensor(1.0, dtype=torch.float64))
    upright = load_mesh(write_obj(textured), up=up, front_deg=0.0).transform[:3, :3]
    front = rotation @ (upright / upright.norm(dim=1)).T @ torch.tensor([0.5, 0.0, 0.75**0.5], dtype=torch.float64)
    torch.testing.assert_close(front, torch.tensor([0.0, 0.0, 1.0], dtype=torch.float64))


@pytest.mark.parametrize("wrong", ["left", float("nan"), None])
def test_a_front_that_is_no_angle_is_refused(textured, wrong):
    with pytest.raises(InputError, match=f"front_deg={wrong!r}"):
        load_mesh(write_obj(textured), front_deg=wrong)


def test_z_up_front_faces_azimuth_0(tmp_path):
    """In a z-up file the front looks along -y: a marker there comes to +z."""
    body = "v 0 0 0\nv 1 0 0\nv 0 -3 0\nv 0 0 1\nf 1 2 3\nf 1 2 4\nf 1 3 4\n"
    (tmp_path / "z.obj").write_text(body)
    marker = load_mesh(tmp_path / "z.obj", up="z", front_deg=0.0).vertices[2]
    assert marker[2] > 0.45
    turned = load_mesh(tmp_path / "z.obj", up="z", front_deg=-90.0).vertices[2]
    assert turned[0] > 0.45


def test_nodes_keep_their_transforms_and_mirrors_stay_outside_out(tmp_path):
    nodes = [{"mesh": 0, "translation": [3, 0, 0]}, {"mesh": 0, "scale": [-1, 1, 1]}]
    header, blob = gltf({"POSITION": QUAD}, QUAD_FACES, WHITE, nodes=nodes, scenes=[{"nodes": [0, 1]}])
    mesh = load_mesh(write_glb(tmp_path / "two.glb", header, blob))
    corners = mesh.vertices[mesh.faces]
    normal = torch.linalg.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    assert len(mesh.faces) == 4
    assert (normal[:, 2] > 0).all()
    assert np.ptp(mesh.vertices[:, 0].numpy()) == pytest.approx(2.5 * np.ptp(mesh.vertices[:, 1].numpy()))


def test_the_object_fills_its_sphere_and_the_transform_says_how(textured):
    path = write_obj(textured)
    mesh = load_mesh(path, noun="sign", radius=0.8, front_deg=-30.0)
    assert mesh.vertices.norm(dim=1).max() == pytest.approx(0.8)
    assert (mesh.vertices.amax(0) + mesh.vertices.amin(0)).abs().max() < 1e-6
    moved = torch.from_numpy(QUAD).double() @ mesh.transform[:3, :3].T + mesh.transform[:3, 3]
    torch.testing.assert_close(moved.float(), mesh.vertices)
    assert (mesh.name, mesh.noun, mesh.source) == ("quad", "sign", path)


def test_stray_vertices_do_not_move_the_object(textured):
    path = write_obj(textured)
    plain = load_mesh(path)
    path.write_text(path.read_text() + "v 100 100 100\n")
    torch.testing.assert_close(load_mesh(path).vertices, plain.vertices)


def test_the_content_key_sees_what_is_visible(textured):
    path = write_obj(textured)
    key = load_mesh(path).content_key()
    assert load_mesh(path, noun="sign").content_key() == key
    assert load_mesh(path, radius=0.5).content_key() != key
    four_colors(textured / "four.png", size=32)
    assert load_mesh(path).content_key() != key


def test_one_image_is_kept_once(textured):
    header, blob = textured_quad()
    header["nodes"] = [{"mesh": 0}, {"mesh": 0, "translation": [3, 0, 0]}]
    header["scenes"] = [{"nodes": [0, 1]}]
    assert len(load_mesh(write_glb(textured / "q.glb", header, blob)).materials) == 1
