"""A model that moves by joints is written as a skeleton: the file's own, untouched, or that of the found rig."""

from pathlib import Path
from types import SimpleNamespace

import blender
import gltf_check
import khronos
import numpy as np
import pytest
import threejs
import torch
from browser import CHROMIUM, Browser
from gltf_files import HALF, Glb, arm
from mesh_files import QUAD, QUAD_FACES, gltf, write_glb
from plain_field import PlainField
from rigged_field import Rigged, found_rig, own_rig, posed_input
from scipy.spatial.transform import Rotation
from test_rig_own import Ladder

from to4d.export.gltf import exporter
from to4d.export.gltf.build_document import world_from_asset
from to4d.export.gltf.joint_tracks import key_frames
from to4d.export.usd import Usd
from to4d.gltf.animation import load_animation
from to4d.gltf.channels import slerp
from to4d.gltf.node_tree import compose_transforms, decompose_transforms
from to4d.gltf.vertex_order import vertex_order
from to4d.mesh import load_mesh
from to4d.model.bone_motion import BoneMotion
from to4d.model.bones import Bones
from to4d.objects.plant import load_plant
from to4d.rig.own.read import read_own_rig
from to4d.types import Mesh, Prompt, Rig

CLIP = "a thing swinging"
FRAMES, FPS = 12, 24.0


def scene(mesh: Mesh, field: torch.nn.Module, prompt: str = CLIP) -> SimpleNamespace:
    renderer = SimpleNamespace(field=field, needs_static_fit=True)
    return SimpleNamespace(prompt=Prompt(prompt, "thing"), reference=SimpleNamespace(mesh=mesh), renderer=renderer)


def export(mesh: Mesh, field: torch.nn.Module, out: Path, **options) -> tuple[Path, dict]:
    """The asset and its figures."""
    options = {"frames": FRAMES, "fps": FPS, "tolerance": 0.0, "key_tolerance": 0.0} | options
    return out / "asset.glb", exporter.Glb(**options)(scene(mesh, field), out)


def blender_arm(path: Path, scale: float = 0.01, matrix: bool = False) -> Path:
    """The arm below an armature that turns z up to y up and scales, as Blender and FBX files have it, with a clip."""
    glb = Glb()
    attributes = {
        "POSITION": glb.array([[0, 0, 0], [1, 0, 0], [0, 0, 1], [0, 0, 2]], width=3, min=[0, 0, 0], max=[1, 0, 2]),
        "JOINTS_0": glb.array(np.tile([0, 1, 0, 0], (4, 1)), "B", 4),
        "WEIGHTS_0": glb.array([[1, 0, 0, 0], [1, 0, 0, 0], [0.5, 0.5, 0, 0], [0, 1, 0, 0]], width=4),
    }
    part = {"attributes": attributes, "indices": glb.array([0, 1, 2, 1, 3, 2], "H")}
    bones = np.tile(np.eye(4), (2, 1, 1))
    bones[1, 2, 3] = -scale  # in the armature's units, of which `scale` make one of the file
    bones[:, :3, :3] *= scale
    inverse = glb.array(bones.transpose(0, 2, 1), width=16)
    turning = {
        "input": glb.array([0, 1], min=[0], max=[1]),
        "output": glb.array([[0, 0, 0, 1], [0, 0, HALF, HALF]], width=4),
    }
    channel = {"sampler": 0, "target": {"node": 3, "path": "rotation"}}
    tip, place = {"name": "lower|tip", "children": [4]}, np.eye(4)
    place[:3, :3], place[2, 3] = Rotation.from_euler("x", 90, degrees=True).as_matrix(), 0.7 * scale
    apart = {"rotation": [HALF, 0, 0, HALF], "translation": place[:3, 3].tolist()}
    tip |= {"matrix": place.T.reshape(-1).tolist()} if matrix else apart
    up = Rotation.from_euler("x", -90, degrees=True).as_quat().tolist()
    return glb.write(
        path,
        scenes=[{"nodes": [0, 1]}],
        nodes=[
            {"name": "mesh", "mesh": 0, "skin": 0},
            {"name": "Armature", "children": [2], "rotation": up, "scale": [1 / scale] * 3, "translation": [3, 0, 0]},
            {"name": "upper", "children": [3], "translation": [0, 0, 0]},
            {"name": "between", "children": [5], "translation": [0, 0, 0.3 * scale]},  # no joint
            {"name": "hat", "translation": [0, 0, 0.1 * scale]},
            tip,
        ],
        meshes=[{"primitives": [part]}],
        skins=[{"joints": [2, 5], "inverseBindMatrices": inverse}],
        animations=[{"name": "old", "samplers": [turning], "channels": [channel]}],
    )


