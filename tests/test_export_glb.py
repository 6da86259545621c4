"""The exported asset is the input itself at rest, moves as the field says, and is a file that others can read."""

import json
from pathlib import Path
from types import SimpleNamespace

import blender
import gltf_check
import khronos
import numpy as np
import pytest
import torch
import trimesh
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from mesh_files import QUAD, QUAD_FACES, four_colors, gltf, textured_quad, write_glb, write_gltf, write_obj
from omegaconf import OmegaConf
from plain_field import PlainField

from to4d.errors import InputError
from to4d.export.gltf.distortion import edge_change, flipped_triangles
from to4d.export.gltf.exporter import Glb
from to4d.export.gltf.morph_targets import WeldedSurface, fill_missing, keyframes
from to4d.gltf import animation as gltf_animation
from to4d.mesh import load_mesh
from to4d.model.deformation import DeformationField
from to4d.objects.plant import load_plant
from to4d.rig.orientation.axes import UPRIGHT
from to4d.runs.run import build_scene, export_all, restore, save_model
from to4d.types import Mesh, Prompt

BEND = np.array([[0.1, 0.5, 0.0], [-0.4, 0.0, 0.2], [0.0, 0.0, -0.2]])  # what shows at x at t was at x + t BEND x
NORMAL = np.tile(np.array([0, 0, 1], np.float32), (4, 1))


class Moved(PlainField):
    """A field of which only the motion is asked: a linear map that grows in time."""

    def __init__(self, bend: np.ndarray = BEND) -> None:
        super().__init__()
        self.motion = DeformationField(space_cells=(1,), time_cells=(1,))
        corners = torch.stack(torch.meshgrid(*[torch.tensor([-1.0, 1.0])] * 3, indexing="ij"))
        with torch.no_grad():
            self.motion.knots[0][0] = torch.einsum("ij,jxyz->ixyz", torch.tensor(bend).float(), corners)

    def displacement(self, points: torch.Tensor, times: torch.Tensor) -> torch.Tensor:
        return self.motion(points, times)


def scene(mesh: Mesh, field: torch.nn.Module) -> SimpleNamespace:
    parts = {"reference": SimpleNamespace(mesh=mesh), "renderer": SimpleNamespace(field=field)}
    return SimpleNamespace(prompt=Prompt("a thing bending", "thing"), **parts)


def export(mesh: Mesh, out: Path, field: torch.nn.Module | None = None, **options) -> tuple[Path, dict]:
    """The asset and its figures."""
    figures = Glb(**({"frames": 6, "fps": 12.0, "tolerance": 0.0} | options))(scene(mesh, field or Moved()), out)
    return out / "asset.glb", figures


def moved(mesh: Mesh, places: np.ndarray, time: float) -> np.ndarray:
    """Where BEND takes places (N, 3) of the file."""
    transform = mesh.transform.numpy()
    world = places @ transform[:3, :3].T + transform[:3, 3]
    world = world @ np.linalg.inv(np.eye(3) + time * BEND).T
    return (world - transform[:3, 3]) @ np.linalg.inv(transform[:3, :3]).T


def two_quads(path: Path) -> Path:
    """One mesh at two nodes, one of them below a parent that turns and scales, far from the origin."""
    header, blob = textured_quad(name="paint", emissiveFactor=[0.5, 0, 0])
    header["meshes"][0]["name"] = "board"
    header["nodes"] = [
        {"name": "left", "mesh": 0, "translation": [100, 3, 0], "extras": {"note": 7}},
        {"name": "stand", "children": [2], "rotation": [0, 0.6, 0, 0.8], "scale": [2, 3, 2]},
        {"name": "right", "mesh": 0, "translation": [50, 0, 1]},
    ]
    header["scenes"] = [{"nodes": [0, 1]}]
    four_colors(path.parent / "four.png")
    return write_gltf(path, header, blob)


