"""A motion of bones: exact where it must be, its way back keeps apart what passes, and space follows as arms do."""

from dataclasses import replace

import numpy as np
import pytest
import torch
import trimesh
from capsule_biped import CROSSED, Capsules, biped
from hypothesis import given, settings
from hypothesis import strategies as st
from test_nodes import at, balls, everywhere, mesh_of
from torch import Tensor
from torch.testing import assert_close

from to4d.errors import InputError
from to4d.flow_loss import Correspondences, flow_loss
from to4d.geometry import orbit
from to4d.kernels.affine import rotation_matrices, similarity_maps, solve, transform_points
from to4d.kernels.closest_point import (
    TriangleTree,
    barycentric_of_closest,
    closest_points,
    closest_points_twin,
)
from to4d.model.bone_motion import BoneMotion
from to4d.model.bones import Bones
from to4d.model.control_nodes import ControlNodes
from to4d.model.skinning import dual_quaternion_blend, linear_blend, matrices, quaternions
from to4d.protocols import RiggedField
from to4d.render.mesh_cpu import MeshRenderer
from to4d.render.occupancy import sample_surface
from to4d.render.volume import VolumeRenderer
from to4d.rig.pose import skin_points
from to4d.types import Mesh, Rig, generator_at

ELBOW = torch.tensor([0.2, 0.0, 0.0])


def arm() -> tuple[Mesh, Rig]:
    """A bar along x from -0.2 to 0.6, bent at the elbow; the weights change within 0.1 around it."""
    bar = trimesh.creation.box((0.8, 0.1, 0.1)).apply_translation([0.2, 0.0, 0.0]).subdivide().subdivide().subdivide()
    mesh = mesh_of(bar)
    share = (0.5 + (mesh.vertices[:, 0] - ELBOW[0]) / 0.2).clamp(0, 1)
    weights = torch.stack([1 - share, share], 1)
    joints = torch.stack([torch.tensor([-0.2, 0.0, 0.0]), ELBOW])
    influences = torch.tensor([[0, 1]]).repeat(len(share), 1)
    names = ("root", "elbow")
    return mesh, Rig(joints, (-1, 0), names, ("root", "other"), (0, 0), influences, weights, "thing", 1.0, "found")


def posed_arm() -> tuple[Mesh, Rig]:
    """The arm in a rest pose that is not its bind pose: its joints alone would put vertices apart from each other."""
    mesh, rig = arm()
    away = 0.03 * torch.randn(len(mesh.vertices), 2, 3, generator=torch.Generator().manual_seed(7))
    away = away - (rig.weights[..., None] * away).sum(1, keepdim=True)
    _, first = np.unique(mesh.vertices.numpy(), axis=0, return_inverse=True)  # vertices at one place are alike
    away = away[torch.from_numpy(np.unique(first, return_index=True)[1][first.reshape(-1)])]
    return mesh, replace(rig, rest_offsets=away)


def bound(parts: tuple[Mesh, Rig], **options) -> BoneMotion:
    motion = BoneMotion(**options)
    motion.bind(*parts)
    return motion


def bend(motion: BoneMotion, angles: Tensor) -> BoneMotion:
    """Turn the joints below the root by axis-angles (J - 1, 3) until t = 1, steadily."""
    slow = motion.levels()[1][0].data
    slow.copy_(torch.arange(1, len(slow) + 1)[:, None, None] / len(slow) * angles * motion.arms[1:, None])
    return motion


def stirred(motion: BoneMotion, amount: float = 0.02) -> BoneMotion:
    generator = torch.Generator().manual_seed(3)
    for knots in motion.parameters():
        knots.data.normal_(0, amount, generator=generator)
    return motion


def near_surface(mesh: Mesh, count: int, reach: float = 0.01) -> Tensor:
    generator = generator_at(1, 0, "points")
    points = sample_surface(mesh, count, generator)
    return points + reach * torch.randn(points.shape, generator=generator).clamp(-1, 1)


KINDS = [{}, {"skinning": "dual_quaternion"}, {"residual": ControlNodes(nodes=(4, 8), time_cells=(1, 3), cells=8)}]


