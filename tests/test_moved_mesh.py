"""Pictures of the moved mesh itself: equal to the reference's, with the right gradient, in whole runs."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import trimesh
from hydra import compose, initialize_config_dir
from lightning import Callback
from torch import Tensor
from torch.testing import assert_close

from to4d.disk.checkpoint import load_tree
from to4d.errors import InputError
from to4d.geometry import orbit
from to4d.kernels.first_hits import first_hits
from to4d.metrics.renders import render_for_evaluation
from to4d.model.control_nodes import ControlNodes
from to4d.model.deform import Deform
from to4d.model.deformation import DeformationField
from to4d.model.mesh_deform import MeshDeform
from to4d.model.static import StaticField
from to4d.objects.plant import load_plant
from to4d.render.mesh_cpu import MeshRenderer
from to4d.render.moved_mesh import MovedMeshRenderer
from to4d.render.ray_casting import ScanCaster, TreeCaster, ray_bundles
from to4d.runs.run import restore, run
from to4d.types import Cameras, Material, Mesh, Render, generator_at
from to4d.viewpoints import Viewpoints

ROOT = Path(__file__).parents[1]
CHANNELS = ("rgb", "opacity", "depth", "normal")
SHIFT = torch.tensor([0.013, -0.008, 0.011])


def smooth_ball() -> Mesh:
    """A ball whose texture is a few waves: what differences and slopes can be compared on."""
    ball = trimesh.creation.icosphere(4, 0.5)
    v, u = np.mgrid[0:128, 0:128] / 128
    waves = [0.5 + 0.4 * np.sin(2 * np.pi * (k * u + m * v)) for k, m in ((1, 0), (0, 1), (1, 1))]
    texture = torch.from_numpy((255 * np.stack([*waves, np.ones_like(u)], -1)).round().astype(np.uint8))
    vertices, faces = torch.from_numpy(ball.vertices.copy()).float(), torch.from_numpy(ball.faces.copy()).long()
    count = len(faces)
    uv = 0.5 + 0.7 * vertices[faces][..., :2]
    looks = uv, torch.ones(count, 3, 4), torch.zeros(count, dtype=torch.long)
    return Mesh(vertices, faces, *looks, (Material(texture=texture),), torch.eye(4, dtype=torch.float64))


def panes() -> Mesh:
    """Two panes of coloured glass, one behind the other."""
    corners = torch.tensor([[-0.4, -0.4, 0.0], [0.4, -0.4, 0.0], [0.4, 0.4, 0.0], [-0.4, 0.4, 0.0]])
    vertices = torch.cat([corners, corners - torch.tensor([0.1, 0.1, 0.3])])
    faces = torch.tensor([[0, 1, 2], [0, 2, 3], [4, 5, 6], [4, 6, 7]])
    glass = Material(color=(1.0, 0.2, 0.1, 0.4), alpha="blend")
    looks = torch.zeros(4, 3, 2), torch.ones(4, 3, 4), torch.zeros(4, dtype=torch.long)
    return Mesh(vertices, faces, *looks, (glass,), torch.eye(4, dtype=torch.float64))


def field_on(mesh: Mesh, amount: float = 0.0) -> MeshDeform:
    field = MeshDeform(StaticField(levels=2, log2_rows=8), ControlNodes(nodes=(4, 12), frames=6, cells=16))
    field.bind(mesh, None)
    for knots in field.motion.knots:
        knots.data.normal_(0, amount, generator=torch.Generator().manual_seed(3))
    return field


def renderer_of(mesh: Mesh, amount: float = 0.0, antialias: int = 2) -> MovedMeshRenderer:
    renderer = MovedMeshRenderer(field_on(mesh, amount))
    renderer.bind(MeshRenderer(mesh, antialias), generator_at(0, 0))
    return renderer


def cameras(size: tuple[int, int] = (48, 40), **more) -> Cameras:
    return orbit(torch.tensor([20.0, 200.0]), 15.0, 2.5, 40.0, size, **more)


def shown(render: Render) -> Tensor:
    return torch.cat([getattr(render, name) for name in CHANNELS], -1)


def test_at_time_zero_every_bit_is_that_of_the_reference():
    renderer = renderer_of(load_plant(), 0.05)
    offset = torch.tensor([[0.2, 0.3], [-0.4, 0.1]])
    for view in (cameras(), cameras((16, 16), offset=offset)):
        still = shown(renderer.reference(view, torch.zeros(1)))
        pictures = shown(renderer(view, torch.tensor([0.0, 0.5])))
        assert torch.equal(pictures[:, 0], still[:, 0])
        assert not torch.equal(pictures[:, 1], still[:, 0])


@pytest.mark.parametrize("make", [load_plant, panes])
def test_a_moved_mesh_looks_as_a_mesh_that_stands_there(make):
    mesh, reference = make(), MeshRenderer(make())
    for view in (cameras(), cameras((24, 24), offset=torch.tensor([[0.2, 0.3], [-0.4, 0.1]]))):
        there = replace(mesh, vertices=mesh.vertices + SHIFT)
        moved = reference.draw(view, there.vertices[None])
        off = (shown(moved) - shown(MeshRenderer(there)(view, torch.zeros(1)))).abs().amax(-1)
        assert (off > 1e-3).float().mean() < 1e-3 and off.median() < 1e-6


def test_vertices_in_two_places_are_two_frames():
    mesh, reference = load_plant(), MeshRenderer(load_plant())
    places = torch.stack([mesh.vertices + SHIFT, mesh.vertices - SHIFT])
    both = shown(reference.draw(cameras(), places))
    for frame in (0, 1):
        assert torch.equal(both[:, frame], shown(reference.draw(cameras(), places[frame : frame + 1]))[:, 0])
    assert reference.draw(cameras(), places, normals=False).normal is None


def test_both_casters_find_the_same_surfaces():
    mesh = load_plant()
    vertices, faces = mesh.vertices.numpy(), mesh.faces.numpy()
    (bundle, _), start = ray_bundles(cameras((64, 64)), 64), np.zeros(64 * 64, np.float32)
    tree, scan = (kind(vertices, faces)(bundle, np.arange(64 * 64), start) for kind in (TreeCaster, ScanCaster))
    assert (tree.triangle == scan.triangle).mean() > 0.995 and (scan.triangle >= 0).sum() > 300
    alike = (tree.triangle == scan.triangle) & (scan.triangle >= 0)
    for name in ("u", "v", "depth"):
        assert np.abs(getattr(tree, name) - getattr(scan, name))[alike].max() < 1e-3


def test_a_triangle_around_the_eye_fills_the_picture_and_one_behind_it_nothing():
    floor = np.array([[-9.0, -1.0, -9.0], [9.0, -1.0, -9.0], [0.0, -1.0, 9.0]])
    start, face = np.zeros((8, 8), np.float32), np.array([[0, 1, 2]])
    triangle, _, _, depth = first_hits(floor, face, (1.0, 0.0, 0.0), start)
    assert (triangle[:4] == -1).all() and (triangle[5:] == 0).all()  # below the horizon
    rows = (np.arange(8) + 0.5) / 8 - 0.5
    assert depth[7, 0] == pytest.approx(np.linalg.norm([rows[0], rows[7], 1.0]) / rows[7], rel=1e-6)
    behind = first_hits(floor * [1.0, 1.0, 0.1] + [0.0, 0.0, 5.0], face, (1.0, 0.0, 0.0), start)[0]
    assert (behind == -1).all()


def test_nothing_is_seen_between_triangles_that_share_an_edge():
    mesh = smooth_ball()
    view = orbit(torch.tensor([33.0]), 0.0, 1.2, 20.0, (96, 96))  # the ball fills the picture
    (bundle,) = ray_bundles(view, 96)
    found = ScanCaster(mesh.vertices.numpy(), mesh.faces.numpy())(bundle, np.arange(96**2), np.zeros(96**2, np.float32))
    assert (found.triangle >= 0).all() and found.depth.max() < 1.0


def inside(reference: MeshRenderer, view: Cameras) -> Tensor:
    """Pixels whose rays all meet the surface, and not nearly edge on."""
    still = reference(view, torch.zeros(1))
    towards = -torch.nn.functional.normalize(view.pose[:, :3, 3], dim=-1)[:, None, None, None]
    return (still.opacity[..., 0] > 0.99) & ((still.normal * towards).sum(-1) < -0.5)


@pytest.mark.parametrize("antialias", [1, 2])
@pytest.mark.parametrize("motion", ["shift", "turn", "grow"])
def test_the_gradient_agrees_with_finite_differences_inside_surfaces(antialias, motion):
    """Of the mean colour over pixels with random weights, in the amount of a motion of all vertices."""
    mesh = smooth_ball()
    reference, view = MeshRenderer(mesh, antialias), orbit(torch.tensor([20.0]), 15.0, 2.5, 40.0, (64, 64))
    way = {
        "shift": torch.tensor([0.6, -0.5, 0.3]).expand_as(mesh.vertices),
        "turn": torch.linalg.cross(torch.tensor([0.3, 1.0, -0.4]).expand_as(mesh.vertices), mesh.vertices),
        "grow": mesh.vertices,
    }[motion]
    weights = torch.randn(8, 8, 3, generator=torch.Generator().manual_seed(1))  # smooth: differences need it
    weights = torch.nn.functional.interpolate(weights.movedim(-1, 0)[None], (64, 64), mode="bicubic")[0].movedim(0, -1)
    weights = weights * inside(reference, view)[0, 0, ..., None]

    def loss(amount: Tensor) -> Tensor:
        return (weights * reference.draw(view, (mesh.vertices + amount * way)[None]).rgb[0, 0]).sum()

    amount = torch.zeros((), requires_grad=True)
    (slope,) = torch.autograd.grad(loss(amount), amount)
    step = 4e-3
    difference = (loss(torch.tensor(step)) - loss(torch.tensor(-step))) / (2 * step)
    assert abs(slope - difference) < 0.05 * abs(difference)


def test_depth_and_normal_have_gradients_and_opacity_has_none():
    mesh = smooth_ball()
    reference, view = MeshRenderer(mesh), orbit(torch.tensor([0.0]), 0.0, 2.5, 40.0, (32, 32))
    vertices = mesh.vertices[None].clone().requires_grad_()
    drawn, here = reference.draw(view, vertices), inside(reference, view)
    (nearer,) = torch.autograd.grad(drawn.depth[here].mean(), vertices, retain_graph=True)
    ahead, behind = (reference.draw(view, vertices + torch.tensor([0.0, 0.0, z])).depth[here] for z in (1e-3, -1e-3))
    assert nearer[..., 2].sum() == pytest.approx((ahead - behind).mean().item() / 2e-3, rel=0.02)
    (turn,) = torch.autograd.grad(drawn.normal[here][:, 0].sum(), vertices, retain_graph=True)
    about_y = torch.linalg.cross(torch.tensor([0.0, 1.0, 0.0]).expand_as(mesh.vertices), mesh.vertices)
    assert (turn[0] * about_y).sum() == pytest.approx(drawn.normal[here][:, 2].sum().item(), rel=0.05)
    (none,) = torch.autograd.grad(drawn.opacity.sum(), vertices)
    assert not none.any()


def test_the_gradient_leaves_every_value_as_it_is():
    renderer = renderer_of(load_plant(), 0.02)
    times = torch.tensor([0.0, 0.3, 0.9])
    with_gradient = renderer(cameras(), times)
    with torch.no_grad():
        without = renderer(cameras(), times)
    assert with_gradient.rgb.requires_grad and torch.equal(shown(with_gradient), shown(without))


def test_the_same_step_gives_the_same_gradient():
    gradients = []
    for _ in range(2):
        renderer = renderer_of(load_plant(), 0.02)
        renderer(cameras(), torch.arange(4) / 4).rgb.square().mean().backward()
        gradients.append([knots.grad for knots in renderer.field.motion.knots])
    assert all(a.any() and torch.equal(a, b) for a, b in zip(*gradients, strict=True))


def test_points_go_where_the_forward_map_says():
    field, mesh = field_on(load_plant(), 0.05), load_plant()
    times = torch.tensor([0.0, 0.35, 0.9])
    assert torch.equal(field.move(mesh.vertices, times)[0], mesh.vertices)
    assert_close(field.move(mesh.vertices, times), field.forward_map(mesh.vertices, times)[0], atol=2e-6, rtol=0)


def test_a_model_that_moves_no_mesh_is_refused():
    with pytest.raises(InputError, match="Deform.*model=nodes"):
        MovedMeshRenderer(Deform(StaticField(levels=2, log2_rows=8), DeformationField()))


TINY = [
    "prompt=a plant jumping",
    "renderer=mesh",
    "steps={static: 4, dynamic: 3, refine: 2}",
    "distillation.steps=1",
    "metrics.views.size=32",
    "callbacks.multiview.views.size=16",
    "logger=[]",
]
NODES = ["model=nodes", "model.motion={nodes: [4, 12], frames: 6, cells: 16}"]
SHOWN = ["export.video={views: {size: 32}, turntable_frames: 4, turntable_size: 48}", "export.glb.frames=8"]
BARE = [*NODES, "export=[]", "metrics.views.azimuths_deg=[0]", "metrics.frames=2"]  # where weights alone matter


class StopAt(Callback):
    """Ends the process' work at a step, as a crash would."""

    def __init__(self, phase: str, step: int) -> None:
        self.phase, self.step = phase, step

    def on_train_batch_start(self, trainer, pl_module, *args):
        if (pl_module.name, trainer.global_step) == (self.phase, self.step):
            raise RuntimeError("crash")