def skinned(path: Path) -> Path:
    """A quad with a skin, a clip, a morph target and normals."""
    joints, share = np.zeros((4, 4), np.uint8), np.tile(np.array([1, 0, 0, 0], np.float32), (4, 1))
    attributes = {"POSITION": QUAD, "NORMAL": NORMAL, "JOINTS_0": joints, "WEIGHTS_0": share, "COLOR_0": QUAD / 4 + 0.5}
    header, blob = gltf(attributes, QUAD_FACES, {})
    header["nodes"] = [{"mesh": 0, "skin": 0, "weights": [1.0], "translation": [1, 2, 3]}, {"name": "bone"}]
    header["scenes"] = [{"nodes": [0, 1]}]
    header["skins"] = [{"joints": [1]}]
    header["meshes"][0]["primitives"][0]["targets"] = [{"POSITION": 4}]
    sampler, target = {"input": 5, "output": 4}, {"node": 1, "path": "translation"}
    header["animations"] = [{"samplers": [sampler], "channels": [{"sampler": 0, "target": target}]}]
    header["bufferViews"].append({"buffer": 0, "byteOffset": 0, "byteLength": 16})
    header["accessors"].append({"bufferView": 6, "componentType": 5126, "count": 4, "type": "SCALAR"})
    return write_glb(path, header, blob)


def test_at_rest_the_asset_is_the_input_and_later_it_is_where_the_motion_says(tmp_path):
    source = two_quads(tmp_path / "two.gltf")
    mesh, before = load_mesh(source), gltf_animation.load_animation(source)
    path, figures = export(mesh, tmp_path / "out")
    after = gltf_animation.load_animation(path)
    assert np.array_equal(after.vertices(), before.vertices())
    assert list(after.clips) == ["a thing bending"] and after.duration("a thing bending") == pytest.approx(5 / 12)
    poses = after.poses("a thing bending", np.arange(6) / 12)
    assert np.array_equal(poses[0], before.vertices())
    for frame, pose in enumerate(poses):
        assert np.abs(pose - moved(mesh, before.vertices(), frame / 6)).max() < 1e-5 * np.ptp(pose)
    assert figures["export/points_not_followed"] == 0 and figures["export/flipped_triangles"] == 0


def test_materials_names_nodes_and_bytes_of_textures_stay(tmp_path):
    source = two_quads(tmp_path / "two.gltf")
    old = json.loads(source.read_text())
    header, data = gltf_check.read(export(load_mesh(source), tmp_path / "out")[0])
    assert header["materials"] == old["materials"] and header["textures"] == old["textures"]
    for new, node in zip(header["nodes"], old["nodes"], strict=True):
        assert {key: new[key] for key in node if key != "mesh"} == {key: node[key] for key in node if key != "mesh"}
    assert [mesh["name"] for mesh in header["meshes"]] == ["board", "board"]
    assert {node.get("mesh") for node in header["nodes"]} == {0, None, 1}
    assert header["accessors"][: len(old["accessors"])] == old["accessors"]
    (image,) = header["images"]
    assert image["name"] == "four"
    assert gltf_check.view_bytes(header, data, image["bufferView"]) == (tmp_path / "four.png").read_bytes()


def test_normals_turn_with_the_surface(tmp_path):
    source = write_glb(tmp_path / "q.glb", *gltf({"POSITION": QUAD, "NORMAL": NORMAL}, QUAD_FACES, {}))
    header, data = gltf_check.read(export(load_mesh(source), tmp_path)[0])
    part = header["meshes"][0]["primitives"][0]

    def array(number):
        return gltf_check.check_accessor(header, data, header["accessors"][number])

    for target in part["targets"]:
        points = QUAD + array(target["POSITION"])
        edges = points[QUAD_FACES[:, 1]] - points[QUAD_FACES[:, 0]], points[QUAD_FACES[:, 2]] - points[QUAD_FACES[:, 0]]
        normal = np.cross(*edges)[0] / np.linalg.norm(np.cross(*edges)[0])
        assert np.abs(NORMAL + array(target["NORMAL"]) - normal).max() < 1e-3
    plain, _ = export(load_mesh(source), tmp_path / "plain", normals=False)
    assert all(set(t) == {"POSITION"} for t in gltf_check.check(plain)["meshes"][0]["primitives"][0]["targets"])


