"""A clip as files a frame, as USD and as a flip-book: the same motion, closed surfaces, colours as they are seen."""

import io
import math
import zipfile
from types import SimpleNamespace

import gltf_check
import khronos
import numpy as np
import pytest
import torch
import trimesh
from mesh_files import four_colors, write_obj
from plain_field import PlainField

from to4d.errors import InputError
from to4d.export.flipbook import Flipbook
from to4d.export.frame_meshes import frame_meshes, vertex_colors
from to4d.export.isosurface import Isosurface, is_watertight, solid
from to4d.export.sequence import MeshSequence
from to4d.export.usd import Usd
from to4d.gltf import animation as gltf_animation
from to4d.mesh import load_mesh
from to4d.objects.plant import load_plant
from to4d.types import Prompt

SMALL = Isosurface(resolution=40, density=35.0, faces=1000)


class Ball(torch.nn.Module):
    """A ball of radius 0.4 + 0.2 t, red above and blue below, green in the haze around it; with a hollow and dust."""

    def density(self, points: torch.Tensor, times: torch.Tensor) -> torch.Tensor:
        far = points.norm(dim=-1)
        shell = torch.sigmoid(300.0 * (0.4 + 0.2 * times - far)) * torch.sigmoid(60.0 * (far - 0.15))
        dust = torch.sigmoid(60.0 * (0.01 - (points - 0.7).norm(dim=-1)))
        return 400.0 * (shell + dust)

    def forward(self, points: torch.Tensor, times: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        density = self.density(points, times)
        up = (points[:, 1] > 0).float()
        inside = torch.stack([up, 0 * up, 1 - up], -1)
        return density, torch.where(density[:, None] > 10.0, inside, inside.new_tensor([0.0, 1.0, 0.0]))


class Turned(PlainField):
    """A field that is turned about the vertical by 90 degrees at t = 1, all grey."""

    def displacement(self, points: torch.Tensor, times: torch.Tensor) -> torch.Tensor:
        cos, sin = (math.pi / 2 * times).cos(), (math.pi / 2 * times).sin()
        x, y, z = points.unbind(-1)
        return torch.stack([cos * x - sin * z, y, sin * x + cos * z], -1) - points

    def forward(self, points: torch.Tensor, times: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return torch.ones(len(points)), torch.full((len(points), 3), 0.2)


class Looking(torch.nn.Module):
    def __init__(self, field: torch.nn.Module, needs_static_fit: bool = True) -> None:
        super().__init__()
        self.field, self.needs_static_fit = field, needs_static_fit


def scene(field: torch.nn.Module, mesh=None, needs_static_fit: bool = True) -> SimpleNamespace:
    reference = SimpleNamespace(mesh=load_plant() if mesh is None else mesh)
    renderer = Looking(field, needs_static_fit)
    return SimpleNamespace(reference=reference, renderer=renderer, prompt=Prompt("a ball growing", "ball"))


@pytest.fixture
def quad(tmp_path):
    four_colors(tmp_path / "four.png")
    return load_mesh(write_obj(tmp_path))


def test_the_surface_of_a_ball_is_a_closed_ball_without_hollow_and_dust():
    points, faces = SMALL(Looking(Ball()), 0.0)
    far = np.linalg.norm(points, axis=1)
    assert len(faces) <= 1000 and is_watertight(faces) and far.min() > 0.37 and far.max() < 0.43
    ball = trimesh.Trimesh(points, faces, process=False)
    assert ball.is_watertight and ball.volume == pytest.approx(4 / 3 * math.pi * far.mean() ** 3, rel=0.03)


def test_the_budget_of_triangles_is_kept():
    (_, many), (_, few) = (Isosurface(28, 35.0, count)(Looking(Ball()), 0.5) for count in (10**6, 500))
    assert len(few) <= 500 < len(many) and is_watertight(few) and is_watertight(many)


def test_hollows_are_filled_and_dust_is_swept():
    grid = np.zeros((9, 9, 9))
    grid[2:7, 2:7, 2:7] = 1.0
    whole = grid.copy()
    grid[4, 4, 4] = 0.0
    grid[8, 8, 8] = 1.0
    assert ((solid(grid, 0.5) > 0.5) == (whole > 0.5)).all()


def test_a_field_of_nothing_is_refused():
    with pytest.raises(InputError, match=r"1000000000\.0.* t = 0\.00"):
        Isosurface(16, 1e9)(Looking(Ball()), 0.0)


def test_a_flipbook_shows_one_closed_coloured_surface_at_a_time(tmp_path):
    figures = Flipbook(frames=4, fps=8.0, surface=SMALL)(scene(Ball()), tmp_path)
    header = gltf_check.check(tmp_path / "flipbook.glb")
    assert figures["export/flipbook_watertight"] == 4 and figures["export/flipbook_faces"] <= 1000
    book = gltf_animation.load_animation(tmp_path / "flipbook.glb")
    starts = np.cumsum([0] + [len(piece.points) for piece in book.primitives])
    assert book.duration("a ball growing") == pytest.approx(0.5)
    transform = load_plant().transform.numpy()
    shown = []
    for pose in book.poses("a ball growing", np.array([0.0, 0.12, 0.13, 0.26, 0.49])):
        sizes = [np.ptp(pose[a:b], axis=0).max() * transform[0, 0] for a, b in zip(starts, starts[1:], strict=False)]
        (page,) = np.flatnonzero(np.array(sizes) > 0)
        shown.append((int(page), sizes[page]))
    assert [page for page, _ in shown] == [0, 0, 1, 2, 3]
    assert shown[4][1] - shown[0][1] == pytest.approx(2 * 0.15, abs=0.04)
    assert np.array_equal(book.vertices()[: starts[1]], book.primitives[0].points)  # at rest the first stands there
    data = gltf_check.read(tmp_path / "flipbook.glb")[1]
    colors = gltf_check.check_accessor(header, data, header["accessors"][1]) / 65535.0
    high = book.primitives[0].points[:, 1] * transform[1, 1] + transform[1, 3] > 0.1
    assert colors[high, 0].min() > 0.5 and colors[:, 1].max() < 0.3  # of the ball itself, not of the haze around it


def unpacked(path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.mark.skipif(not khronos.READY, reason=khronos.MISSING)
def test_the_validator_of_khronos_finds_nothing_in_a_flipbook(tmp_path):
    Flipbook(frames=4, fps=8.0, surface=SMALL)(scene(Ball()), tmp_path)
    issues = khronos.issues(tmp_path / "flipbook.glb")
    assert issues["numErrors"] == 0 and issues["numWarnings"] == 0, issues["messages"]


def test_obj_files_keep_the_materials_and_move_as_the_field_says(tmp_path, quad):
    MeshSequence("obj", frames=3)(scene(Turned(), quad), tmp_path / "out")
    path = tmp_path / "out" / "asset_obj.zip"
    files = unpacked(path)
    assert sorted(files)[:3] == ["asset_obj/0000.obj", "asset_obj/0001.obj", "asset_obj/0002.obj"]
    MeshSequence("obj", frames=3, zipped=False)(scene(Turned(), quad), tmp_path / "out")
    assert {f"asset_obj/{p.name}": p.read_bytes() for p in (tmp_path / "out" / "asset_obj").iterdir()} == files
    first, last = (load_mesh(tmp_path / "out" / "asset_obj" / f"000{i}.obj") for i in (0, 2))
    assert first.uv.numpy() == pytest.approx(quad.uv.numpy(), abs=1e-5)
    assert first.vertices[first.faces].numpy() == pytest.approx(quad.vertices[quad.faces].numpy(), abs=1e-5)
    assert first.materials[0].texture.equal(quad.materials[0].texture)
    rest, moved = (trimesh.load(io.BytesIO(files[f"asset_obj/000{i}.obj"]), "obj", process=False) for i in (0, 2))
    angle = math.pi / 3
    turn = np.array([[math.cos(angle), 0, math.sin(angle)], [0, 1, 0], [-math.sin(angle), 0, math.cos(angle)]])
    assert moved.vertices == pytest.approx(rest.vertices @ turn.T, abs=1e-4) and last is not None


@pytest.mark.parametrize("field", [Turned(), Ball()], ids=["mesh", "field"])
def test_ply_files_have_the_colours_of_the_model(tmp_path, quad, field):
    MeshSequence("ply", frames=2, surface=SMALL)(scene(field, quad), tmp_path)
    path = tmp_path / "asset_ply.zip"
    for data in unpacked(path).values():
        mesh = trimesh.load(io.BytesIO(data), "ply", process=False)
        if isinstance(field, Turned):
            assert len(mesh.faces) == len(quad.faces) and (mesh.visual.vertex_colors[:, :3] == 51).all()
        else:
            assert mesh.is_watertight and np.ptp(mesh.visual.vertex_colors[:, 0]) > 200


def test_usd_has_a_sample_a_frame_and_the_textures_inside(tmp_path, quad):
    pixar = pytest.importorskip("pxr.Usd", reason="needs usd-core: pip install -e '.[usd]'")
    from pxr import UsdGeom, UsdShade, UsdUtils

    Usd(frames=3, fps=12.0)(scene(Turned(), quad), tmp_path / "out")
    path = tmp_path / "out" / "asset.usdz"
    stage = pixar.Stage.Open(str(path))
    assert (stage.GetStartTimeCode(), stage.GetEndTimeCode(), stage.GetTimeCodesPerSecond()) == (0, 2, 12)
    body = UsdGeom.Mesh(stage.GetPrimAtPath("/asset/body"))
    rest, moved = (np.array(body.GetPointsAttr().Get(frame)) for frame in (0, 2))
    assert (
        body.GetPointsAttr().GetTimeSamples() == [0, 1, 2] and np.abs(np.linalg.norm(rest - moved, axis=1)).max() > 0.1
    )
    assert np.linalg.norm(moved, axis=1) == pytest.approx(np.linalg.norm(rest, axis=1), abs=1e-3)
    assert len(np.array(UsdGeom.PrimvarsAPI(body).GetPrimvar("st").Get())) == 3 * len(quad.faces)
    (subset,) = UsdShade.MaterialBindingAPI(body).GetMaterialBindSubsets()
    assert UsdShade.MaterialBindingAPI(subset.GetPrim()).ComputeBoundMaterial()[0]
    assert len(UsdUtils.ComputeAllDependencies(str(path))[1]) == 1 and not UsdUtils.ComputeAllDependencies(str(path))[2]


def test_usd_of_a_field_changes_its_triangles(tmp_path):
    pixar = pytest.importorskip("pxr.Usd", reason="needs usd-core: pip install -e '.[usd]'")
    Usd(frames=2, surface=Isosurface(16, 35.0))(scene(Ball()), tmp_path)
    path = tmp_path / "asset.usdz"
    stage = pixar.Stage.Open(str(path))
    body = stage.GetPrimAtPath("/asset/body")
    counts = [len(body.GetAttribute("faceVertexCounts").Get(frame)) for frame in (0, 1)]
    colors = [len(body.GetAttribute("primvars:displayColor").Get(frame)) for frame in (0, 1)]
    assert counts[0] != counts[1] and colors == [len(body.GetAttribute("points").Get(frame)) for frame in (0, 1)]


def test_a_field_that_was_never_fitted_lends_the_moved_mesh_no_colours(quad, tmp_path):
    """With renderer=mesh the colours are the mesh's own, in the flip-book too."""
    shapes = list(frame_meshes(scene(Turned(), quad, needs_static_fit=False), torch.tensor([0.0, 0.5]), SMALL))
    own = vertex_colors(quad)
    assert all(np.array_equal(shape.colors, own) for shape in shapes) and len(np.unique(own, axis=0)) > 1
    assert not np.allclose(shapes[0].points, shapes[1].points)
    figures = Flipbook(frames=2, surface=SMALL)(scene(Turned(), quad, needs_static_fit=False), tmp_path)
    assert figures["export/flipbook_faces"] == len(quad.faces)