SOURCES = {
    "arm": arm,
    "placed arm": lambda path: arm(path, {"translation": [5, 0, 0], "scale": [2, 2, 2]}, rotation=[0, HALF, 0, HALF]),
    "mirrored": lambda path: arm(path, {"scale": [-1, 1, 1]}),
    "centimetres": blender_arm,
    "hundreds": lambda path: blender_arm(path, 100.0),
    "matrix": lambda path: blender_arm(path, matrix=True),
}


@pytest.mark.parametrize("kind", SOURCES)
@pytest.mark.parametrize("growth", [0.0, 0.5])
def test_the_user_s_skeleton_goes_where_the_joints_say(tmp_path, kind, growth):
    source = SOURCES[kind](tmp_path / "input.glb")
    mesh = load_mesh(source, front_deg=50)
    field = Rigged(mesh, own_rig(mesh), growth=growth)
    path, figures = export(mesh, field, tmp_path / "out")
    animation = load_animation(path)
    size = np.linalg.norm(np.ptp(animation.vertices(), axis=0))
    assert np.array_equal(animation.vertices(), load_animation(source).vertices()) or kind == "matrix"
    for frame in range(FRAMES):
        wanted = posed_input(source, field, frame / FRAMES)
        assert np.abs(animation.vertices(CLIP, frame / FPS) - wanted).max() < 1e-6 * size
    assert figures["export/joints"] == 2 and figures["export/morph_targets"] == 0 and figures["export/clips"] == 1


def bones_of_a_posed_file(path: Path) -> tuple[Mesh, Bones]:
    """A model of bones with a motion, of a file whose rest pose is not its bind pose."""
    file = Ladder()
    file.nodes[2]["rotation"] = Rotation.from_euler("xyz", [20, 50, 70], degrees=True).as_quat().tolist()
    file.nodes[3]["rotation"] = Rotation.from_euler("xyz", [-40, 0, 30], degrees=True).as_quat().tolist()
    mesh = load_mesh(file.write(path), front_deg=50)
    field = Bones(PlainField(), BoneMotion())
    field.bind(mesh, read_own_rig(mesh))
    for number, knots in enumerate(field.motion.knots):
        knots.data.normal_(0, 0.1, generator=torch.Generator().manual_seed(number))
    return mesh, field


def test_an_asset_in_a_rest_pose_that_is_not_its_bind_pose_plays_as_the_model_moves(tmp_path):
    mesh, field = bones_of_a_posed_file(tmp_path / "input.glb")
    path, figures = export(mesh, field, tmp_path / "out")
    animation, transform = load_animation(path), world_from_asset(mesh)
    order = vertex_order(mesh, load_animation(mesh.source))
    size = float(np.linalg.norm(np.ptp(mesh.vertices.numpy(), axis=0)))
    for frame in range(FRAMES):
        played = animation.vertices(CLIP, frame / FPS)[order] @ transform[:3, :3].T + transform[:3, 3]
        moved = field.move(mesh.vertices, torch.tensor([frame / FRAMES]))[0].detach().numpy()
        assert np.abs(played - moved).max() < 1e-5 * size
    assert np.abs(moved - mesh.vertices.numpy()).max() > 0.05
    assert figures["export/skin_error_max"] < 1e-5