def test_a_skinned_and_animated_file_stands_as_the_run_saw_it(tmp_path, caplog):
    mesh = load_mesh(skinned(tmp_path / "s.glb"))
    with caplog.at_level("INFO"):
        path, _ = export(mesh, tmp_path / "out")
    assert all(part in caplog.text for part in ("1 skins", "1 clips", "1 morph targets"))
    header = gltf_check.check(path)
    assert "skins" not in header and len(header["animations"]) == 1
    assert set(header["meshes"][0]["primitives"][0]["attributes"]) == {"POSITION", "NORMAL", "COLOR_0"}
    assert np.array_equal(
        gltf_animation.load_animation(path).vertices(), QUAD * 1.25 + 0.5
    )  # bones and shapes, not the node
    kept = 4  # positions, normals, colours, indices
    assert len(header["accessors"]) == kept + 2 * 5 + 2


@pytest.mark.parametrize("up", ["y", "z", "x", "-x", "-y", "-z"])
def test_an_obj_file_becomes_an_upright_glb_in_its_own_coordinates(tmp_path, up):
    four_colors(tmp_path / "four.png")
    obj = write_obj(tmp_path)
    obj.write_text(obj.read_text().replace("v -1.0 -1.0 0.0", "v -1.0 -1.0 0.5"))
    mesh = load_mesh(obj, up=up, front_deg=-20)
    path, _ = export(mesh, tmp_path / "out")
    header, data = gltf_check.read(path)
    gltf_check.check(path)
    (image,) = header["images"]
    assert gltf_check.view_bytes(header, data, image["bufferView"]) == (tmp_path / "four.png").read_bytes()
    assert ("rotation" in header["nodes"][0]) == (up != "y") and header["materials"][0]["name"] == "m"
    corners = load_mesh(path, up="y", front_deg=-20)
    assert corners.vertices[corners.faces].numpy() == pytest.approx(mesh.vertices[mesh.faces].numpy(), abs=1e-6)
    assert corners.uv.numpy() == pytest.approx(mesh.uv.numpy(), abs=1e-6)
    assert corners.materials[0].texture.equal(mesh.materials[0].texture)
    raw = gltf_check.check_accessor(header, data, header["accessors"][0])
    assert {tuple(p) for p in raw.tolist()} == {(-1, -1, 0.5), (1, -1, 0), (1, 1, 0), (-1, 1, 0)}
    animation = gltf_animation.load_animation(path)
    turn = UPRIGHT[up]
    wanted = moved(mesh, animation.vertices() @ turn, 5 / 6) @ turn.T
    assert animation.vertices("a thing bending", 5 / 12) == pytest.approx(wanted, abs=2e-5)


def test_smooth_normals_and_vertex_colours_of_other_formats_are_kept(tmp_path):
    obj = tmp_path / "n.obj"
    obj.write_text("v 0 0 0\nv 1 0 0\nv 0 1 0\nvn 0 0 2\nvn 1 0 1\nvn 0 1 1\nf 1//1 2//2 3//3\n")
    header = gltf_check.check(export(load_mesh(obj), tmp_path / "obj")[0])
    assert "NORMAL" in header["meshes"][0]["primitives"][0]["attributes"]
    ply = tmp_path / "c.ply"
    trimesh.Trimesh(QUAD, QUAD_FACES, vertex_colors=[[255, 0, 0, 255], [0, 128, 0, 255]] * 2).export(ply)
    colours = load_mesh(export(load_mesh(ply), tmp_path / "ply")[0]).color
    assert colours.numpy() == pytest.approx(load_mesh(ply).color.numpy(), abs=1 / 255)


def test_the_bundled_plant_needs_no_file(tmp_path):
    mesh = load_plant()
    path, figures = export(mesh, tmp_path, frames=3)
    header = gltf_check.check(path)
    assert [material["name"] for material in header["materials"]] == [m.name for m in mesh.materials]
    again = load_mesh(path)
    assert again.vertices.amax(0).numpy() == pytest.approx(mesh.vertices.amax(0).numpy(), abs=1e-5)
    for old, new in zip(mesh.materials, again.materials, strict=True):
        assert new.texture.equal(old.texture)
    assert 0.5 < figures["export/shortest_edge"] < 1 < figures["export/longest_edge"] < 2


def test_trimesh_reads_the_input_back(tmp_path):
    path, _ = export(load_mesh(two_quads(tmp_path / "two.gltf")), tmp_path / "out")
    there, here = trimesh.load_scene(path), trimesh.load_scene(tmp_path / "two.gltf")
    assert there.bounds == pytest.approx(here.bounds) and len(there.geometry) == 2