@pytest.mark.parametrize("parts", [biped, posed_arm])
@pytest.mark.parametrize("options", KINDS, ids=["linear", "dual quaternions", "residual"])
def test_nothing_has_moved_at_time_zero(options, parts):
    mesh, rig = parts()
    motion, points = stirred(bound((mesh, rig), **options)), everywhere()
    assert torch.equal(motion(points, at(0.0, points)), torch.zeros_like(points))
    assert torch.equal(motion.forward_map(mesh.vertices, torch.zeros(1))[0][0], mesh.vertices)
    assert torch.equal(motion.move(mesh.vertices, torch.zeros(1))[0], mesh.vertices)
    times = torch.where(torch.arange(len(points)) % 2 > 0, 0.5, 0.0)
    near, rest = motion.origins(points, times)
    early = times[near] == 0
    assert torch.equal(near[early], (times == 0).nonzero()[:, 0])
    assert torch.equal(rest[early], points[near[early]])
    assert motion(points, at(0.5, points)).abs().max() > 0.01


@pytest.mark.parametrize("options", KINDS, ids=["linear", "dual quaternions", "residual"])
@pytest.mark.parametrize("parts", [arm, posed_arm])
@pytest.mark.parametrize("time", [0.3, 1.0])
def test_the_way_back_undoes_the_way_forward(options, time, parts):
    mesh, rig = parts()
    motion = stirred(bound((mesh, rig), **options), 0.03)
    points = near_surface(mesh, 400, reach=0.001)
    places, slopes = motion.forward_map(points, torch.tensor([time]))
    assert (places[0] - points).norm(dim=-1).max() > 0.03
    assert_close(places[0] + motion(places[0], at(time, points)), points, atol=2e-3, rtol=0)
    on = mesh.vertices
    moved = motion.move(on, torch.tensor([time]))[0]
    assert_close(moved + motion(moved, at(time, on)), on, atol=2e-6, rtol=0)
    near, rest = motion.origins(moved, at(time, on))
    assert len(near) == len(on)
    assert_close(rest, on, atol=2e-6, rtol=0)
    assert slopes.shape == (1, 400, 3, 3)


def test_one_similarity_of_the_root_is_that_of_all_of_space():
    mesh, rig = biped()
    for skinning in ("linear", "dual_quaternion"):
        motion = bound((mesh, rig), skinning=skinning)
        spin, growth, shift = torch.tensor([0.4, 1.1, -0.3]), torch.tensor([-1.2]), torch.tensor([0.1, 0.0, -0.1])
        motion.levels()[0][0].data[-1] = torch.cat([shift, spin * motion.arms[0], growth * motion.arms[0]])
        whole = similarity_maps(rig.joints[0], shift, spin, growth)
        points, end = everywhere(), torch.ones(1)
        there, slopes = motion.forward_map(points, end)
        assert_close(there[0], transform_points(whole, points), atol=2e-6, rtol=0)
        assert_close(there[0] + motion(there[0], at(1.0, points)), points, atol=5e-6, rtol=0)
        motion.time_bending_weight = 0.0
        assert motion.regularizer() == 0.0  # the root's moves are free
        assert_close(motion.joint_maps(end)[0], whole.expand(3, 3, 4))


def test_an_arm_bends_as_it_does_on_paper():
    mesh, rig = arm()
    motion = bend(bound((mesh, rig)), torch.tensor([[0.0, 0.0, torch.pi / 2]]))
    moved = motion.move(mesh.vertices, torch.ones(1))[0].detach().numpy()
    v, share = mesh.vertices.double().numpy(), rig.weights[:, 1:].double().numpy()
    x, y, z = v.T
    turned = np.stack([0.2 - y, x - 0.2, z], 1)  # a quarter turn about the elbow: x to y, y to -x
    assert np.abs(moved - ((1 - share) * v + share * turned)).max() < 1e-6
    assert moved[np.argmax(x), 1] == pytest.approx(0.4, abs=1e-6)
    pose = skin_points(mesh.vertices, rig.influences, rig.weights, motion.joint_maps(torch.ones(1)))[0]
    assert_close(pose.detach(), torch.from_numpy(moved), atol=1e-6, rtol=0)


