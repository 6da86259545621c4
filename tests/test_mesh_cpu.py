"""The reference renderer against analytic pictures."""

import math

import numpy as np
import pytest
import torch
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st
from mesh_files import QUAD, QUAD_FACES, QUAD_UV

from to4d.geometry import orbit, pixel_rays, project
from to4d.mesh import FileMesh, place_mesh
from to4d.render.mesh_cpu import MeshRenderer
from to4d.types import Cameras, Material, Mesh

RADIUS = 0.55  # load_mesh's default
STILL = torch.zeros(1)
PLAIN = Material()


def make(vertices, faces, materials=(PLAIN,), material=None, uv=None, color=None) -> Mesh:
    count = len(faces)
    return place_mesh(
        FileMesh(
            np.asarray(vertices, float),
            np.asarray(faces),
            np.zeros((count, 3, 2)) if uv is None else uv,
            np.ones((count, 3, 4)) if color is None else color,
            np.zeros(count) if material is None else material,
            tuple(materials),
        ),
        "made",
    )


def sphere() -> Mesh:
    ball = trimesh.creation.icosphere(subdivisions=6)
    return make(ball.vertices, ball.faces)


def quad(material: Material) -> Mesh:
    return make(QUAD, QUAD_FACES, [material], uv=QUAD_UV[QUAD_FACES])


def at(azimuth_deg: float, size: int = 48, **kwargs) -> Cameras:
    return orbit(torch.tensor([azimuth_deg]), kwargs.pop("elevation", 0.0), 2.5, 40.0, (size, size), **kwargs)


def image_of(pattern: np.ndarray) -> torch.Tensor:
    """(h, w) or (h, w, 4) in 0 ... 1 to a texture."""
    rgba = np.ones((*pattern.shape[:2], 4))
    rgba[..., : 3 if pattern.ndim == 2 else 4] = pattern[..., None] if pattern.ndim == 2 else pattern
    return torch.from_numpy((255 * rgba).round().astype(np.uint8))


def test_a_sphere_has_the_analytic_depth_and_normal():
    cameras = at(37.0, elevation=20.0, offset=torch.tensor([[0.3, -0.2]]))
    render = MeshRenderer(sphere(), antialias=1)(cameras, STILL)
    rays = pixel_rays(cameras)
    b = (rays.origins * rays.directions).sum(-1)
    root = b**2 - (rays.origins**2).sum(-1) + RADIUS**2
    inside = root > 4e-3  # the rim is where the facets differ from the ball
    depth = -b - root.clamp(min=0).sqrt()
    normal = (rays.origins + depth[..., None] * rays.directions) / RADIUS
    assert inside.sum() > 200
    assert (render.opacity[:, 0, ..., 0][inside] == 1.0).all()
    assert (render.opacity[:, 0, ..., 0][root < 0] == 0.0).all()
    assert (render.depth[:, 0, ..., 0] - depth)[inside].abs().max() < 1e-3
    assert (render.normal[:, 0] - normal)[inside].norm(dim=-1).max() < 0.03


def test_what_is_empty_is_white_and_zero():
    render = MeshRenderer(sphere())(at(0.0), STILL)
    assert render.rgb[0, 0, 0, 0].tolist() == [1.0, 1.0, 1.0]
    for x in (render.opacity, render.depth, render.normal):
        assert x[0, 0, 0, 0].abs().sum() == 0.0


def test_frames_are_equal_and_shapes_follow_the_contract():
    render = MeshRenderer(sphere())(orbit(torch.tensor([0.0, 90.0]), 0.0, 2.5, 40.0, (8, 12)), torch.rand(3))
    assert render.rgb.shape == (2, 3, 8, 12, 3)
    assert (render.rgb[:, 0] == render.rgb[:, 2]).all()
    assert MeshRenderer(sphere())(at(0.0, 8), STILL, normals=False).normal is None