def test_any_number_of_frames_shows_the_same_motion(tmp_path):
    mesh = load_mesh(two_quads(tmp_path / "two.gltf"))
    clips = []
    for frames in (8, 40):
        path, _ = export(mesh, tmp_path / str(frames), frames=frames, fps=frames / 2)
        clips.append(gltf_animation.load_animation(path).poses("a thing bending", np.arange(4) / 2))
    assert np.abs(clips[0] - clips[1]).max() < 1e-5 * np.ptp(clips[0])


def test_frames_on_a_line_cost_nothing_within_the_tolerance(tmp_path):
    mesh = load_mesh(two_quads(tmp_path / "two.gltf"))
    figures = [export(mesh, tmp_path, frames=40, tolerance=t)[1] for t in (0.0, 1e-3, 1.0)]
    assert [f["export/morph_targets"] for f in figures] == sorted(f["export/morph_targets"] for f in figures)[::-1]
    assert figures[0]["export/morph_targets"] == 39 and figures[2]["export/morph_targets"] == 1


@settings(max_examples=30, deadline=None)
@given(paths=arrays(np.float64, (9, 2, 3), elements=st.floats(-1, 1)), tolerance=st.floats(0.0, 2.0))
def test_no_frame_is_farther_from_the_lines_between_keys_than_the_tolerance(paths, tolerance):
    keys = keyframes(paths, tolerance)
    assert keys[0] == 0 and keys[-1] == 8
    drawn = np.stack([np.interp(np.arange(9), keys, paths[keys].reshape(len(keys), 6)[:, i]) for i in range(6)], -1)
    assert np.linalg.norm(drawn.reshape(9, 2, 3) - paths, axis=-1).max() <= tolerance + 1e-9


class Cut(PlainField):
    """Shows only what was at x <= 0.2, all of it moved up."""

    def displacement(self, points: torch.Tensor, times: torch.Tensor) -> torch.Tensor:
        source = points - 0.3 * times[:, None] * torch.tensor([0.0, 1.0, 0.0])
        return torch.where(times[:, None] > 0, torch.minimum(source, torch.tensor([0.2, 9.0, 9.0])), points) - points


def test_points_that_vanish_move_like_their_neighbours_and_are_counted(tmp_path):
    mesh = load_mesh(two_quads(tmp_path / "two.gltf"))
    path, figures = export(mesh, tmp_path, Cut())
    lost = int((np.unique(mesh.vertices.numpy(), axis=0)[:, 0] > 0.2).sum())
    assert figures["export/points_not_followed"] == lost > 0
    animation = gltf_animation.load_animation(path)
    rise = (animation.vertices("a thing bending", 5 / 12) - animation.vertices()) * float(mesh.transform[1, 1])
    assert rise == pytest.approx(np.tile([0, 0.25, 0], (len(rise), 1)), abs=1e-4)
    assert figures["export/longest_edge"] == pytest.approx(1.0, abs=1e-3)


def test_a_frame_without_any_found_point_repeats_the_last():
    moves = np.arange(3.0)[:, None, None].repeat(2, 1).repeat(3, 2)
    found = np.array([[True, True], [True, False], [False, False]])
    frames = [np.zeros((2, 3))]
    for move, there in zip(moves, found, strict=True):
        frames.append(fill_missing(np.eye(3)[:2], move, there, frames[-1]))
    assert np.stack(frames)[1:, :, 0].tolist() == [[0, 0], [1, 1], [1, 1]]


def test_folds_and_stretches_are_counted():
    square = WeldedSurface(QUAD.astype(float), QUAD_FACES.astype(np.int64))
    grown, still = QUAD[None] * 0.5, np.eye(3)[None].repeat(4, 0)
    assert edge_change(square, np.concatenate([0 * grown, grown])) == (1.0, pytest.approx(1.5))
    assert not flipped_triangles(square, 0 * QUAD, still).any()
    folded = np.where(QUAD[:, :1] * QUAD[:, 1:2] > 0, 0.0, -2.0 * QUAD)  # two corners change places
    assert flipped_triangles(square, folded, still).all()
    half_turn = np.diag([-1.0, 1.0, -1.0])  # to the back of the square, and not folded
    assert not flipped_triangles(square, QUAD @ half_turn - QUAD, half_turn.T[None].repeat(4, 0)).any()