def test_each_joint_takes_a_vertex_along_from_where_it_alone_puts_it_at_rest():
    mesh, rig = posed_arm()
    motion = bend(bound((mesh, rig)), torch.tensor([[0.4, 0.0, 1.2]]))
    maps, moved = motion.joint_maps(torch.ones(1))[0], motion.move(mesh.vertices, torch.ones(1))[0]
    alone = transform_points(maps[rig.influences], mesh.vertices[:, None] + rig.rest_offsets)
    assert_close(moved, (rig.weights[..., None] * alone).sum(1), atol=1e-6, rtol=0)
    skinned = skin_points(mesh.vertices, rig.influences, rig.weights, maps[None], rig.rest_offsets)[0]
    assert_close(skinned, moved, atol=1e-6, rtol=0)
    plain = bend(bound((mesh, replace(rig, rest_offsets=None))), torch.tensor([[0.4, 0.0, 1.2]]))
    assert (plain.move(mesh.vertices, torch.ones(1))[0] - moved).norm(dim=-1).max() > 0.005


def test_triangles_between_vertices_move_as_the_drawn_mesh_does():
    bar = trimesh.creation.box((0.8, 0.1, 0.1)).apply_translation([0.2, 0.0, 0.0])  # twelve large triangles
    mesh, rig = mesh_of(bar), arm()[1]
    share = (mesh.vertices[:, :1] > 0.2).float()
    rig = replace(
        rig, influences=torch.tensor([[0, 1]]).repeat(len(share), 1), weights=torch.cat([1 - share, share], 1)
    )
    motion = bend(bound((mesh, rig)), torch.tensor([[0.3, 0.0, 0.8]]))
    corners, place = mesh.vertices[mesh.faces], torch.tensor([0.5, 0.2, 0.3])
    moved = motion.move(mesh.vertices, torch.ones(1))[0][mesh.faces]
    points, want = ((x * place[:, None]).sum(1) for x in (corners, moved))
    assert_close(motion.move(points, torch.ones(1))[0], want, atol=1e-6, rtol=0)
    assert_close(want + motion(want, at(1.0, want)), points, atol=1e-5, rtol=0)


def test_dual_quaternions_keep_the_girth_of_what_twists_and_linear_blends_do_not():
    mesh, rig = arm()
    twist = torch.tensor([[torch.pi, 0.0, 0.0]]) * 0.98
    girths = {}
    for skinning in ("linear", "dual_quaternion"):
        moved = bend(bound((mesh, rig), skinning=skinning), twist).move(mesh.vertices, torch.ones(1))[0]
        middle = (mesh.vertices[:, 0] - ELBOW[0]).abs() < 1e-6
        girths[skinning] = moved[middle, 1:].norm(dim=-1) / mesh.vertices[middle, 1:].norm(dim=-1)
    assert_close(girths["dual_quaternion"], torch.ones_like(girths["linear"]), atol=1e-5, rtol=0)
    assert girths["linear"].max() < 0.1


@given(st.lists(st.floats(-1, 1), min_size=3, max_size=3), st.floats(0.0, 3.1), st.floats(0.5, 2.0), st.floats(0, 1))
@settings(deadline=None, max_examples=50)
def test_blends_of_equal_maps_are_that_map(axis, angle, scale, share):
    way = torch.tensor(axis, dtype=torch.float64)
    turn = angle * way / way.norm().clamp_min(1e-3)
    one = similarity_maps(way, way.flip(0), turn, torch.tensor([scale], dtype=torch.float64).log())
    weights = torch.tensor([[share, 1 - share]], dtype=torch.float64)
    for blend in (linear_blend, dual_quaternion_blend):
        assert_close(blend(weights, one.expand(1, 2, 3, 4))[0, 0], one, atol=1e-9, rtol=0)
    rotation = rotation_matrices(turn)
    assert_close(matrices(quaternions(rotation)), rotation, atol=1e-9, rtol=0)


def test_half_way_between_two_turns_dual_quaternions_turn_by_half():
    still, turned = torch.eye(3, 4), similarity_maps(ELBOW, torch.zeros(3), torch.tensor([0, 0, 2.0]), torch.zeros(1))
    half = similarity_maps(ELBOW, torch.zeros(3), torch.tensor([0, 0, 1.0]), torch.zeros(1))
    found = dual_quaternion_blend(torch.tensor([[0.5, 0.5]]), torch.stack([still, turned])[None])[0, 0]
    assert_close(found, half, atol=1e-6, rtol=0)