def test_usd_has_samples_of_a_skin_in_a_rest_pose_that_is_not_its_bind_pose(tmp_path):
    pixar = pytest.importorskip("pxr.Usd", reason="needs usd-core: pip install -e '.[usd]'")
    mesh, field = bones_of_a_posed_file(tmp_path / "input.glb")
    Usd(frames=3)(scene(mesh, field), tmp_path)
    stage = pixar.Stage.Open(str(tmp_path / "asset.usdz"))
    points = stage.GetPrimAtPath("/asset/body").GetAttribute("points")
    transform = world_from_asset(mesh)
    for frame in range(3):
        posed = np.array(points.Get(frame)) @ transform[:3, :3].T + transform[:3, 3]
        moved = field.move(mesh.vertices, torch.tensor([frame / 3]))[0].detach().numpy()
        np.testing.assert_allclose(posed, moved, atol=1e-5)


@pytest.mark.parametrize("kind", SOURCES)
def test_all_that_the_file_had_stays_and_a_clip_comes_to_it(tmp_path, kind):
    source = SOURCES[kind](tmp_path / "input.glb")
    mesh = load_mesh(source)
    path, _ = export(mesh, Rigged(mesh, own_rig(mesh)), tmp_path / "out")
    (before, old), (after, new) = gltf_check.read(source), gltf_check.read(path)
    for key in ("skins", "meshes", "scenes") + (() if kind == "matrix" else ("nodes",)):
        assert before[key] == after[key]
    assert [clip["name"] for clip in after["animations"]] == [before["animations"][0]["name"], CLIP]
    assert after["animations"][0] == before["animations"][0]
    assert after["accessors"][: len(before["accessors"])] == before["accessors"]
    for number, view in enumerate(before["bufferViews"]):
        whole = old[view["byteOffset"] : view["byteOffset"] + view["byteLength"]]
        assert gltf_check.view_bytes(after, new, number) == whole
    clip = before["animations"][0]["name"]
    seconds = np.linspace(0, 1, 5)
    played = [load_animation(p).poses(clip, seconds) for p in (source, path)]
    assert np.abs(np.subtract(*played)).max() < 1e-6 * np.ptp(played[0])


def test_only_joints_that_move_have_channels_and_only_the_root_travels(tmp_path):
    mesh = load_mesh(blender_arm(tmp_path / "input.glb"))
    field = Rigged(mesh, own_rig(mesh), degrees=0.0)
    header, _ = gltf_check.read(export(mesh, field, tmp_path / "root")[0])
    assert _channels(header) == {("upper", "translation")}
    field = Rigged(mesh, own_rig(mesh), travel=0.0)
    field.moving[0] = 0.0
    header, _ = gltf_check.read(export(mesh, field, tmp_path / "tip")[0])
    assert _channels(header) == {("lower|tip", "rotation")}
    header, _ = gltf_check.read(export(mesh, Rigged(mesh, own_rig(mesh), growth=1.0), tmp_path / "grown")[0])
    assert _channels(header) == {("upper", path) for path in ("translation", "rotation", "scale")} | {
        ("lower|tip", "rotation")
    }
    field = Rigged(mesh, own_rig(mesh), degrees=0.0, travel=0.0)
    path, _ = export(mesh, field, tmp_path / "still")
    assert load_animation(path).duration(CLIP) == pytest.approx((FRAMES - 1) / FPS)


def test_what_old_clips_move_is_held_at_rest_by_one_key(tmp_path):
    mesh = load_mesh(blender_arm(tmp_path / "input.glb"))
    header, data = gltf_check.read(export(mesh, Rigged(mesh, own_rig(mesh)), tmp_path)[0])
    clip = header["animations"][-1]
    (held,) = [
        channel for channel in clip["channels"] if header["nodes"][channel["target"]["node"]]["name"] == "between"
    ]
    values = gltf_check.check_accessor(header, data, header["accessors"][clip["samplers"][held["sampler"]]["output"]])
    assert held["target"]["path"] == "rotation" and values.tolist() == [[0, 0, 0, 1]]