def config(out: Path, *overrides: str):
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        return compose("train", [f"out={out}", *TINY, *overrides])


def weights_of(out: Path) -> dict[str, Tensor]:
    return load_tree(out / "model.safetensors")


@pytest.fixture(scope="module")
def finished(tmp_path_factory, module_cache) -> Path:
    out = tmp_path_factory.mktemp("run") / "run"
    run(config(out, *NODES, *SHOWN))
    return out


def test_a_run_has_no_static_fit_and_all_its_files(finished):
    assert not (finished / "checkpoints" / "static.safetensors").exists()
    for name in (
        "contact.png",
        "turntable.mp4",
        "asset.glb",
        "report.html",
        "views/000.mp4",
        "progress/refine-00002.png",
    ):
        assert (finished / name).stat().st_size > 0
    metrics = json.loads((finished / "metrics.json").read_text())
    assert metrics["eval/ssim_t0"] == 1.0 and metrics["eval/psnr_t0_min"] == 100.0


def test_an_opened_run_shows_the_moved_mesh_at_any_size(finished):
    scene = restore(finished)
    seen = render_for_evaluation(scene, Viewpoints(azimuths_deg=(0.0,), size=200), 4)
    assert torch.equal(seen.clips.rgb[:, :1], seen.mesh.rgb)
    assert seen.clips.rgb.shape[-3:-1] == (200, 200) and not torch.equal(seen.clips.rgb[:, 2], seen.mesh.rgb[:, 0])


