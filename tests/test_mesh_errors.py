"""Bad input gets one clear line."""

import contextlib
import json
import logging
import re
import struct
import zlib

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mesh_files import QUAD, QUAD_FACES, four_colors, gltf, textured_quad, write_glb, write_gltf, write_obj

from to4d.disk.asset_folder import Limits
from to4d.errors import InputError
from to4d.gltf import animation as gltf_animation
from to4d.mesh import load_mesh

WHITE = {"pbrMetallicRoughness": {"baseColorFactor": [1, 1, 1, 1]}}


def refuses(path, *named: str, **kwargs) -> None:
    with pytest.raises(InputError) as error:
        load_mesh(path, **kwargs)
    for each in (path.name, *named):
        assert re.search(rf"(?<!\w){re.escape(each)}(?!\w)", str(error.value))


def obj(folder, text: str):
    path = folder / "mesh.obj"
    path.write_text(text)
    return path


TRIANGLE = "v 0 0 0\nv 1 0 0\nv 0 1 0\n"


def test_missing_file_suggests_its_neighbours(tmp_path):
    four_colors(tmp_path / "four.png")
    write_obj(tmp_path)
    refuses(tmp_path / "quat.obj", "quad.obj")


def test_folder_instead_of_file_lists_its_meshes(tmp_path):
    write_obj(tmp_path)
    refuses(tmp_path, "quad.obj")


def test_unknown_format_lists_the_known_ones(tmp_path):
    (tmp_path / "a.fbx").write_bytes(b"Kaydara")
    refuses(tmp_path / "a.fbx", ".fbx", "glb", "obj")


def test_empty_file(tmp_path):
    refuses(obj(tmp_path, ""), "0 bytes")


def test_file_without_triangles(tmp_path):
    refuses(obj(tmp_path, TRIANGLE))


def test_mesh_without_area(tmp_path):
    refuses(obj(tmp_path, "v 0 0 0\nv 1 0 0\nv 2 0 0\nf 1 2 3\n"))
    refuses(obj(tmp_path, "v 1 1 1\nv 1 1 1\nv 1 1 1\nf 1 2 3\n"))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_vertices_that_are_not_numbers(tmp_path, value):
    broken = QUAD.copy()
    broken[1, 2] = value
    header, blob = gltf({"POSITION": broken}, QUAD_FACES, WHITE)
    for accessor in header["accessors"]:
        accessor.pop("min", None), accessor.pop("max", None)
    refuses(write_glb(tmp_path / "nan.glb", header, blob), "1 of 4")


def test_triangle_beyond_the_vertices(tmp_path):
    faces = QUAD_FACES.copy()
    faces[0, 0] = 9
    refuses(write_glb(tmp_path / "far.glb", *gltf({"POSITION": QUAD}, faces, WHITE)))


def test_too_many_faces(tmp_path):
    refuses(obj(tmp_path, TRIANGLE + "f 1 2 3\n" * 5), "5", "4", limits=Limits(faces=4))


def test_too_many_faces_by_repeated_nodes(tmp_path):
    nodes = [{"mesh": 0, "translation": [i, 0, 0]} for i in range(50)]
    made = gltf({"POSITION": QUAD}, QUAD_FACES, WHITE, nodes=nodes, scenes=[{"nodes": list(range(50))}])
    refuses(write_glb(tmp_path / "many.glb", *made), "100", "99", limits={"faces": 99})  # as a config has it


def test_huge_accessor_without_data(tmp_path):
    header, blob = gltf({"POSITION": QUAD}, QUAD_FACES, WHITE)
    header["accessors"][0] = {"count": 10**10, "componentType": 5126, "type": "VEC3"}
    refuses(write_glb(tmp_path / "bomb.glb", header, blob), "10,000,000,000")


def test_file_too_large(tmp_path):
    refuses(obj(tmp_path, TRIANGLE + "f 1 2 3\n"), "8", limits=Limits(file_bytes=8))


