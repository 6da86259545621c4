"""The rasteriser against what geometry says it must draw."""

import numpy as np
import pytest
import torch
import trimesh

from to4d.geometry import orbit, pixel_rays, project, relief
from to4d.kernels.raster import box_filter, rasterize
from to4d.types import Render
from to4d_lab.data.clip_rendering import ClipLabels, View, make_clip, render
from to4d_lab.data.coloured import ColouredMesh

SIDE_VIEW = View(0.0, 0.0, 3.0, 40.0, np.ones(3), np.array([0.0, 1.0, 0.0]), 1.0)


HALF = 3.0 * np.tan(np.deg2rad(20.0))  # half an image at the origin, world units


def ball(radius: float = 0.5) -> ColouredMesh:
    sphere = trimesh.creation.icosphere(subdivisions=4, radius=radius)
    return ColouredMesh(np.array(sphere.vertices), np.array(sphere.faces), 0.5 + 0.5 * np.array(sphere.vertices))


def test_a_triangle_covers_exactly_the_pixel_centres_inside_it():
    corners = np.array([[[1.0, 1.0, 2.0], [9.0, 1.0, 2.0], [1.0, 9.0, 2.0]]])
    _, depth = rasterize(corners, np.array([[0, 1, 2]]), np.zeros((1, 3, 1)), 12)
    centres = np.arange(12) + 0.5
    inside = (centres[None] >= 1) & (centres[:, None] >= 1) & (centres[None] + centres[:, None] <= 10)
    np.testing.assert_array_equal(np.isfinite(depth[0]), inside)


def test_attributes_are_interpolated_linearly():
    corners = np.array([[[0.0, 0.0, 2.0], [16.0, 0.0, 2.0], [0.0, 16.0, 2.0]]])
    image, depth = rasterize(corners, np.array([[0, 1, 2]]), corners[..., :2], 16)
    rows, columns = np.nonzero(np.isfinite(depth[0]))
    np.testing.assert_allclose(image[0, rows, columns], np.stack([columns, rows], -1) + 0.5, atol=1e-5)


@pytest.mark.parametrize("order", [[0, 1], [1, 0]])
def test_the_nearer_surface_wins_whatever_the_order(order: list[int]):
    near, far = [[0, 0, 1], [8, 0, 1], [0, 8, 1]], [[0, 0, 2], [8, 0, 2], [0, 8, 2]]
    faces = np.array([[0, 1, 2], [3, 4, 5]])[order]
    colors = np.array([[[1.0]] * 3 + [[2.0]] * 3]).reshape(1, 6, 1)
    image, _ = rasterize(np.array([near + far], float), faces, colors, 8)
    assert image[0, 1, 1, 0] == 1.0


def test_a_triangle_that_reaches_behind_the_camera_is_left_out():
    corners = np.array([[[0.0, 0.0, 2.0], [8.0, 0.0, 2.0], [0.0, 8.0, -1.0]]])
    _, depth = rasterize(corners, np.array([[0, 1, 2]]), np.zeros((1, 3, 1)), 8)
    assert np.isinf(depth).all()


def test_a_sphere_has_the_silhouette_and_depth_of_a_sphere():
    camera = orbit(torch.zeros(1), 0.0, 3.0, 40.0, (128, 128))
    mesh = ball()
    pixels = project(torch.from_numpy(mesh.vertices).float(), camera)[0].numpy()
    depth = 3.0 - mesh.vertices[:, 2:]
    _, z = rasterize(np.concatenate([pixels, depth], -1)[None], mesh.faces, np.zeros((1, len(pixels), 1)), 128)
    edge = 64.0 / np.tan(np.deg2rad(20.0)) * np.tan(np.arcsin(0.5 / 3.0))  # of the tangent cone, pixels
    assert np.isfinite(z).sum() == pytest.approx(np.pi * edge**2, rel=0.01)
    assert z.min() == pytest.approx(2.5, abs=2e-3)


def test_the_colours_of_a_moved_ball_come_from_where_the_flow_says():
    mesh, shift = ball(), np.array([0.2, -0.1, 0.0])
    clip = make_clip(
        mesh, np.stack([mesh.vertices, mesh.vertices + shift]), SIDE_VIEW, ClipLabels("", "", "", 1.0, 0.0)
    )
    inside = clip.opacity[1] > 0.999
    for axis, wanted in enumerate((-0.2 / HALF, -0.1 / HALF)):
        ratio = clip.flow[1, inside, axis] / wanted
        assert ((ratio > 0.97) & (ratio < 3.0 / 2.5 + 0.03)).all()  # nearer parts move more
    assert np.abs(clip.flow[0, clip.opacity[0] > 0.999]).max() < 2e-3
    assert clip.frames.shape == (2, 64, 64, 3) and (clip.frames[0, 0, 0] == 255).all()


def test_the_third_number_of_a_flow_tells_how_much_nearer_the_source_was():
    mesh = ball()
    moved = np.stack([mesh.vertices, mesh.vertices + [0.0, 0.0, 0.3]])
    clip = make_clip(mesh, moved, SIDE_VIEW, ClipLabels("", "", "", 1.0, 0.0))
    np.testing.assert_allclose(clip.flow[1, clip.opacity[1] > 0.5, 2], -0.3 / HALF, atol=1e-5)


def test_forward_flow_goes_where_backward_flow_came_from():
    mesh = ball()
    across, along = mesh.vertices + [0.2, -0.1, 0.0], mesh.vertices + [0.0, 0.0, 0.3]
    clip = make_clip(mesh, np.stack([mesh.vertices, across, along]), SIDE_VIEW, ClipLabels("", "", "", 1.0, 0.0))
    inside = clip.opacity[0] > 0.999
    assert np.abs(clip.forward[0, inside]).max() < 2e-3
    for axis, wanted in enumerate((0.2 / HALF, 0.1 / HALF)):
        ratio = clip.forward[1, inside, axis] / wanted
        assert ((ratio > 0.97) & (ratio < 3.0 / 2.5 + 0.03)).all()  # nearer parts move more
    np.testing.assert_allclose(clip.forward[2, inside, 2], 0.3 / HALF, atol=1e-5)


def test_the_relief_of_a_clip_is_that_of_a_depth_picture_from_the_same_camera():
    mesh = ball()
    _, opacity, _, here, _ = render(mesh, mesh.vertices[None], SIDE_VIEW)
    camera = orbit(torch.zeros(1), 0.0, 3.0, 40.0, (64, 64))
    rays = pixel_rays(camera)
    nearest = -(rays.origins * rays.directions).sum(-1, keepdim=True)
    root = (nearest**2 - 9.0 + 0.25).clamp_min(0).sqrt()  # of a ball of radius 1/2 at the origin
    there = (root > 0).float()
    still = Render(there.expand(-1, -1, -1, 3), there, (nearest - root) * there)
    full, inner = relief(still, camera)[0, ..., 0].numpy(), opacity[0, ..., 0] > 0.999
    np.testing.assert_allclose(here[0, ..., 2][inner], full[inner], atol=0.04)  # its rim is steep
    assert full.max() == pytest.approx(0.5 / HALF, abs=2e-3) and (full[opacity[0, ..., 0] == 0] == 0).all()


def test_averaging_down_keeps_the_mean():
    image = np.random.default_rng(0).random((2, 8, 8, 3)).astype(np.float32)
    small = box_filter(image, 4)
    assert small.shape == (2, 2, 2, 3)
    np.testing.assert_allclose(small.mean((1, 2)), image.mean((1, 2)), rtol=1e-5)