@pytest.mark.parametrize("sds_weight", [0, 1])
def test_a_killed_run_resumes_to_the_same_bits(tmp_path, module_cache, sds_weight):
    settings = [*BARE, f"sds_weight={sds_weight}", "autosave_seconds=0"]
    crash = f"+callbacks.crash={{_target_: {__name__}.StopAt, phase: dynamic, step: 2}}"
    run(config(tmp_path / "whole", *settings))
    with pytest.raises(RuntimeError, match="crash"):
        run(config(tmp_path / "run", *settings, crash))
    (tmp_path / "run" / "config.yaml").unlink()  # the crash itself is not part of the configuration to resume
    run(config(tmp_path / "run", *settings))
    whole, resumed = weights_of(tmp_path / "whole"), weights_of(tmp_path / "run")
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)


def test_colours_alone_move_the_mesh(tmp_path, module_cache):
    run(config(tmp_path / "run", *BARE, "sds_weight=1", "flow_weight=0", "regularizer_weight=0"))
    knots = [value for name, value in weights_of(tmp_path / "run").items() if ".motion.knots." in name]
    assert knots and all(torch.isfinite(each).all() for each in knots) and any(each.any() for each in knots)


def test_a_run_of_a_model_that_moves_no_mesh_is_refused_before_any_work(tmp_path):
    with pytest.raises(InputError, match="renderer=mesh"):
        run(config(tmp_path / "run", "model=hash4d"))
    assert not (tmp_path / "run" / "config.yaml").exists()