def test_image_bomb_is_refused_by_its_header(tmp_path):
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 9000, 9000, 8, 2, 0, 0, 0))
    (tmp_path / "four.png").write_bytes(b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", b"") + chunk(b"IEND", b""))
    refuses(write_obj(tmp_path), "9000x9000")


@pytest.mark.parametrize("name", ["../secret.png", "/etc/hostname", "maps/../../secret.png", "%2e%2e/secret.png"])
def test_texture_outside_the_folder(tmp_path, name):
    four_colors(tmp_path / "secret.png")
    inner = tmp_path / "asset"
    inner.mkdir()
    refuses(write_obj(inner, f"newmtl m\nmap_Kd {name}\n"), name)
    refuses(write_gltf(inner / "q.gltf", *textured_quad(name)), name)


def test_buffer_outside_the_folder(tmp_path):
    inner = tmp_path / "asset"
    inner.mkdir()
    refuses(write_gltf(inner / "q.gltf", *textured_quad(), uri="../q.bin"), "../q.bin")


def test_material_library_outside_the_folder(tmp_path):
    refuses(write_obj(tmp_path, head="mtllib ../quad.mtl\n"), "../quad.mtl")


def test_link_that_leaves_the_folder(tmp_path):
    four_colors(tmp_path / "secret.png")
    inner = tmp_path / "asset"
    inner.mkdir()
    (inner / "four.png").symlink_to(tmp_path / "secret.png")
    refuses(write_obj(inner), "four.png")


@pytest.mark.parametrize("uri", ["http://example.org/a.png", "https://example.org/a.png", "file:///etc/hostname"])
def test_addresses_are_not_opened(tmp_path, uri):
    refuses(write_obj(tmp_path, f"newmtl m\nmap_Kd {uri}\n"), uri)
    refuses(write_gltf(tmp_path / "q.gltf", *textured_quad(uri)), uri)


def test_missing_texture_is_a_warning(tmp_path, caplog):
    with caplog.at_level(logging.WARNING):
        mesh = load_mesh(write_obj(tmp_path, "newmtl m\nKd 1 0 0\nmap_Kd four.png\n"))
    assert "four.png" in caplog.text
    assert mesh.materials[0].color == (1.0, 0.0, 0.0, 1.0)


def test_missing_material_library_is_a_warning(tmp_path, caplog):
    with caplog.at_level(logging.WARNING):
        load_mesh(write_obj(tmp_path, head="mtllib gone.mtl\n"))
    assert "gone.mtl" in caplog.text


def test_broken_texture_is_a_warning(tmp_path, caplog):
    path = four_colors(tmp_path / "four.png")
    path.write_bytes(path.read_bytes()[:60])
    with caplog.at_level(logging.WARNING):
        mesh = load_mesh(write_obj(tmp_path))
    assert "'m'" in caplog.text
    assert mesh.materials[0].texture is None


def test_file_that_is_no_image_is_a_warning(tmp_path, caplog):
    (tmp_path / "four.png").write_text("not an image")
    with caplog.at_level(logging.WARNING):
        load_mesh(write_obj(tmp_path))
    assert "four.png" in caplog.text


def test_missing_buffer_is_an_error(tmp_path):
    path = write_gltf(tmp_path / "q.gltf", *textured_quad())
    path.with_suffix(".bin").unlink()
    refuses(path, "q.bin")


def test_compressed_gltf_is_named(tmp_path):
    header, blob = gltf({"POSITION": QUAD}, QUAD_FACES, WHITE)
    header["extensionsRequired"] = ["KHR_draco_mesh_compression"]
    refuses(write_glb(tmp_path / "d.glb", header, blob), "KHR_draco_mesh_compression")


def test_animated_glb_without_its_data(tmp_path):
    path = write_glb(tmp_path / "cut.glb", *gltf({"POSITION": QUAD}, QUAD_FACES, WHITE))
    text = path.read_bytes()[: 20 + int.from_bytes(path.read_bytes()[12:16], "little")]
    path.write_bytes(text[:8] + len(text).to_bytes(4, "little") + text[12:])
    with pytest.raises(InputError, match=r"cut\.glb"):
        gltf_animation.load_animation(path)


def test_an_array_without_data_that_would_fill_the_memory(tmp_path):
    header, blob = gltf({"POSITION": QUAD}, QUAD_FACES, WHITE)
    header["accessors"][0] = {"count": 5_000_000, "componentType": 5126, "type": "MAT4"}
    with pytest.raises(InputError, match=r"bomb\.glb.* 5,000,000 x 16 "):
        gltf_animation.load_animation(write_glb(tmp_path / "bomb.glb", header, blob))


def test_texture_coordinates_of_one_number_have_a_second_of_zero(tmp_path):
    four_colors(tmp_path / "four.png")
    path = write_obj(tmp_path)
    lines = (" ".join(line.split()[:2]) if line.startswith("vt") else line for line in path.read_text().splitlines())
    path.write_text("\n".join(lines))
    assert load_mesh(path).uv.amax((0, 1)).tolist() == [1.0, 0.0]


def test_a_picture_of_a_kind_that_other_programs_decode_is_a_warning(tmp_path, caplog):
    (tmp_path / "four.png").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n%%EndComments\nshowpage\n")
    with caplog.at_level(logging.WARNING):
        mesh = load_mesh(write_obj(tmp_path))
    assert mesh.materials[0].texture is None and "four.png" in caplog.text


def test_gltf_of_an_old_version(tmp_path):
    (tmp_path / "old.glb").write_bytes(struct.pack("<4sIIII", b"glTF", 1, 20, 0, 0))
    refuses(tmp_path / "old.glb", "version 1")


@pytest.mark.parametrize("up", ["w", "Y", "+z", None])
def test_unknown_axis(tmp_path, up):
    with pytest.raises(InputError, match=f"up={re.escape(repr(up))} .*x, -x, y, -y, z, -z, or auto"):
        load_mesh(obj(tmp_path, TRIANGLE + "f 1 2 3\n"), up=up)


@pytest.mark.parametrize("radius", [0.0, -1.0, float("nan")])
def test_impossible_radius(tmp_path, radius):
    with pytest.raises(InputError, match=f"radius={radius}"):
        load_mesh(obj(tmp_path, TRIANGLE + "f 1 2 3\n"), radius=radius)


def whole_files(folder) -> dict[str, bytes]:
    header, blob = gltf({"POSITION": QUAD}, QUAD_FACES, WHITE)
    four_colors(folder / "four.png")
    (folder / "b.off").write_text("OFF\n3 1 0\n0 0 0\n1 0 0\n0 1 0\n3 0 1 2\n")
    return {
        "glb": write_glb(folder / "a.glb", header, blob).read_bytes(),
        "gltf": json.dumps(textured_quad()[0]).encode(),
        "obj": write_obj(folder).read_bytes(),
        "off": (folder / "b.off").read_bytes(),
        "stl": b"\0" * 80 + struct.pack("<I", 2) + np.zeros(2, "V50").tobytes(),
        "ply": b"ply\nformat binary_little_endian 1.0\nelement vertex 3\nproperty float x\nproperty float y\n"
        b"property float z\nelement face 1\nproperty list uchar int vertex_indices\nend_header\n"
        + np.eye(3, dtype=np.float32).tobytes()
        + b"\3"
        + np.arange(3, dtype=np.int32).tobytes(),
    }


@pytest.mark.parametrize("kind", ["glb", "gltf", "obj", "off", "stl", "ply"])
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damaged_files_load_or_are_refused(tmp_path, kind, data):
    """Cut short or with bytes overwritten: a mesh or an InputError, never another exception."""
    content = bytearray(whole_files(tmp_path)[kind])
    for _ in range(data.draw(st.integers(0, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path / f"damaged.{kind}"
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    with contextlib.suppress(InputError):
        assert len(load_mesh(path).faces) > 0
