"""The clips in an object's own file are shown in the run's world, and a clip is nearest to itself."""

import os
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import trimesh
from plain_field import PlainField
from scipy.spatial import cKDTree

from to4d.errors import InputError, NotComputed
from to4d.export.gltf.build_document import world_from_document
from to4d.export.gltf.exporter import Glb
from to4d.gltf.vertex_order import vertex_order
from to4d.mesh import FileMesh, load_mesh, place_mesh
from to4d.metrics.artist_clips import animation_of, posed_meshes
from to4d.metrics.artist_similarity import ArtistClipSimilarity
from to4d.metrics.renders import EvaluationRenders, render_for_evaluation
from to4d.protocols import Scene
from to4d.render.mesh_cpu import MeshRenderer
from to4d.types import Material, Mesh, Prompt, Render
from to4d.viewpoints import Viewpoints

BEND = torch.tensor([[0.1, 0.5, 0.0], [-0.4, 0.0, 0.2], [0.0, 0.0, -0.2]])  # what shows at x at t was at x + t BEND x
VIEWS = Viewpoints(azimuths_deg=(0.0, 90.0), size=40)
FOX = Path(os.environ.get("TO4D_DATA", "nowhere")) / "fox" / "Fox.glb"


class Bent(PlainField):
    def displacement(self, points: torch.Tensor, times: torch.Tensor) -> torch.Tensor:
        return times[:, None] * (points @ BEND.T)


def plain_box() -> Mesh:
    box = trimesh.creation.box((0.5, 0.9, 0.3)).subdivide()
    count = len(box.faces)
    surface = FileMesh(
        box.vertices, box.faces, np.zeros((count, 3, 2)), np.ones((count, 3, 4)), np.zeros(count, int), (Material(),)
    )
    return place_mesh(surface, "box", "box")


@pytest.fixture(scope="module")
def mesh(tmp_path_factory):
    """A box from a file with one clip, turned and smaller than it was."""
    folder, box = tmp_path_factory.mktemp("asset"), plain_box()
    scene = SimpleNamespace(
        prompt=Prompt("a box bending", "box"),
        reference=SimpleNamespace(mesh=box),
        renderer=SimpleNamespace(field=Bent()),
    )
    Glb(frames=6, fps=12.0, tolerance=0.0)(scene, folder)
    return load_mesh(folder / "asset.glb", "box", front_deg=-90, radius=0.4)


class PosedRenderer(torch.nn.Module):
    """Shows a mesh a frame: a renderer that moves exactly as a real clip does."""

    def __init__(self, meshes: list[Mesh]):
        super().__init__()
        self.frames = [MeshRenderer(mesh, antialias=1) for mesh in meshes]

    def forward(self, cameras, times, normals=True):
        stills = [frame(cameras, times[:1]) for frame in self.frames]
        return Render(*(torch.cat([getattr(s, key) for s in stills], 1) for key in ("rgb", "opacity", "depth")))


def seen_of(mesh: Mesh, clip: str, frames: int = 3) -> EvaluationRenders:
    """What the cameras see of a run that did just what a real clip does."""
    renderer = PosedRenderer(list(posed_meshes(mesh, animation_of(mesh), clip, frames)))
    return render_for_evaluation(Scene(MeshRenderer(mesh), renderer, Prompt("it moves", "it")), VIEWS, frames)


def test_the_poses_of_a_file_are_those_that_were_written_into_it(mesh):
    animation = animation_of(mesh)
    (clip,) = animation.clips
    poses = list(posed_meshes(mesh, animation, clip, 3))
    assert torch.allclose(poses[0].vertices, mesh.vertices, atol=1e-5)
    box = plain_box()
    time = 5.0 / 6.0 * (2.0 / 3.0)  # the clip's keys stand at 0 to 5/6; the third frame at two thirds of them
    moved = box.vertices.double() @ torch.linalg.inv(torch.eye(3).double() + time * BEND.double()).T
    to_world = mesh.transform.numpy() @ np.linalg.inv(world_from_document(box))
    wanted = moved.numpy() @ to_world[:3, :3].T + to_world[:3, 3]
    found = poses[2].vertices.numpy()
    off = np.concatenate([cKDTree(wanted).query(found)[0], cKDTree(found).query(wanted)[0]])
    assert np.quantile(off, 0.99) < 2e-3 < 0.05 < np.abs(found - mesh.vertices.numpy()).max()  # linear between keys


def test_a_run_that_does_just_that_has_no_distance_and_one_that_rests_has(mesh):
    (clip,) = animation_of(mesh).clips
    measure = ArtistClipSimilarity(reference=lambda m: MeshRenderer(m, antialias=1), clip=clip)
    figures = measure(seen_of(mesh, clip))
    assert figures["eval/real_silhouette_iou"] == pytest.approx(1.0) == figures["eval/real_ssim"]
    assert figures["eval/real_rank"] == 1 and figures["eval/real_nearest"] == clip
    assert set(figures["eval/notes"]) == {"eval/real_between_silhouette_iou"}
    still = render_for_evaluation(
        Scene(MeshRenderer(mesh), MeshRenderer(mesh, antialias=1), Prompt("it rests", "it")), VIEWS, 3
    )
    assert measure(still)["eval/real_silhouette_iou"] < 0.95
    unnamed = ArtistClipSimilarity(reference=lambda m: MeshRenderer(m, antialias=1))(still)
    assert unnamed["eval/real_rank"] is None and "measures.artist_clips.clip" in unnamed["eval/notes"]["eval/real_ssim"]


def test_objects_without_clips_are_not_compared_and_unknown_clips_are_named(mesh):
    still = render_for_evaluation(
        Scene(MeshRenderer(plain_box()), MeshRenderer(plain_box()), Prompt("it rests", "it")), VIEWS, 2
    )
    with pytest.raises(NotComputed, match="box.*glTF"):
        ArtistClipSimilarity(reference=MeshRenderer)(still)
    still = replace(still, scene=Scene(MeshRenderer(mesh), MeshRenderer(mesh), Prompt("it rests", "it")))
    with pytest.raises(InputError, match=r"measures\.artist_clips.* Fly .*a box bending"):
        ArtistClipSimilarity(reference=MeshRenderer, clip="Fly")(still)
    other = replace(mesh, faces=mesh.faces.flip(0))
    still = replace(still, scene=Scene(MeshRenderer(other), MeshRenderer(other), Prompt("it rests", "it")))
    with pytest.raises(NotComputed, match="asset"):
        ArtistClipSimilarity(reference=MeshRenderer)(still)


@pytest.mark.skipif(not FOX.is_file(), reason="needs TO4D_DATA with the fox")
def test_of_an_artist_s_clips_a_walk_is_nearest_to_the_walk():
    fox = load_mesh(FOX, "fox")
    assert (vertex_order(fox, animation_of(fox)) == np.arange(len(fox.vertices))).all()
    figures = ArtistClipSimilarity(reference=lambda m: MeshRenderer(m, antialias=1), clip="Walk")(seen_of(fox, "Walk"))
    assert figures["eval/real_nearest"] == "Walk" and figures["eval/real_rank"] == 1
    assert figures["eval/real/Run/silhouette_iou"] < 0.95 < figures["eval/real_silhouette_iou"]
    assert 0.3 < figures["eval/real_between_silhouette_iou"] < 0.95
