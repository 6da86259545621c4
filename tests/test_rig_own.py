"""The rig that a glTF file brings along, of good skins and of bad ones."""

import logging
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from gltf_files import HALF, Glb
from hypothesis import given, settings
from hypothesis import strategies as st
from mesh_files import QUAD, QUAD_FACES, gltf, write_gltf
from scipy.spatial.transform import Rotation

from to4d.errors import InputError
from to4d.gltf.animation import load_animation
from to4d.gltf.vertex_order import to_world, vertex_order
from to4d.mesh import load_mesh
from to4d.rig.own.clip_maps import clip_maps
from to4d.rig.own.read import read_own_rig
from to4d.rig.pose import skin_points
from to4d.types import Mesh, Rig

DATA = Path(os.environ.get("TO4D_DATA", "nowhere"))
SKINNED = {
    "fox/Fox.glb": "quadruped",
    "kenney_platformer_hero/character.glb": "biped",
    "kaykit_knight/Knight.glb": "biped",
    "kaykit_mage/Mage.glb": "biped",
    "q_frog/Frog.glb": "quadruped",
    "q_horse/Horse.glb": "quadruped",
    "q_manta_ray/Manta_ray.glb": "fish",
    "q_mech_george/George.glb": "biped",
    "q_snake/Snake.glb": "snake",
    "robot_expressive/RobotExpressive.source.glb": "biped",
}
TURNS = st.integers(0, 2**32 - 1).map(lambda seed: Rotation.random(rng=np.random.default_rng(seed)).as_quat().tolist())
SIZES = st.lists(st.floats(0.2, 5).flatmap(lambda x: st.sampled_from([x, -x])), min_size=3, max_size=3)
NODES = st.fixed_dictionaries({"rotation": TURNS, "scale": SIZES})


def ladder(count):
    """Vertices at both sides of each of `count` joints, which stand above each other, and one row above."""
    points = np.array([[x, y, 0.0] for y in range(count + 1) for x in (0.0, 1.0)])
    steps = np.arange(count)[:, None] * 2
    return points, (np.array([[0, 1, 2, 1, 3, 2]]) + steps).reshape(-1, 3)