def test_a_field_that_moves_no_mesh_leaves_the_asset_to_others(tmp_path):
    assert Glb()(scene(load_plant(), torch.nn.Module()), tmp_path) == {} and not list(tmp_path.iterdir())


def test_a_finished_run_can_be_restored_and_a_folder_without_one_is_refused(tmp_path):
    conf = Path(__file__).parents[1] / "conf"
    small = ["renderer.resolution=8", "model.static.levels=2", "model.static.log2_rows=8"]
    shown = f"object.path={two_quads(tmp_path / 'two.gltf')}"
    with initialize_config_dir(str(conf), version_base="1.3"):
        cfg = compose("train", ["object=file", shown, "object.noun=quad", "prompt=a quad bending", "out=x", *small])
    OmegaConf.save(cfg, tmp_path / "config.yaml", resolve=True)
    with pytest.raises(InputError, match=r"model\.safetensors"):
        restore(tmp_path)
    cfg.phase = {}
    built = build_scene(cfg, instantiate(cfg.object))
    torch.nn.init.constant_(built.renderer.field.motion.knots[0], 0.1)
    save_model(tmp_path / "model.safetensors", built)
    again = restore(tmp_path)
    saved = OmegaConf.load(tmp_path / "config.yaml")
    saved.model.motion = {"_target_": "os.system", "command": f"touch {tmp_path}/called"}
    OmegaConf.save(saved, tmp_path / "config.yaml")
    with pytest.raises(InputError, match=r"(?s)model.*'os\.system'.*trust=true"):
        restore(tmp_path)
    assert not (tmp_path / "called").exists()
    figures = export_all([Glb(frames=2), lambda scene, out: None], again, tmp_path / "out")
    assert figures["export/frames"] == 2
    moves = gltf_animation.load_animation(tmp_path / "out" / "asset.glb").poses(
        "a quad bending", np.array([0.0, 1 / 24])
    )
    scale = float(again.reference.mesh.transform[1, 1])
    assert np.diff(moves, axis=0) * scale == pytest.approx(-0.05 * np.ones((1, *moves.shape[1:])), abs=1e-5)


def test_a_file_that_has_changed_since_is_noticed(tmp_path, caplog):
    source = two_quads(tmp_path / "two.gltf")
    mesh = load_mesh(source)
    source.write_text(source.read_text().replace("[100, 3, 0]", "[90, 3, 0]"))
    export(mesh, tmp_path / "out")
    assert str(source) in caplog.text


KINDS = ["gltf", "skinned", "obj", "plant"]


def make(kind: str, folder: Path) -> Mesh:
    """An input of a kind."""
    four_colors(folder / "four.png")
    makers = {
        "gltf": lambda: load_mesh(two_quads(folder / "two.gltf")),
        "skinned": lambda: load_mesh(skinned(folder / "s.glb")),
        "obj": lambda: load_mesh(write_obj(folder), up="z"),
        "plant": load_plant,
    }
    return makers[kind]()


@pytest.mark.skipif(not khronos.READY, reason=khronos.MISSING)
@pytest.mark.parametrize("skin", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_the_validator_of_khronos_finds_nothing_in_several_clips(tmp_path, kind, skin):
    mesh = make(kind, tmp_path)
    scenes = [scene(mesh, Moved(sign * BEND)) for sign in (1.0, -1.0)]
    scenes[1].prompt = Prompt("a thing bending back", "thing")
    Glb(frames=3, fps=12.0, tolerance=0.0, skin=skin, bones=2).combine(scenes, tmp_path)
    issues = khronos.issues(tmp_path / "asset.glb")
    assert issues["numErrors"] == 0 and issues["numWarnings"] == 0, issues["messages"]


@pytest.mark.skipif(not blender.READY, reason=blender.MISSING)
@pytest.mark.parametrize("skin", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_blender_plays_what_we_play(tmp_path, kind, skin):
    path, _ = export(make(kind, tmp_path), tmp_path, fps=24.0, skin=skin, bones=2)
    gap, moved, clips = blender.miss(path)
    assert clips == ["a thing bending"] and moved > 0.05 and gap < 1e-5