def _channels(header: dict) -> set[tuple[str, str]]:
    """Names of nodes and what moves, of the last clip."""
    clip = header["animations"][-1]
    inputs = [clip["samplers"][channel["sampler"]]["input"] for channel in clip["channels"]]
    moving = [c["target"] for c, i in zip(clip["channels"], inputs, strict=True) if header["accessors"][i]["count"] > 1]
    return {(header["nodes"][target["node"]]["name"], target["path"]) for target in moving}


@pytest.mark.parametrize("growth", [0.0, 0.5])
def test_a_found_skeleton_moves_the_mesh_as_the_model_does(tmp_path, growth):
    mesh = load_plant()
    rig = found_rig(mesh)
    weights, influences = rig.weights.topk(4)  # what a file can hold
    influences = rig.influences.gather(1, influences)
    rig = type(rig)(**{**vars(rig), "influences": influences, "weights": weights / weights.sum(1, keepdim=True)})
    field = Rigged(mesh, rig, growth=growth)
    path, figures = export(mesh, field, tmp_path)
    header, animation = gltf_check.check(path), load_animation(path)
    transform = world_from_asset(mesh)
    rest = animation.vertices() @ transform[:3, :3].T + transform[:3, 3]
    assert not any("targets" in part for m in header["meshes"] for part in m["primitives"])
    for frame in range(FRAMES):
        pose = animation.vertices(CLIP, frame / FPS) @ transform[:3, :3].T + transform[:3, 3]
        wanted = field.forward_map(torch.from_numpy(rest).float(), torch.tensor([frame / FRAMES]))[0][0].numpy()
        assert np.abs(pose - wanted).max() < 2e-6
    assert figures["export/skin_error_max"] < 2e-6 and figures["export/joints"] == 6
    paths = {path for _, path in _channels(header)}
    assert paths == {"translation", "rotation"} | ({"scale"} if growth else set())
    assert {name for name, path in _channels(header) if path != "rotation"} == {"root"}


def test_weights_beyond_four_are_left_out_and_the_figures_say_by_how_much(tmp_path, caplog):
    mesh = load_plant()
    rig = found_rig(mesh)
    even = type(rig)(**{**vars(rig), "weights": torch.full_like(rig.weights, 0.2)})
    with caplog.at_level("INFO"):
        _, figures = export(mesh, Rigged(mesh, even), tmp_path)
    assert 1e-3 < figures["export/skin_error"] < figures["export/skin_error_max"]
    assert "export.glb.skin=false" in caplog.text


@pytest.mark.parametrize("kind", ["own", "found"])
def test_shapes_are_written_on_request_and_show_the_same_motion(tmp_path, kind):
    mesh = load_mesh(arm(tmp_path / "arm.glb")) if kind == "own" else load_plant()
    field = Rigged(mesh, own_rig(mesh) if kind == "own" else found_rig(mesh))
    shapes, figures = export(mesh, field, tmp_path / "shapes", skin=False)
    skeleton, _ = export(mesh, field, tmp_path / "skeleton")
    assert figures["export/morph_targets"] == FRAMES - 1 and "export/joints" not in figures
    assert "skins" not in gltf_check.check(shapes)
    ours, theirs = (load_animation(path).vertices(CLIP, 5 / FPS) for path in (skeleton, shapes))
    apart = np.linalg.norm(ours - theirs, axis=1) / np.linalg.norm(np.ptp(ours, axis=0))  # shapes may not burst or fold
    assert np.median(apart) < 1e-3 and apart.mean() < 5e-3