class Ladder:
    """A strip of skinned triangles: vertex row i follows joint i, and the row above half of it too.

    Attributes may be changed before it is written.
    """

    def __init__(self, count=3):
        self.glb, self.count = Glb(), count
        self.points, self.faces = ladder(count)
        rows = np.minimum(np.arange(2 * count + 2) // 2, count - 1)
        self.bones = np.stack([rows, np.maximum(rows - 1, 0), 0 * rows, 0 * rows], 1)
        self.weights = np.tile([0.5, 0.5, 0.0, 0.0], (2 * count + 2, 1))
        self.inverse = np.tile(np.eye(4), (count, 1, 1))
        self.inverse[:, 3, 1] = -np.arange(count)  # column after column
        places = [{"translation": [0, 1 if i else 0, 0], "name": f"Bone{i}"} for i in range(count)]
        links = [{"children": [i + 2]} if i + 1 < count else {} for i in range(count)]
        self.nodes = [{"mesh": 0, "skin": 0}, *(a | b for a, b in zip(places, links, strict=True))]
        self.skins = [{"joints": list(range(1, count + 1))}]
        self.roots, self.attributes, self.header = [0, 1], {}, {}

    def clip(self, *channels):
        """A clip of one second: (node, path, first key, last key) each."""
        widths = {"rotation": 4, "translation": 3, "scale": 3}
        samplers = [
            {"input": self.glb.array([0, 1]), "output": self.glb.array([a, b], width=widths[path])}
            for _, path, a, b in channels
        ]
        targets = [{"sampler": i, "target": {"node": n, "path": p}} for i, (n, p, *_) in enumerate(channels)]
        self.header |= {"animations": [{"name": "move", "samplers": samplers, "channels": targets}]}
        return self

    def write(self, path):
        attributes = {"POSITION": self.glb.array(self.points, width=3)}
        if self.bones is not None:
            attributes["JOINTS_0"] = self.glb.array(self.bones, "H", 4)
        if self.weights is not None:
            attributes["WEIGHTS_0"] = self.glb.array(self.weights, width=4)
        part = {"attributes": attributes | self.attributes, "indices": self.glb.array(self.faces, "H")}
        if self.inverse is not None:
            self.skins[0]["inverseBindMatrices"] = self.glb.array(self.inverse, width=16)
        header = {"scenes": [{"nodes": self.roots}], "nodes": self.nodes, "skins": self.skins}
        meshes = [{"primitives": [part]}, *self.header.pop("meshes", [])]
        return self.glb.write(path, meshes=meshes, **header, **self.header)


def own(path: Path) -> tuple[Mesh, Rig]:
    mesh = load_mesh(path)
    rig = read_own_rig(mesh)
    assert rig is not None
    return mesh, rig


def in_file(mesh: Mesh, points: torch.Tensor) -> np.ndarray:
    back = np.linalg.inv(mesh.transform.numpy())
    return points.double().numpy() @ back[:3, :3].T + back[:3, 3]


def miss(path: Path, clip: str | None = None, frames: int = 3) -> float:
    """How far the rig's vertices are from the file's own in clips, as a share of the size."""
    (mesh, rig), animation, worst = own(path), load_animation(path), 0.0
    order = vertex_order(mesh, animation)
    for name in [clip] if clip else animation.clips:
        seconds = np.linspace(0, animation.duration(name), frames)
        wanted = to_world(mesh, animation.poses(name, seconds)[:, order])
        maps = clip_maps(rig, mesh, animation, name, seconds)
        weights, offsets = rig.weights.double(), rig.rest_offsets
        got = skin_points(mesh.vertices.double(), rig.influences, weights, maps, offsets).numpy()
        worst = max(worst, float(np.abs(got - wanted).max() / np.ptp(wanted, axis=(0, 1)).max()))
    return worst


def test_joints_names_nodes_and_weights_are_those_of_the_file(tmp_path):
    mesh, rig = own(Ladder().write(tmp_path / "l.glb"))
    assert rig.names == ("Bone0", "Bone1", "Bone2") and rig.nodes == (1, 2, 3) and rig.parents == (-1, 0, 1)
    assert rig.source == "own"
    np.testing.assert_allclose(in_file(mesh, rig.joints), [[0, 0, 0], [0, 1, 0], [0, 2, 0]], atol=1e-5)
    rows = in_file(mesh, mesh.vertices)[:, 1].round().astype(int)
    dense = torch.zeros(len(rows), 3).scatter_add_(1, rig.influences, rig.weights).numpy()
    wanted = {0: [1, 0, 0], 1: [0.5, 0.5, 0], 2: [0, 0.5, 0.5], 3: [0, 0.5, 0.5]}
    np.testing.assert_allclose(dense, [wanted[row] for row in rows], atol=1e-6)


@settings(max_examples=25, deadline=None)
@given(
    armature=NODES,
    node=NODES,
    turns=st.lists(TURNS, min_size=3, max_size=3),
    sizes=st.lists(SIZES, min_size=3, max_size=3),
)
def test_clips_are_joint_maps_wherever_the_armature_stands(tmp_path_factory, armature, node, turns, sizes):
    file = Ladder()
    file.nodes[0] |= node
    file.nodes.append({"children": [1], "translation": [3, 1, 2]} | armature)
    file.roots = [0, 4]
    still = [0.0, 0.0, 0.0, 1.0]
    file.clip(
        *((joint + 1, "rotation", still, turn) for joint, turn in enumerate(turns)),
        *((joint + 1, "scale", [1, 1, 1], np.abs(size).tolist()) for joint, size in enumerate(sizes)),
        (2, "translation", [0, 1, 0], [1, 2, 3]),
    )
    assert miss(file.write(tmp_path_factory.mktemp("ladder") / "l.glb")) < 1e-5


def test_eight_influences_of_a_vertex_are_kept(tmp_path):
    file = Ladder(count=9)
    more = np.tile([4, 5, 6, 7], (20, 1))
    file.bones, file.weights = np.tile([0, 1, 2, 3], (20, 1)), np.tile([0.1, 0.1, 0.1, 0.1], (20, 1))
    file.attributes = {
        "JOINTS_1": file.glb.array(more, "B", 4),
        "WEIGHTS_1": file.glb.array(np.tile([0.3, 0.1, 0.1, 0.1], (20, 1)), width=4),
    }
    file.clip((2, "rotation", [0, 0, 0, 1], [0, 0, HALF, HALF]), (6, "translation", [0, 1, 0], [0, 2, 1]))
    path = file.write(tmp_path / "l.glb")
    _, rig = own(path)
    assert rig.influences.shape[1] == 8 and (rig.influences[:, 0] == 4).all()
    assert miss(path) < 1e-5


def test_several_skins_become_one_skeleton_and_shared_joints_stand_once(tmp_path):
    file = Ladder()
    second = [{"translation": [5, 0, 0], "name": "Other", "children": [6]}, {"translation": [0, 1, 0], "name": "Last"}]
    file.nodes += [{"mesh": 0, "skin": 1}, *second, {"children": [1, 5], "name": "Armature"}]
    file.skins.append(
        {"joints": [5, 6, 3], "inverseBindMatrices": file.glb.array(np.tile(np.eye(4), (3, 1, 1)), width=16)}
    )
    file.roots = [0, 4, 7]
    file.clip((5, "rotation", [0, 0, 0, 1], [0, HALF, 0, HALF]), (2, "rotation", [0, 0, 0, 1], [HALF, 0, 0, HALF]))
    path = file.write(tmp_path / "l.glb")
    mesh, rig = own(path)
    assert rig.names[0] == "Armature" and sorted(rig.nodes) == [1, 2, 3, 5, 6, 7]
    assert len(mesh.vertices) == 16


def test_a_part_without_a_skin_follows_the_nearest_joint_or_its_own_node(tmp_path):
    file = Ladder()
    block = {"attributes": {"POSITION": file.glb.array(QUAD, width=3)}, "indices": file.glb.array(QUAD_FACES, "H")}
    file.header["meshes"] = [{"primitives": [block]}]
    file.nodes[3]["children"] = [4, 6]
    file.nodes += [{"children": [5], "translation": [0, 0, 1]}, {"mesh": 1, "name": "Hat"}]
    file.nodes += [
        {"mesh": 1, "translation": [2, 0, 0], "name": "Sword"},
        {"mesh": 1, "translation": [0, -3, 0], "name": "Floor"},
    ]
    file.roots.append(7)
    turn = [0, 0, 0, 1], [0, 0, HALF, HALF]
    file.clip((1, "translation", [0, 0, 0], [3, 0, 0]), (3, "rotation", *turn), (6, "rotation", *turn))
    path = file.write(tmp_path / "l.glb")
    _, rig = own(path)
    assert "Sword" in rig.names and "Hat" not in rig.names and "Floor" not in rig.names
    assert rig.names[rig.parents[rig.names.index("Sword")]] == "Bone2"
    rigid = rig.weights[:, 0] == 1.0
    followed = {rig.names[j] for j in rig.influences[rigid, 0].tolist()}
    assert followed >= {"Bone2", "Sword", rig.names[0]} and rig.parents[rig.names.index("Bone0")] == 0
    unskinned = [v for v, row in enumerate(rig.weights.tolist()) if max(row) == 1.0]
    assert len(unskinned) >= 12


def test_static_and_rigid_parts_move_as_in_the_file(tmp_path):
    file = Ladder()
    file.weights = np.tile([1.0, 0.0, 0.0, 0.0], (8, 1))
    block = {"attributes": {"POSITION": file.glb.array(QUAD, width=3)}, "indices": file.glb.array(QUAD_FACES, "H")}
    file.header["meshes"] = [{"primitives": [block]}]
    file.nodes[3]["children"] = [4]
    file.nodes += [{"mesh": 1, "translation": [2, 0, 0]}, {"mesh": 1, "translation": [0, -3, 0]}]
    file.roots.append(5)
    turn = [0, 0, 0, 1], [0, 0, HALF, HALF]
    file.clip((1, "translation", [0, 0, 0], [3, 0, 0]), (2, "rotation", *turn), (4, "rotation", *turn))
    assert miss(file.write(tmp_path / "l.glb")) < 1e-5


def test_the_rest_pose_is_what_viewers_show_and_not_the_bind_pose(tmp_path):
    file = Ladder()
    file.nodes[2]["rotation"] = [0, 0, HALF, HALF]
    mesh, rig = own(file.write(tmp_path / "l.glb"))
    np.testing.assert_allclose(in_file(mesh, rig.joints), [[0, 0, 0], [0, 1, 0], [-1, 1, 0]], atol=1e-5)
    animation = load_animation(mesh.source)
    maps = clip_maps(rig, mesh, animation, None, np.zeros(1))
    np.testing.assert_allclose(maps[0], np.eye(4)[None, :3].repeat(3, 0), atol=1e-9)


@settings(max_examples=25, deadline=None)
@given(
    rest=st.lists(TURNS, min_size=3, max_size=3),
    turns=st.lists(TURNS, min_size=3, max_size=3),
    sizes=st.lists(st.floats(0.3, 3), min_size=3, max_size=3),
)
def test_clips_are_exact_where_the_rest_pose_is_not_the_bind_pose(tmp_path_factory, rest, turns, sizes):
    file = Ladder()
    for joint, (turn, size) in enumerate(zip(rest, sizes, strict=True)):
        file.nodes[joint + 1] |= {"rotation": turn, "scale": [size, 1, 1]}
    file.clip(*((joint + 1, "rotation", rest[joint], turn) for joint, turn in enumerate(turns)))
    path = file.write(tmp_path_factory.mktemp("ladder") / "l.glb")
    mesh, rig = own(path)
    assert rig.rest_offsets is not None
    alone = mesh.vertices[:, None] + rig.rest_offsets
    assert (alone - mesh.vertices[:, None])[:2].norm(dim=-1).max() < 1e-6  # these follow one joint
    mean = (rig.weights[..., None] * alone).sum(1)
    np.testing.assert_allclose(mean, mesh.vertices, atol=1e-6)
    assert miss(path) < 1e-5


def test_each_joint_alone_would_put_a_vertex_where_its_inverse_bind_matrix_says(tmp_path):
    file = Ladder(2)
    file.nodes[2]["rotation"] = [0, 0, HALF, HALF]  # about (0, 1): (1, 2) goes to (-1, 2), (1, 1) to (0, 2)
    mesh, rig = own(file.write(tmp_path / "l.glb"))
    shown = in_file(mesh, mesh.vertices)
    row = int(np.abs(shown - [0.5, 1.5, 0]).sum(1).argmin())  # half way between (1, 1) and (0, 2)
    np.testing.assert_allclose(shown[row], [0.5, 1.5, 0], atol=1e-5)
    alone = in_file(mesh, mesh.vertices[row] + rig.rest_offsets[row])[rig.influences[row].argsort()]
    np.testing.assert_allclose(alone, [[1, 1, 0], [0, 2, 0]], atol=1e-5)


def test_a_rest_pose_that_is_the_bind_pose_needs_no_offsets(tmp_path):
    assert own(Ladder().write(tmp_path / "l.glb"))[1].rest_offsets is None


def test_vertices_that_no_triangle_uses_are_no_hindrance(tmp_path):
    file = Ladder()
    file.faces = file.faces[1:]
    file.clip((2, "rotation", [0, 0, 0, 1], [0, 0, HALF, HALF]))
    path = file.write(tmp_path / "l.glb")
    assert len(load_mesh(path).vertices) == 7
    assert miss(path) < 1e-5


def test_bones_of_a_vrm_file_are_known_whatever_they_are_called(tmp_path):
    for humanoid in (
        {
            "VRM": {
                "humanoid": {"humanBones": [{"bone": "leftUpperLeg", "node": 2}, {"bone": "leftLowerLeg", "node": 3}]}
            }
        },
        {"VRMC_vrm": {"humanoid": {"humanBones": {"leftUpperLeg": {"node": 2}, "leftLowerLeg": {"node": 3}}}}},
    ):
        file = Ladder()
        file.header["extensions"] = humanoid
        _, rig = own(file.write(tmp_path / "l.glb"))
        assert rig.roles == ("root", "leg_L", "leg_L") and rig.names == ("Bone0", "Bone1", "Bone2")


def test_rigid_parts_that_clips_move_are_a_rig_without_a_skin(tmp_path):
    file = Ladder()
    block = {"attributes": {"POSITION": file.glb.array(QUAD, width=3)}, "indices": file.glb.array(QUAD_FACES, "H")}
    turn = [0, 0, 0, 1], [0, 0, HALF, HALF]
    file.clip(*((node, "rotation", *turn) for node in (1, 2, 3)))
    nodes = [
        {"children": [1, 2]},
        {"mesh": 0, "name": "leg-left", "translation": [1, 0, 0]},
        {"mesh": 0, "name": "torso", "translation": [0, 1, 0], "children": [3]},
        {"name": "arm-left", "translation": [1, 1, 0], "children": [4]},
        {"mesh": 0, "scale": [1, 2, 1]},
    ]
    scene = {"scenes": [{"nodes": [0]}], "nodes": nodes, "meshes": [{"primitives": [block]}]}
    path = file.glb.write(tmp_path / "toy.glb", **scene, **file.header)
    _, rig = own(path)
    assert rig.names == ("node0", "leg-left", "torso", "arm-left") and rig.parents == (-1, 0, 0, 2)
    assert rig.roles == ("root", "leg_L", "spine", "arm_L") and rig.body == "biped"
    assert miss(path) < 1e-5
    fewer = file.header["animations"][0]["channels"][:1]
    one = file.header | {"animations": [file.header["animations"][0] | {"channels": fewer}]}
    assert read_own_rig(load_mesh(file.glb.write(tmp_path / "door.glb", **scene, **one))) is None


def test_other_files_have_no_rig(tmp_path):
    header, blob = gltf({"POSITION": QUAD}, QUAD_FACES, {})
    assert read_own_rig(load_mesh(write_gltf(tmp_path / "plain.gltf", header, blob))) is None
    (tmp_path / "m.obj").write_text("v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n")
    assert read_own_rig(load_mesh(tmp_path / "m.obj")) is None


def change(file: Ladder, attribute: str, values: np.ndarray, rows: slice = slice(0, 2)) -> Ladder:
    getattr(file, attribute)[rows] = values
    return file


REPAIRED = {
    "not a number": lambda f: change(f, "weights", [np.nan, 0.5, 0, 0]),
    "infinite": lambda f: change(f, "weights", [np.inf, 0.5, 0, 0]),
    "negative": lambda f: change(f, "weights", [-0.5, 0.5, 0, 0]),
    "sum to 3": lambda f: change(f, "weights", [1.5, 1.5, 0, 0]),
    "joint 99": lambda f: change(f, "bones", [99, 0, 0, 0]),
    "without weights": lambda f: change(f, "weights", [0, 0, 0, 0]),
}


@pytest.mark.parametrize("kind", REPAIRED)
def test_bad_weights_are_repaired_with_one_line(tmp_path, caplog, kind):
    caplog.set_level(logging.WARNING)
    file = REPAIRED[kind](Ladder()).clip((3, "rotation", [0, 0, 0, 1], [0, 0, HALF, HALF]))
    path = file.write(tmp_path / "l.glb")
    mesh, rig = own(path)
    lines = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert 1 <= len(lines) <= 2 and " 2 " in f" {lines[0].getMessage()}"
    assert (rig.weights >= 0).all() and torch.allclose(rig.weights.sum(1), torch.ones(len(rig.weights)))
    assert torch.isfinite(mesh.vertices).all()
    assert miss(path) < 1e-5


def test_good_weights_are_no_matter_for_a_warning(tmp_path, caplog):
    caplog.set_level(logging.WARNING)
    own(Ladder().write(tmp_path / "l.glb"))
    assert not caplog.records


def without(file: Ladder, attribute: str) -> Ladder:
    setattr(file, attribute, None)
    return file


def with_skin(file: Ladder, **skin) -> Ladder:
    file.skins = [{**file.skins[0], **skin}]
    return file


def on_node(file: Ladder, **node) -> Ladder:
    file.nodes[0] |= node
    return file


BROKEN = {
    "too few matrices": lambda f: with_skin(f, joints=[1, 2, 3, 1]),
    "a joint that is no node": lambda f: with_skin(f, joints=[1, 2, 77]),
    "a joint that is no number": lambda f: with_skin(f, joints=[1, 2, "3"]),
    "no joints": lambda f: with_skin(f, joints=[]),
    "no skin of that number": lambda f: on_node(f, skin=4),
    "matrices that are no numbers": lambda f: change(f, "inverse", np.nan),
    "joints without weights": lambda f: without(f, "weights"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_skin_loses_the_rig_and_not_the_mesh(tmp_path, caplog, kind):
    caplog.set_level(logging.WARNING)
    path = BROKEN[kind](Ladder()).write(tmp_path / "l.glb")
    mesh = load_mesh(path)
    np.testing.assert_allclose(
        sorted(in_file(mesh, mesh.vertices).round(4).tolist()), sorted(ladder(3)[0].tolist()), atol=1e-4
    )
    assert len([record for record in caplog.records if record.levelno >= logging.WARNING]) == 1
    with pytest.raises(InputError, match=r"l\.glb") as raised:
        read_own_rig(mesh)
    assert "\n" not in str(raised.value)


def test_a_skin_whose_mesh_has_no_joints_or_no_weights_is_no_rig(tmp_path):
    for file in (without(Ladder(), "bones"), change(Ladder(), "weights", [0, 0, 0, 0], slice(None))):
        mesh = load_mesh(file.write(tmp_path / "l.glb"))
        with pytest.raises(InputError, match=r"l\.glb"):
            read_own_rig(mesh)


def test_matrices_that_are_missing_are_identities(tmp_path):
    file = without(Ladder(), "inverse").clip((2, "rotation", [0, 0, 0, 1], [0, 0, HALF, HALF]))
    for node in file.nodes[1:]:
        node.pop("translation")
    assert miss(file.write(tmp_path / "l.glb")) < 1e-5


def test_three_hundred_joints_are_fine(tmp_path):
    file = Ladder(300).clip((150, "rotation", [0, 0, 0, 1], [0, 0, HALF, HALF]))
    path = file.write(tmp_path / "l.glb")
    assert len(own(path)[1].parents) == 300
    assert miss(path) < 1e-5


def test_nodes_in_a_circle_are_refused(tmp_path):
    file = Ladder()
    file.nodes[3]["children"] = [1]
    with pytest.raises(InputError, match=r"l\.glb"):
        load_mesh(file.write(tmp_path / "l.glb"))


def test_a_joint_of_no_size_keeps_the_rest_finite(tmp_path):
    file = Ladder().clip((2, "rotation", [0, 0, 0, 1], [0, 0, HALF, HALF]))
    file.nodes[3]["scale"] = [0, 0, 0]
    path = file.write(tmp_path / "l.glb")
    mesh, rig = own(path)
    maps = clip_maps(rig, mesh, load_animation(path), "move", np.array([0.0, 1.0]))
    assert torch.isfinite(maps).all()
    np.testing.assert_allclose(maps[0, :2], np.eye(4)[None, :3].repeat(2, 0), atol=1e-9)


@pytest.mark.parametrize("front_deg", [0.0, 90.0, 180.0])
def test_joints_tell_which_setting_turns_the_front_to_the_front(tmp_path, caplog, front_deg):
    caplog.set_level(logging.WARNING)
    file = Ladder(5)
    names = ["Hips", "LeftUpLeg", "RightUpLeg", "LeftArm", "RightArm"]
    file.nodes[1]["children"] = [2, 3, 4, 5]
    for joint, (name, x) in enumerate(zip(names, [0, -1, 1, -1, 1], strict=True)):
        file.nodes[joint + 1] |= {"name": name, "translation": [x, 1 if joint > 2 else 0, 0]}
        if joint:
            file.nodes[joint + 1].pop("children", None)
    path = file.write(tmp_path / "l.glb")
    rig = read_own_rig(load_mesh(path, up="y", front_deg=front_deg))
    assert rig is not None and rig.body == "biped"
    said = [record.getMessage() for record in caplog.records]
    assert ["front_deg=180" in line for line in said] == ([] if front_deg == 180.0 else [True])


@pytest.mark.parametrize("name", SKINNED)
def test_real_files_have_their_body_and_play_their_clips(name):
    path = DATA / name
    if not path.is_file():
        pytest.skip(f"needs TO4D_DATA with {name}")
    _, rig = own(path)
    assert rig.body == SKINNED[name] and rig.confidence > 0.7
    clips = sorted(load_animation(path).clips)[:5]
    assert max(miss(path, clip) for clip in clips) < 1e-5
