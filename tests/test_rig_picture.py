"""`rig.png`: it shows the skeleton where the joints are, and that a bent limb alone moves."""

import colorsys
from dataclasses import replace

import numpy as np
import pytest
import torch
from body_meshes import dog
from PIL import Image
from rigged_field import found_rig

from to4d.export.page.media import embed_png
from to4d.export.rig_drawing import COLOURS, bend, draw_bent, draw_skeleton, draw_weights, role_colour
from to4d.export.rig_picture import RigPicture, camera, draw_rig, limb_azimuth_deg, limbs_of
from to4d.geometry import project
from to4d.objects.plant import load_plant
from to4d.protocols import Scene
from to4d.render.mesh_cpu import MeshRenderer
from to4d.rig.choose import Auto
from to4d.types import Prompt


@pytest.fixture(scope="module")
def mesh(tmp_path_factory):
    return dog(tmp_path_factory.mktemp("dog"), "dog")


@pytest.fixture(scope="module")
def rig(mesh):
    return Auto()(mesh)


def test_joints_are_drawn_where_the_camera_sees_them(mesh):
    rig, view = found_rig(mesh), camera(mesh, 90.0, 300, 1.1)
    picture = np.array(draw_skeleton(mesh, rig, view)).astype(int)
    for place, role in zip(project(rig.joints, view)[0].tolist(), rig.roles, strict=True):
        x, y = (round(c) for c in place)
        near = picture[y - 4 : y + 5, x - 4 : x + 5].reshape(-1, 3)
        assert np.abs(near - role_colour(role)).sum(1).min() < 60


def test_the_limb_that_bends_moves_forwards_and_all_else_stays(mesh, rig):
    moved = bend(mesh.vertices, rig, "foreleg_L") - mesh.vertices
    own = torch.tensor([role == "foreleg_L" for role in rig.roles])
    share = (rig.weights * own[rig.influences]).sum(1)
    assert moved[share == 0].norm(dim=1).max() < 1e-6
    foot = mesh.vertices[:, 1] < mesh.vertices[:, 1].min() + 0.05
    assert moved[foot & (share > 0.99)][:, 2].min() > 0.05


def test_arms_rise_on_both_sides(mesh):
    rig = found_rig(mesh)
    for role, side in (("arm_L", 1.0), ("arm_R", -1.0)):
        renamed = replace(rig, roles=tuple(r.replace("leg_L", role) for r in rig.roles), joints=rig.joints * side)
        assert (bend(mesh.vertices * torch.tensor([side, 1, 1]), renamed, role)[:, 1] - mesh.vertices[:, 1]).max() > 0


def test_the_weights_of_left_and_right_have_the_colours_of_the_roles(mesh, rig):
    hue, saturation, _ = np.array(draw_weights(mesh, rig, camera(mesh, 90.0, 200, 1.1)).convert("HSV")).astype(int).T
    for role in ("foreleg_L", "hindleg_L"):
        expected = 255 * colorsys.rgb_to_hsv(*(c / 255 for c in role_colour(role)))[0]
        assert ((abs(hue - expected) < 4) & (saturation > 80)).sum() > 100


def test_the_picture_has_a_tile_for_each_limb(mesh, rig):
    picture, limbs = draw_rig(mesh, rig, 240), limbs_of(rig)
    assert {"foreleg_L", "foreleg_R", "hindleg_L", "hindleg_R"} <= set(limbs)
    columns = -(-len(limbs) // -(-len(limbs) // 8))
    assert picture.width == 720 and picture.height > 240 + min(120, 720 // columns)
    assert all(limb_azimuth_deg(role) for role in limbs)


def test_a_bent_limb_is_coloured(mesh, rig):
    tile = np.array(draw_bent(mesh, rig, "tail", camera(mesh, 65.0, 160, 1.25))).astype(int)
    red, green, blue = COLOURS["tail"]
    assert (tile[..., 0] - tile[..., 1] > 0.3 * (red - green)).sum() > 30


def test_the_exporter_draws_nothing_without_a_rig(tmp_path):
    reference = MeshRenderer(load_plant())
    scene = Scene(reference, None, Prompt("a plant blooming", "plant"))  # ty: ignore
    RigPicture()(scene, tmp_path)
    assert not (tmp_path / "rig.png").exists() and embed_png(tmp_path / "rig.png") is None
    RigPicture(size=120)(replace(scene, rig=Auto()(reference.mesh)), tmp_path)
    with Image.open(tmp_path / "rig.png") as picture:
        assert picture.width == 360
    assert str(embed_png(tmp_path / "rig.png")).startswith("data:image/png;base64,")
