"""Shapes that everyone sees standing come upright, and what has no up or front says so."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
import trimesh

from to4d.mesh import load_mesh
from to4d.rig.orientation.axes import UPRIGHT, to_world, upward_axis
from to4d.rig.orientation.conventions import GLTF, PLAIN, STL
from to4d.rig.orientation.find import find_orientation, turn_grid
from to4d.rig.orientation.up_features import UPS

DATA = os.environ.get("TO4D_DATA")


def rod(start, end, radius):
    """A capsule, as vertices and faces."""
    start, end = np.array(start, float), np.array(end, float)
    capsule = trimesh.creation.capsule(np.linalg.norm(end - start), radius, count=[12, 12])
    capsule.apply_transform(trimesh.geometry.align_vectors([0, 0, 1], end - start))
    capsule.apply_translation(start)
    return capsule


def box(size, centre):
    return trimesh.creation.box(size, trimesh.transformations.translation_matrix(centre))


def turned_profile(points):
    """A surface of revolution about y, of (radius, height)."""
    solid = trimesh.creation.revolve(np.array(points, float), sections=24)
    return solid.apply_transform(trimesh.geometry.align_vectors([0, 0, 1], [0, 1, 0]))


def quadruped():
    """Four legs, a raised head in front (+z), a thin tail behind."""
    body = [rod((0, 1, -0.7), (0, 1, 0.7), 0.28), rod((0, 1.1, 0.7), (0, 1.6, 1.05), 0.14)]
    head = [rod((0, 1.65, 1.05), (0, 1.55, 1.45), 0.17), rod((0, 1.1, -0.8), (0, 0.7, -1.15), 0.05)]
    legs = [rod((x, 0, z), (x, 0.9, z), 0.1) for x in (-0.2, 0.2) for z in (-0.65, 0.65)]
    return trimesh.util.concatenate(body + head + legs)


def table():
    legs = [box((0.12, 0.9, 0.12), (x, 0.45, z)) for x in (-0.8, 0.8) for z in (-0.5, 0.5)]
    return trimesh.util.concatenate([box((2, 0.1, 1.3), (0, 0.95, 0)), *legs])


def bottle():
    return turned_profile([(0, 0), (0.35, 0), (0.35, 1.0), (0.12, 1.4), (0.12, 1.8), (0, 1.8)])


def cone():
    return turned_profile([(0, 0), (0.6, 0), (0, 1.6)])


STANDING = {"quadruped": quadruped, "table": table, "bottle": bottle, "cone": cone}


def laid(mesh, up):
    """Vertices in a file in which `up` points upwards."""
    return mesh.vertices @ UPRIGHT[up], np.asarray(mesh.faces)


@pytest.mark.parametrize("body", STANDING)
def test_what_stands_in_one_way_is_put_upright(body):
    vertices, faces = laid(STANDING[body](), "z")
    found = find_orientation(vertices, faces, PLAIN)
    assert found.up == "z"
    assert 0.5 < found.up_confidence < 1 and found.up_reason


@pytest.mark.parametrize("up", UPS)
def test_a_quadruped_is_put_on_its_feet_wherever_it_lies_and_its_head_comes_to_the_front(up):
    body = quadruped()
    vertices, faces = laid(body, up)
    found = find_orientation(vertices, faces, PLAIN)
    assert found.up == up
    standing = vertices @ found.rotation.T
    np.testing.assert_allclose(standing, body.vertices, atol=1e-9)
    assert found.front_confidence > 0.5


@pytest.mark.parametrize("azimuth", [-90.0, 90.0, 180.0])
def test_the_front_is_found_whichever_way_it_faces(azimuth):
    body = quadruped()
    vertices = body.vertices @ to_world("y", azimuth)
    assert find_orientation(vertices, body.faces, PLAIN, up="y").front_deg % 360 == azimuth % 360


def test_a_front_between_the_axes_is_found_to_a_few_degrees():
    body = quadruped()
    found = find_orientation(body.vertices @ to_world("y", 35.0), body.faces, PLAIN, up="y")
    assert found.front_deg == pytest.approx(35.0, abs=4.0)
    assert "azimuth" in found.describe()


@pytest.mark.parametrize(("convention", "up"), [(GLTF, "y"), (PLAIN, "y"), (STL, "z")])
def test_a_ball_keeps_the_convention_and_says_so(convention, up):
    ball = trimesh.creation.icosphere(subdivisions=3)
    found = find_orientation(ball.vertices, ball.faces, convention)
    assert (found.up, found.front_deg) == (up, 0.0)
    assert convention.name in found.up_reason and convention.name in found.front_reason
    assert found.front_confidence < 0.6 or convention is GLTF


@pytest.mark.parametrize("convention", [GLTF, PLAIN, STL])
def test_a_flat_sheet_keeps_the_convention(convention):
    sheet = box((2.0, 1.0, 0.01), (0, 0, 0))
    found = find_orientation(sheet.vertices, sheet.faces, convention)
    assert (found.up, found.front_deg) == (convention.up, 0.0)
    assert "flat" in found.up_reason and convention.name in found.front_reason


def test_a_convention_that_is_specified_outweighs_what_a_shape_looks_like():
    vertices, faces = laid(table(), "x")
    assert find_orientation(vertices, faces, GLTF).up == "y"
    assert "looks" in find_orientation(vertices, faces, GLTF).up_reason
    assert find_orientation(vertices, faces, PLAIN).up == "x"


def test_the_size_and_place_of_a_mesh_do_not_matter():
    vertices, faces = laid(quadruped(), "-x")
    moved = find_orientation(1000 * vertices + [5e4, -3e3, 7.0], faces, PLAIN)
    assert (moved.up, moved.front_deg) == ("-x", 0.0)


def test_what_is_given_is_kept():
    vertices, faces = laid(quadruped(), "z")
    found = find_orientation(vertices, faces, PLAIN, up="x")
    assert (found.up, found.up_confidence, found.up_reason) == ("x", 1.0, "")
    found = find_orientation(vertices, faces, PLAIN, front_deg=12.0)
    assert (found.up, found.front_deg, found.front_confidence) == ("z", 12.0, 1.0)


def test_an_open_shell_of_loose_pieces_comes_upright():
    body = trimesh.util.concatenate([quadruped(), trimesh.creation.icosphere(radius=0.05).apply_translation([0, 2, 1])])
    faces = np.asarray(body.faces)[np.random.default_rng(0).random(len(body.faces)) > 0.02]
    vertices = (body.vertices @ UPRIGHT["z"])[np.unique(faces)]
    assert find_orientation(vertices, np.unique(faces, return_inverse=True)[1].reshape(-1, 3), PLAIN).up == "z"


@pytest.mark.parametrize("up", UPS)
def test_every_axis_has_a_rotation_that_turns_it_upright(up):
    rotation = to_world(up, 0.0)
    assert upward_axis(rotation) == up and np.linalg.det(rotation) == pytest.approx(1.0)
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-12)


@pytest.mark.parametrize("up", UPS)
def test_a_grid_is_turned_as_points_are(up):
    grid = np.zeros((3, 4, 5))
    grid[2, 1, 4] = 1.0
    corner = np.array([2, 1, 4]) - (np.array(grid.shape) - 1) / 2
    turned = turn_grid(grid, UPRIGHT[up])
    place = np.argwhere(turned)[0] - (np.array(turned.shape) - 1) / 2
    np.testing.assert_allclose(place, UPRIGHT[up] @ corner)


@pytest.mark.skipif(not DATA, reason="TO4D_DATA names no folder of meshes")
@pytest.mark.parametrize("slug", ["gso_lion", "gso_mario", "gso_hand_bell", "gso_rhino", "spot_cow"])
def test_scans_come_upright_by_themselves(slug, caplog):
    folder = Path(str(DATA))
    entry = next(e for e in json.loads((folder / "MANIFEST.json").read_text()) if e["slug"] == slug)
    found = load_mesh(folder / slug / entry["primary"])
    assert "+" + upward_axis(found.transform[:3, :3].numpy()).upper() == entry["up_axis"]