def test_several_prompts_are_several_clips_of_one_skeleton(tmp_path):
    mesh = load_mesh(blender_arm(tmp_path / "input.glb"))
    fields = [Rigged(mesh, own_rig(mesh), degrees) for degrees in (20.0, 50.0)]
    scenes = [scene(mesh, field, f"a thing swinging by {field.degrees}") for field in fields]
    writer = exporter.Glb(frames=FRAMES, fps=FPS, key_tolerance=0.0)
    figures = writer.combine(scenes, tmp_path)
    animation = load_animation(tmp_path / "asset.glb")
    assert list(animation.clips) == ["old", *(each.prompt.text for each in scenes)] and figures["export/clips"] == 2
    for each, field in zip(scenes, fields, strict=True):
        pose = animation.vertices(each.prompt.text, 7 / FPS)
        assert np.abs(pose - posed_input(tmp_path / "input.glb", field, 7 / FRAMES)).max() < 1e-6 * np.ptp(pose)


def test_a_prompt_that_is_the_name_of_an_old_clip_is_a_clip_beside_it(tmp_path):
    mesh = load_mesh(blender_arm(tmp_path / "input.glb"))
    field = Rigged(mesh, own_rig(mesh))
    exporter.Glb(frames=FRAMES, fps=FPS)(scene(mesh, field, "old"), tmp_path)
    header, _ = gltf_check.read(tmp_path / "asset.glb")
    assert [clip["name"] for clip in header["animations"]] == ["old", "old"]
    assert len(header["animations"][1]["channels"]) > 1


def test_parts_that_no_joint_carries_follow_a_root_that_the_file_does_not_have(tmp_path):
    source = blender_arm(tmp_path / "input.glb")
    header, data = gltf_check.read(source)
    header["nodes"] += [{"name": "stand", "mesh": 1, "children": [7]}, {"name": "foot", "mesh": 1, "scale": [2, 2, 2]}]
    header["scenes"][0]["nodes"].append(6)
    part = {key: value for key, value in header["meshes"][0]["primitives"][0].items() if key != "attributes"}
    header["meshes"].append({"primitives": [part | {"attributes": {"POSITION": 0}}]})
    mesh = load_mesh(write_glb(source, header, data))
    own = own_rig(mesh)
    parents, nodes = (-1, *(parent + 1 for parent in own.parents)), (-1, *own.nodes)
    names, ranks = ("root", "upper", "lower"), (0, 0, 1)
    places = torch.cat([torch.zeros(1, 3), own.joints])
    influences, roles = own.influences + 1, ("root", "other", "other")
    rig = Rig(places, parents, names, roles, ranks, influences, own.weights, "thing", 1.0, "own", nodes)
    path, _ = export(mesh, Rigged(mesh, rig, degrees=0.0, travel=0.4), tmp_path / "out")
    animation = load_animation(path)
    moves = (animation.vertices(CLIP, 6 / FPS) - animation.vertices()) * float(mesh.transform[1, 1])
    assert moves == pytest.approx(np.tile([0.1, 0.04, 0.2], (len(moves), 1)), abs=1e-5) and len(moves) == 12
    assert {name for name, _ in _channels(gltf_check.read(path)[0])} == {"upper", "stand"}


def test_dropped_keys_are_missed_by_no_more_than_the_tolerance(tmp_path):
    mesh = load_plant()
    field = Rigged(mesh, found_rig(mesh))
    counts = []
    whole = load_animation(export(mesh, field, tmp_path / "all", frames=60)[0])
    for tolerance in (1e-4, 1e-3, 1e-2):
        path, _ = export(mesh, field, tmp_path / str(tolerance), frames=60, key_tolerance=tolerance)
        some = load_animation(path)
        for frame in range(0, 60, 7):
            miss = np.linalg.norm(some.vertices(CLIP, frame / FPS) - whole.vertices(CLIP, frame / FPS), axis=1).max()
            assert miss <= tolerance * np.linalg.norm(np.ptp(whole.vertices(), axis=0)) * 1.1
        counts.append(sum(len(channel.times) for channel in some.clips[CLIP]))
    assert 13 * 60 // 2 > counts[0] > counts[1] > counts[2] and len(whole.clips[CLIP][-1].times) == 60