@pytest.mark.parametrize("skinning", ["linear", "dual_quaternion"])
def test_gradients_agree_with_differences(skinning):
    mesh, rig = arm()
    motion = stirred(bound((mesh, rig), skinning=skinning, angle_weight=0.1), 0.05).double()
    generator = torch.Generator().manual_seed(5)
    places = motion.move(near_surface(mesh, 300, 0.02).double(), torch.tensor([0.6], dtype=torch.float64))[0].detach()
    weights = torch.randn(places.shape, generator=generator, dtype=torch.float64)

    def reading() -> Tensor:
        back, forward = motion(places, at(0.6, places)), motion.move(places, at(0.3, places[:1]))[0]
        return (weights * (back + forward)).sum() + motion.regularizer()

    for knots in motion.knots:
        along = torch.randn(knots.shape, generator=generator, dtype=torch.float64)
        slope = (torch.autograd.grad(reading(), knots)[0] * along).sum().item()
        before, sides = knots.data.clone(), []
        for reach in (1e-6, -1e-6):
            knots.data = before + reach * along
            sides.append(reading().item())
        knots.data = before
        assert slope == pytest.approx((sides[0] - sides[1]) / 2e-6, rel=1e-3, abs=1e-4)


def psnr(a: Tensor, b: Tensor) -> float:
    return float(-10 * (a - b).square().mean().log10())


def test_legs_that_cross_are_drawn_as_those_of_the_moved_mesh():
    mesh, rig = biped()
    field = Bones(Capsules(), bend(bound((mesh, rig)), CROSSED))
    field.rig = rig
    renderer = VolumeRenderer(field, samples=1024)
    renderer.start_from(sample_surface(mesh, 50_000, generator_at(0, 0, "surface")))
    renderer.update(generator_at(0, 0, "occupancy"))
    cameras, times = orbit(torch.tensor([0.0, 90.0, 180.0]), 10.0, 1.9, 40.0, (64, 64)), torch.tensor([0.0, 0.6, 0.97])
    with torch.no_grad():
        shown = renderer(cameras, times, normals=False).rgb
    wanted = MeshRenderer(mesh, antialias=1).draw(cameras, field.move(mesh.vertices, times).detach()).rgb
    assert min(psnr(*pair) for pair in zip(shown.flatten(0, 1), wanted.flatten(0, 1), strict=True)) > 30.0


def test_the_occupancy_holds_what_has_moved_and_follows_it_away():
    mesh, rig = biped()
    field = Bones(Capsules(), bend(bound((mesh, rig)), 2.0 * CROSSED))
    field.rig = rig
    assert isinstance(field, RiggedField)
    renderer = VolumeRenderer(field, resolution=64, bins=8)
    renderer.start_from(sample_surface(mesh, 50_000, generator_at(0, 0, "surface")))
    renderer.update(generator_at(0, 0, "occupancy"))
    bits = renderer.occupancy.bits.bool()
    for time in torch.linspace(0, 0.999, 23):
        cell = ((field.move(mesh.vertices, time[None])[0] + 1) * 32).long()
        assert bits[int(time * 8)][tuple(cell.T)].all()
    foot = ((mesh.vertices[mesh.vertices[:, 1] < -0.4] + 1) * 32).long()
    assert not bits[-1][tuple(foot.T)].any()


def test_a_motion_costs_the_same_wherever_it_hangs():
    mesh, rig = biped()
    motion = bound((mesh, rig))
    points, weights = motion.surface.spread()
    assert len(motion.knots) == 4
    for level, joint in ((0, None), (1, 0), (1, 1)):
        for knots in motion.knots:
            knots.data.zero_()
        value = motion.levels()[level][0].data[-1]
        if joint is None:
            value[3] = 1e-3  # of the root: about x
        else:
            value[joint, 2] = 1e-3
        move = (motion.move(points, torch.ones(1))[0] - points).norm(dim=-1)
        carried = torch.ones(len(points)) if joint is None else weights[:, joint + 1]
        assert 5e-4 < ((carried * move.square()).sum() / carried.sum()).sqrt() < 1.1e-3