def test_a_corner_appears_where_project_puts_it():
    mesh = quad(Material(color=(0.0, 0.0, 0.0, 1.0)))
    cameras = at(0.0, 64)
    column, row = project(mesh.vertices[2], cameras)[0].tolist()  # top right
    visible = MeshRenderer(mesh, antialias=1)(cameras, STILL).opacity[0, 0, ..., 0].nonzero()
    assert abs(visible[:, 1].max() + 0.5 - column) <= 0.5
    assert abs(visible[:, 0].min() + 0.5 - row) <= 0.5


def test_antialiasing_is_the_mean_of_its_rays():
    mesh = quad(Material(color=(0.2, 0.4, 0.6, 1.0)))
    shifts = [(x, y) for x in (-0.25, 0.25) for y in (-0.25, 0.25)]
    one = MeshRenderer(mesh, antialias=1)
    parts = [one(at(25.0, 16, offset=torch.tensor([s])), STILL) for s in shifts]
    both = MeshRenderer(mesh, antialias=2)(at(25.0, 16), STILL)
    for name in ("rgb", "opacity", "depth", "normal"):
        mean = sum(getattr(p, name) for p in parts) / 4
        torch.testing.assert_close(getattr(both, name), mean, atol=1e-5, rtol=0)


@settings(max_examples=15, deadline=None)
@given(st.floats(-180, 180), st.floats(-60, 60), st.floats(-180, 180))
def test_turning_the_object_is_turning_the_camera(azimuth, elevation, turn):
    rng = np.random.default_rng(0)
    vertices, faces = rng.normal(size=(12, 3)), np.arange(12).reshape(4, 3)
    color = np.concatenate([rng.random((4, 3, 3)), np.ones((4, 3, 1))], -1)
    mesh = make(vertices, faces, color=color)
    a = math.radians(turn)
    matrix = torch.tensor([[math.cos(a), 0, math.sin(a)], [0, 1, 0], [-math.sin(a), 0, math.cos(a)]])
    turned = Mesh(**{**mesh.__dict__, "vertices": mesh.vertices @ matrix.T})
    before = MeshRenderer(mesh)(at(azimuth, 24, elevation=elevation), STILL)
    after = MeshRenderer(turned)(at(azimuth + turn, 24, elevation=elevation), STILL)
    differing = ((before.rgb - after.rgb).abs().amax(-1) > 0.01).float().mean()
    assert differing < 0.01  # a few rays graze an edge differently
    rotated = before.normal @ matrix.T
    assert ((rotated - after.normal).abs().amax(-1) > 0.01).float().mean() < 0.01


def test_both_sides_show_and_normals_face_the_camera():
    mesh = quad(Material(color=(0.0, 0.0, 0.0, 1.0), double_sided=False))
    for azimuth, z in ((0.0, 1.0), (180.0, -1.0)):
        render = MeshRenderer(mesh)(at(azimuth), STILL)
        assert render.opacity[0, 0, 24, 24] == 1.0
        assert render.normal[0, 0, 24, 24].tolist() == pytest.approx([0.0, 0.0, z], abs=1e-6)


def test_mask_cuts_holes_through_which_the_back_is_seen():
    """A window (left half cut out) before a black wall."""
    half = np.ones((32, 32, 4))
    half[:, :16, 3] = 0.2
    window = Material(texture=image_of(half), alpha="mask")
    wall = Material(color=(0.0, 0.0, 0.0, 1.0))
    vertices = np.concatenate([QUAD, QUAD - [0, 0, 0.5]])
    mesh = make(vertices, np.concatenate([QUAD_FACES, QUAD_FACES + 4]), [window, wall], [0, 0, 1, 1],
                uv=np.concatenate([QUAD_UV[QUAD_FACES]] * 2))  # fmt: skip
    render = MeshRenderer(mesh, antialias=1)(at(0.0), STILL)
    left, right = render.at(0).rgb[0, 24, 20], render.at(0).rgb[0, 24, 28]
    assert left.tolist() == pytest.approx([0, 0, 0], abs=0.01)
    assert right.tolist() == pytest.approx([1, 1, 1], abs=0.01)
    assert render.depth[0, 0, 24, 20] > render.depth[0, 0, 24, 28] + 0.1