def test_keys_of_a_rotation_hold_for_players_that_draw_arcs_and_for_those_that_draw_lines():
    turns = Rotation.from_rotvec(np.linspace(0, 2.5, 20)[:, None] * np.array([[0.6, 0.0, 0.8]])).as_quat()
    keys = key_frames(turns, 1e-3, spherical=True)
    assert 2 < len(keys) < 20 and len(key_frames(turns, 1.0, spherical=True)) == 2
    for start, end in zip(keys[:-1], keys[1:], strict=True):
        share = np.linspace(0, 1, end - start + 1)[:, None]
        line = turns[start] + share * (turns[end] - turns[start])
        line /= np.linalg.norm(line, axis=1, keepdims=True)
        arc = slerp(turns[start : start + 1], turns[end : end + 1], share)
        for drawn in (line, arc):
            assert np.linalg.norm(drawn - turns[start : end + 1], axis=1).max() <= 1e-3 + 1e-12


def test_matrices_are_taken_apart_and_put_together_again():
    random = np.random.default_rng(1)
    scale = random.uniform(0.2, 3.0, (50, 3)) * random.choice([-1, 1], (50, 3))
    turns = Rotation.random(50, random_state=2).as_quat()
    matrices = compose_transforms(random.normal(size=(50, 3)), turns, scale)
    parts = decompose_transforms(matrices, np.sign(scale))
    assert parts[2] == pytest.approx(scale) and compose_transforms(*parts) == pytest.approx(matrices)


def test_a_rig_of_one_joint_writes_how_the_whole_moves(tmp_path):
    mesh = load_mesh(write_glb(tmp_path / "quad.glb", *gltf({"POSITION": QUAD}, QUAD_FACES, {})))
    rig = found_rig(mesh)
    count = len(mesh.vertices)
    one = type(rig)(
        rig.joints[:1],
        (-1,),
        ("root",),
        ("root",),
        (0,),
        torch.zeros(count, 1, dtype=torch.int64),
        torch.ones(count, 1),
        "thing",
        1.0,
        "found",
    )
    path, figures = export(mesh, Rigged(mesh, one, growth=0.3), tmp_path)
    assert figures["export/joints"] == 1 and figures["export/skin_error_max"] < 1e-6
    assert {path for _, path in _channels(gltf_check.check(path))} == {"translation", "rotation", "scale"}


@pytest.mark.skipif(not khronos.READY, reason=khronos.MISSING)
@pytest.mark.parametrize("kind", [*SOURCES, "found"])
def test_the_validator_of_khronos_finds_nothing_new(tmp_path, kind):
    known: set[str] = set()
    if kind == "found":
        mesh = load_plant()
        field = Rigged(mesh, found_rig(mesh), growth=0.2)
    else:
        source = SOURCES[kind](tmp_path / "input.glb")
        known = {message["code"] for message in khronos.issues(source)["messages"] if message["severity"] < 2}
        mesh = load_mesh(source)
        field = Rigged(mesh, own_rig(mesh), growth=0.2)
    path, _ = export(mesh, field, tmp_path)
    messages = [m for m in khronos.issues(path)["messages"] if m["severity"] < 2]
    assert {message["code"] for message in messages} <= known, messages
    assert not known or kind != "found"


@pytest.mark.skipif(not blender.READY, reason=blender.MISSING)
@pytest.mark.parametrize("kind", ["placed arm", "centimetres", "matrix", "found"])
def test_blender_plays_what_we_play(tmp_path, kind):
    mesh = load_plant() if kind == "found" else load_mesh(SOURCES[kind](tmp_path / "input.glb"))
    path, _ = export(mesh, Rigged(mesh, found_rig(mesh) if kind == "found" else own_rig(mesh)), tmp_path)
    gap, moved, clips = blender.miss(path, CLIP)
    assert CLIP in clips and moved > 0.05 and gap < 1e-5


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with Browser(tmp_path_factory.mktemp("profile")) as one:
        yield one