def test_levels_go_from_the_root_to_the_tips():
    mesh, rig = arm()
    motion = bound((mesh, replace(rig, ranks=(0, 1))), residual=ControlNodes(nodes=(4, 8), time_cells=(1, 3), cells=8))
    levels = motion.levels()
    assert [level[0].shape for level in levels] == [(3, 7), (3, 1, 3), (1, 1, 7), (1, 4, 7), (1, 8, 7)]
    assert sum(map(len, levels)) == len(list(motion.parameters()))


def test_a_leg_is_pulled_to_where_it_should_be_though_the_other_leg_is_there():
    mesh, rig = biped()
    field = Bones(Capsules(), bound((mesh, rig)))
    field.rig = rig
    left = mesh.vertices[rig.influences[:, 0] == 1]
    target = bend(bound((mesh, rig)), CROSSED).move(left, torch.ones(1))[0].detach()
    ones = torch.ones(len(left))
    pairs = Correspondences(target, torch.tensor([[0.0, 0.0, -1.0]]).expand_as(left), ones, left, ones, ones)
    before = flow_loss(field, pairs)
    optimizer = torch.optim.Adam(field.motion.parameters(), lr=0.02)
    for _ in range(60):
        optimizer.zero_grad()
        flow_loss(field, pairs).backward()
        optimizer.step()
    assert flow_loss(field, pairs) < 0.1 * before
    assert flow_loss(field, pairs, pairs).isfinite()


def test_a_field_of_bones_needs_a_rig_and_a_motion_its_mesh():
    mesh, rig = arm()
    with pytest.raises(InputError, match="rig=found"):
        Bones(Capsules(), BoneMotion()).bind(mesh, None)
    with pytest.raises(InputError, match="bind"):
        BoneMotion().regularizer()
    with pytest.raises(InputError, match="dual_quaternion"):
        BoneMotion(skinning="cubic")


def test_any_times_are_followed_a_few_at_a_time():
    mesh, rig = biped()
    motion = stirred(bound((mesh, rig)))
    points, times = near_surface(mesh, 150), torch.rand(150, generator=generator_at(0, 0, "times"))
    one_by_one = torch.cat([motion(p[None], t[None]) for p, t in zip(points, times, strict=True)])
    assert_close(motion(points, times), one_by_one, atol=1e-6, rtol=0)
    near, rest = motion.origins(points, times)
    assert len(near) == len(near.unique())
    assert_close(rest, points[near] + one_by_one[near], atol=1e-6, rtol=0)


@given(st.integers(0, 10_000))
@settings(deadline=None, max_examples=20)
def test_the_nearest_triangle_is_found_in_every_pose(seed):
    generator = torch.Generator().manual_seed(seed)
    mesh = balls((0.0, 0.0, 0.0))
    poses = mesh.vertices * (0.5 + torch.rand(3, 1, 3, generator=generator))
    tree = TriangleTree.of(mesh.vertices.numpy(), mesh.faces.numpy(), 0.03)
    points, which = 0.5 * torch.randn(20, 3, generator=generator), torch.randint(3, (20,), generator=generator)

    def distances(face: Tensor, place: Tensor) -> Tensor:
        return ((poses[which[:, None], mesh.faces[face]] * place[..., None]).sum(1) - points).norm(dim=-1)

    corners = poses[which][:, mesh.faces]
    every = barycentric_of_closest(points[:, None], corners)
    want = ((corners * every[..., None]).sum(-2) - points[:, None]).norm(dim=-1).amin(1)
    for search in (closest_points, closest_points_twin):
        assert_close(distances(*search(tree, poses, points, which)), want, atol=1e-6, rtol=1e-5)
        face, place = search(tree, poses, points, which, torch.full((20,), 0.2))
        assert torch.equal(face < 0, want >= 0.2)
        assert_close(distances(face, place)[face >= 0], want[face >= 0], atol=1e-6, rtol=1e-5)


def test_equations_of_maps_are_solved_and_bounded():
    maps = torch.randn(50, 3, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    maps = 0.1 * maps @ maps.mT + 0.1 * torch.eye(3)
    vectors = torch.randn(50, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    assert_close(solve(0.01 * maps, vectors), torch.linalg.solve(0.01 * maps, vectors))
    assert solve(torch.diag(torch.tensor([1.0, 1.0, 0.0])), torch.ones(3)).abs().max() < 50.0