def test_blend_composites_front_to_back():
    glass = Material(color=(1.0, 0.0, 0.0, 0.25), alpha="blend")
    vertices = np.concatenate([QUAD, QUAD - [0, 0, 0.5]])
    mesh = make(vertices, np.concatenate([QUAD_FACES, QUAD_FACES + 4]), [glass])
    render = MeshRenderer(mesh, antialias=1)(at(0.0), STILL)
    assert render.opacity[0, 0, 24, 24].item() == pytest.approx(1 - 0.75**2)
    assert render.rgb[0, 0, 24, 24].tolist() == pytest.approx([1.0, 0.75**2, 0.75**2], abs=1e-4)


def test_opaque_materials_ignore_alpha():
    material = Material(color=(0.0, 1.0, 0.0, 0.1), texture=image_of(np.full((4, 4, 4), 0.5)))
    render = MeshRenderer(quad(material))(at(0.0), STILL)
    assert render.opacity[0, 0, 24, 24] == 1.0
    assert render.rgb[0, 0, 24, 24].tolist() == pytest.approx([0.0, 0.5, 0.0], abs=0.01)


def test_hidden_texels_do_not_bleed_into_visible_ones():
    """A leaf on a magenta, transparent ground: no magenta at any distance."""
    rgba = np.zeros((64, 64, 4))
    rgba[...] = (1.0, 0.0, 1.0, 0.0)
    rgba[16:48, 16:48] = (0.0, 1.0, 0.0, 1.0)
    for size in (12, 48):
        rgb = MeshRenderer(quad(Material(texture=image_of(rgba), alpha="blend")))(at(0.0, size), STILL).rgb
        assert (rgb[..., 1] >= rgb[..., 0] - 0.01).all()


def test_fine_texture_becomes_its_mean_not_noise():
    checker = np.indices((1024, 1024)).sum(0) % 2
    cameras = at(10.0, 24, offset=torch.tensor([[0.13, 0.21]]))
    render = MeshRenderer(quad(Material(texture=image_of(checker))), antialias=1)(cameras, STILL)
    inside = render.rgb[0, 0, 8:16, 8:16]
    assert (inside - 0.5).abs().max() < 0.02


def test_a_large_texel_is_not_blurred():
    stripes = np.tile(np.array([0.0, 1.0]).repeat(8), (16, 1))
    rgb = MeshRenderer(quad(Material(texture=image_of(stripes))), antialias=1)(at(0.0, 96), STILL).rgb[0, 0, 48]
    left, right = rgb[40:46, 0], rgb[50:56, 0]
    assert left.max() == 0.0
    assert right.min() == 1.0


def test_rays_of_a_shifted_camera_are_sharp_however_few():
    """The static phase casts a coarse grid of rays: its colours are those of a fine image at the same places."""
    stripes = np.tile(np.array([0.0, 1.0]).repeat(4), (64, 8))
    render = MeshRenderer(quad(Material(texture=image_of(stripes))))
    few = render(at(0.0, 32, offset=torch.tensor([[-0.5 + 1 / 16, -0.5 + 1 / 16]])), STILL).rgb[0, 0]
    many = MeshRenderer(quad(Material(texture=image_of(stripes))), antialias=1)(at(0.0, 256), STILL).rgb[0, 0]
    assert (few - many[::8, ::8]).abs().max() < 1e-4
    assert few[12:20, 12:20].std() > 0.4  # stripes finer than the grid are still black and white


def test_the_same_call_gives_the_same_bits():
    mesh, cameras = sphere(), at(12.0)
    first, second = (MeshRenderer(mesh)(cameras, STILL) for _ in range(2))
    assert torch.equal(first.depth, second.depth)