@pytest.mark.parametrize("preset", ["memory=24g", "memory=40g", "memory=80g", "+tiny='true'"])
def test_presets_set_what_the_volume_renderer_takes_and_leave_the_mesh_renderer_alone(preset):
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        volume, mesh = (compose("train", [f"renderer={name}", preset]) for name in ("volume", "mesh"))
    assert mesh.volume == volume.volume
    assert all(volume.renderer[key] == value for key, value in volume.volume.items())
    assert set(mesh.renderer) == {"_target_", "_partial_"}


def test_nodes_keep_the_weights_of_points_for_as_long_as_points_and_nodes_are_the_same():
    mesh = load_plant()
    nodes = ControlNodes(nodes=[4], time_cells=[2])
    nodes.bind(mesh)
    first = nodes.weights_at(mesh.vertices)
    assert nodes.weights_at(mesh.vertices.clone()) is first
    for points in (mesh.vertices[:9], mesh.vertices[:9].double(), mesh.vertices[:9] + 0.1):
        for kept, computed in zip(nodes.weights_at(points), nodes.weights.at(points), strict=True):
            assert_close(kept, computed, rtol=0, atol=0)
    nodes.rest_positions.add_(0.05)
    for kept, computed in zip(nodes.weights_at(mesh.vertices[:9]), nodes.weights.at(mesh.vertices[:9]), strict=True):
        assert_close(kept, computed, rtol=0, atol=0)