@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
@pytest.mark.parametrize("kind", [*SOURCES, "found"])
def test_three_js_plays_what_we_play(tmp_path, browser, kind):
    mesh = load_plant() if kind == "found" else load_mesh(SOURCES[kind](tmp_path / "input.glb"))
    field = Rigged(mesh, found_rig(mesh) if kind == "found" else own_rig(mesh), growth=0.3)
    path, _ = export(mesh, field, tmp_path)
    seconds = np.array([0.0, 3.0, 7.5, 11.0]) / FPS
    assert blender.apart(threejs.poses(browser, path, CLIP, seconds), load_animation(path).poses(CLIP, seconds)) < 1e-6


@pytest.mark.parametrize("kind", ["found", "centimetres"])
@pytest.mark.parametrize("growth", [0.0, 0.5])
def test_usd_s_own_skinning_moves_the_mesh_as_the_model_does(tmp_path, kind, growth):
    pixar = pytest.importorskip("pxr.Usd", reason="needs usd-core: pip install -e '.[usd]'")
    from pxr import UsdGeom, UsdSkel, UsdValidation, Vt

    mesh = load_plant() if kind == "found" else load_mesh(SOURCES[kind](tmp_path / "input.glb"), front_deg=50)
    field = Rigged(mesh, found_rig(mesh) if kind == "found" else own_rig(mesh), growth=growth)
    Usd(frames=FRAMES, fps=FPS)(scene(mesh, field), tmp_path)
    stage = pixar.Stage.Open(str(tmp_path / "asset.usdz"))
    body, cache = stage.GetPrimAtPath("/asset/body"), UsdSkel.Cache()
    cache.Populate(UsdSkel.Root(stage.GetPrimAtPath("/asset")), pixar.PrimDefaultPredicate)
    skeleton = cache.GetSkelQuery(UsdSkel.Skeleton(stage.GetPrimAtPath("/asset/skeleton")))
    skinning, transform = cache.GetSkinningQuery(body), world_from_asset(mesh)
    rest = np.array(UsdGeom.Mesh(body).GetPointsAttr().Get())
    for frame in range(FRAMES):
        points = Vt.Vec3fArray.FromNumpy(rest.copy())
        assert skinning.ComputeSkinnedPoints(skeleton.ComputeSkinningTransforms(frame), points, frame)
        placed = np.array(UsdGeom.Xformable(body).ComputeLocalToWorldTransform(frame))
        pose = np.array(points) @ placed[:3, :3] + placed[3, :3]
        pose = pose @ transform[:3, :3].T + transform[:3, 3]
        wanted = field.forward_map(mesh.vertices, torch.tensor([frame / FRAMES]))[0][0].numpy()
        assert np.linalg.norm(pose - wanted, axis=1).max() < 1e-5
    errors = UsdValidation.ValidationContext(UsdValidation.ValidationRegistry().GetOrLoadAllValidators()).Validate(
        stage
    )
    assert not errors, [error.GetErrorAsString() for error in errors]


def test_usd_without_a_skeleton_has_a_sample_of_the_points_a_frame(tmp_path):
    pixar = pytest.importorskip("pxr.Usd", reason="needs usd-core: pip install -e '.[usd]'")
    mesh = load_plant()
    Usd(frames=3, skin=False)(scene(mesh, Rigged(mesh, found_rig(mesh))), tmp_path)
    stage = pixar.Stage.Open(str(tmp_path / "asset.usdz"))
    assert stage.GetPrimAtPath("/asset/body").GetAttribute("points").GetTimeSamples() == [0, 1, 2]
    assert not stage.GetPrimAtPath("/asset/skeleton")
