"""A motion of nodes on the mesh: exact where it must be, near its inverse elsewhere, and each part on its own."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
import trimesh
from torch import Tensor
from torch.testing import assert_close

from to4d.callbacks.coarse_first import CoarseFirst
from to4d.errors import InputError
from to4d.export.gltf.exporter import Glb
from to4d.gltf import animation as gltf_animation
from to4d.kernels.affine import inverse, rotation_matrices, similarity_maps, transform_points
from to4d.model.control_nodes import ControlNodes
from to4d.model.mesh_deform import MeshDeform
from to4d.model.static import StaticField
from to4d.model.surface_graph import farthest_point_sampling, geodesic_weights, surface_graph
from to4d.types import Material, Mesh, Prompt

SMALL = {"nodes": (4, 12), "time_cells": (1, 3), "frames": 6, "cells": 16}
LEFT, RIGHT = (-0.3, 0.0, 0.0), (0.3, 0.0, 0.0)


def mesh_of(shape: trimesh.Trimesh) -> Mesh:
    vertices, faces = torch.from_numpy(shape.vertices.copy()).float(), torch.from_numpy(shape.faces.copy()).long()
    count, still = len(faces), torch.eye(4, dtype=torch.float64)
    appearance = torch.zeros(count, 3, 2), torch.ones(count, 3, 4), torch.zeros(count, dtype=torch.long)
    return Mesh(vertices, faces, *appearance, (Material(),), still)


def balls(*centres: tuple[float, float, float], radius: float = 0.2) -> Mesh:
    ball = trimesh.creation.icosphere(3, radius)
    return mesh_of(trimesh.util.concatenate([ball.copy().apply_translation(centre) for centre in centres]))


def bound(mesh: Mesh, **options) -> ControlNodes:
    motion = ControlNodes(**(SMALL | options))
    motion.bind(mesh)
    return motion


def stirred(motion: ControlNodes, amount: float = 0.02) -> ControlNodes:
    generator = torch.Generator().manual_seed(3)
    for knots in motion.knots:
        knots.data.normal_(0, amount, generator=generator)
    return motion


def everywhere(count: int = 400) -> Tensor:
    return 1.6 * torch.rand(count, 3, generator=torch.Generator().manual_seed(1)) - 0.8


def at(time: float, points: Tensor) -> Tensor:
    return points.new_full((len(points),), time)


def test_nothing_has_moved_at_time_zero():
    mesh = balls(LEFT, RIGHT)
    motion, points = stirred(bound(mesh)), everywhere()
    assert torch.equal(motion(points, at(0.0, points)), torch.zeros_like(points))
    assert torch.equal(motion.vectors()[0], torch.zeros_like(motion.vectors()[0]))
    assert torch.equal(motion.forward_map(mesh.vertices, torch.zeros(1))[0][0], mesh.vertices)
    assert motion(points, at(0.5, points)).abs().max() > 0.01


@pytest.mark.parametrize("level", [0, 1, 2])
def test_a_similarity_of_all_nodes_of_a_level_is_that_of_all_of_space(level):
    mesh = balls(LEFT, (0.0, 0.0, 0.0), RIGHT)  # they touch: one part
    motion = bound(mesh)
    spin, growth, shift = torch.tensor([0.4, 1.1, -0.3]), torch.tensor([-0.4]), torch.tensor([0.1, 0.0, -0.1])
    whole = similarity_maps(torch.zeros(3), shift, spin, growth)
    places, radius = motion.rest_positions.split((1, *motion.counts))[level], motion.weights.radii[level]
    knots = motion.levels()[level][0].data[0]  # the slowest of its time levels: all there is to it at t = 1
    knots[:, :3] = transform_points(whole, places) - places
    knots[:, 3:6], knots[:, 6:] = spin * radius, growth * radius
    points, end = everywhere(), torch.ones(1)
    forward, slopes = motion.forward_map(mesh.vertices, end)
    assert_close(forward[0], transform_points(whole, mesh.vertices), atol=1e-5, rtol=0)
    assert_close(slopes[0], inverse(whole)[:, :3].expand_as(slopes[0]), atol=1e-4, rtol=0)
    assert_close(points + motion(points, at(1.0, points)), transform_points(inverse(whole), points), atol=2e-4, rtol=0)
    if level == 0:  # the others get there by ways that bend
        motion.time_bending_weight = 0.0
        assert motion.regularizer() < 1e-9


def test_the_way_back_misses_the_moved_surface_by_a_small_share_of_the_motion():
    mesh = balls(LEFT, (0.0, 0.0, 0.0), RIGHT)
    motion = stirred(bound(mesh, cells=24), 0.03)
    for time in (1 / 6, 0.5, 1.0):
        places = motion.forward_map(mesh.vertices, torch.tensor([time]))[0][0]
        way = (places - mesh.vertices).norm(dim=-1).square().mean().sqrt()
        missed = (places + motion(places, at(time, places)) - mesh.vertices).norm(dim=-1)
        assert way > 0.02 and missed.square().mean().sqrt() < 0.05 * way and missed.max() < 0.25 * way


def test_parts_that_do_not_touch_do_not_drag_each_other_and_those_that_do_are_one():
    apart, joined = bound(balls(LEFT, RIGHT)), bound(balls((-0.195, 0.0, 0.0), (0.195, 0.0, 0.0)))
    for motion in (apart, joined):
        left = motion.rest_positions[1:, 0] < 0
        assert 0 < left.sum() < len(left)  # each has nodes
        for number, knots in enumerate(motion.levels()[1] + motion.levels()[2]):
            mine = left[: motion.counts[0]] if number < 2 else left[motion.counts[0] :]
            knots.data[:, mine, 1] = 0.1
    right = balls(RIGHT).vertices
    assert torch.equal(apart.forward_map(right, torch.ones(1))[0][0], right)
    assert apart(right, at(1.0, right)).abs().max() < 1e-3
    lifted = apart.forward_map(balls(LEFT).vertices, torch.ones(1))[0][0] - balls(LEFT).vertices
    assert lifted[:, 1].min() > 0.3  # two levels of two steps each
    seam = balls((0.195, 0.0, 0.0)).vertices
    assert (joined.forward_map(seam, torch.ones(1))[0][0] - seam)[:, 1].max() > 0.01


def test_gradients_agree_with_differences():
    motion = stirred(bound(balls(LEFT, RIGHT), cells=6)).double()
    generator = torch.Generator().manual_seed(5)
    knots = motion.knots[-1]
    weights = torch.randn(motion.vectors().shape, generator=generator, dtype=torch.float64)
    along = torch.randn(knots.shape, generator=generator, dtype=torch.float64)

    def reading() -> Tensor:
        return (weights * motion.vectors()).sum() + motion.regularizer()

    slope = (torch.autograd.grad(reading(), knots)[0] * along).sum()
    before, sides = knots.data.clone(), []
    for reach in (1e-6, -1e-6):
        knots.data = before + reach * along
        sides.append(reading().item())
    assert_close(slope.item(), (sides[0] - sides[1]) / 2e-6, rtol=1e-5, atol=0)


def test_the_way_back_is_made_once_and_again_when_knots_or_gradients_ask_for_it(monkeypatch):
    motion, points = stirred(bound(balls(LEFT), cells=6)), everywhere(20)
    made, compute = [], motion.compute_vectors
    monkeypatch.setattr(motion, "compute_vectors", lambda: made.append(1) or compute())
    with torch.no_grad():
        motion(points, at(0.3, points)), motion(points, at(0.6, points))
    assert len(made) == 1
    for count in (1, 2):  # a second backward finds a graph of its own
        (motion(points, at(0.3, points)) + motion(points, at(0.6, points))).sum().backward()
        assert len(made) == count
    with torch.no_grad():
        before = motion(points, at(0.3, points))
        motion.knots[0].add_(0.1)
        assert (motion(points, at(0.3, points)) - before).abs().max() > 0.01


def test_turns_and_inverses_are_those_of_linear_algebra():
    spins = torch.randn(20, 3, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    x, y, z = spins.unbind(-1)
    cross = torch.zeros(20, 3, 3, dtype=torch.float64)
    cross[:, 2, 1], cross[:, 0, 2], cross[:, 1, 0] = x, y, z
    assert_close(rotation_matrices(spins), torch.linalg.matrix_exp(cross - cross.mT))
    still = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.grad(rotation_matrices(still)[2, 1], still)[0].tolist() == [1.0, 0.0, 0.0]
    maps = similarity_maps(spins, spins.flip(0), spins, 0.3 * spins[:, :1])
    assert_close(transform_points(inverse(maps), transform_points(maps, spins.roll(1, 0))), spins.roll(1, 0))


def test_distances_run_along_the_surface_and_weights_add_up_to_one():
    sheet = trimesh.creation.box((1.0, 0.02, 0.4))  # twelve large triangles, two sides near each other
    graph = surface_graph(sheet.vertices, sheet.faces, 0.05, 0.001)
    top, below = graph.nearest(np.array([[0.0, 0.01, 0.0], [0.0, -0.01, 0.0]]))
    assert 0.4 < graph.distances(np.array([top]))[0, below] < 0.5
    weights, radius = geodesic_weights(graph, farthest_point_sampling(graph, 8))
    assert weights.sum(1) == pytest.approx(1.0) and weights.min() == 0.0 and 0.1 < radius < 0.5


def test_an_unbound_motion_is_refused_with_the_call_that_binds_it():
    with pytest.raises(InputError, match="bind"):
        ControlNodes().vectors()


def test_the_exported_mesh_goes_where_the_nodes_take_it_to_the_last_digit(tmp_path):
    mesh = balls(LEFT, (0.0, 0.0, 0.0), RIGHT)
    static = StaticField(levels=2, log2_rows=8, finest=32, support_resolution=8)
    field = MeshDeform(static, stirred(bound(mesh)))
    scene = SimpleNamespace(
        prompt=Prompt("a ball rolling", "ball"),
        reference=SimpleNamespace(mesh=mesh),
        renderer=SimpleNamespace(field=field),
    )
    figures = Glb(frames=6, fps=12.0, tolerance=0.0)(scene, tmp_path)
    player = gltf_animation.load_animation(tmp_path / "asset.glb")
    rest = torch.from_numpy(player.vertices()).float()
    want = field.forward_map(rest, torch.arange(6) / 6)[0].detach().numpy()
    assert np.abs(player.poses("a ball rolling", np.arange(6) / 12) - want).max() < 2e-6
    assert figures["export/points_not_followed"] == 0 and figures["export/flipped_triangles"] == 0


def test_levels_wait_for_their_start():
    motion = bound(balls(LEFT), cells=6)
    phase = SimpleNamespace(
        renderer=SimpleNamespace(field=SimpleNamespace(motion_levels=motion.levels)), schedule_progress=0.2
    )
    for knots in motion.knots:
        knots.grad = torch.ones_like(knots)
    CoarseFirst((0.0, 0.1, 0.3)).on_before_optimizer_step(None, phase, None)
    assert [level[0].grad is None for level in motion.levels()] == [False, False, True]
