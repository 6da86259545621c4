"""What other programs made is measured like a run: our own pictures and files, read back, give the same figures."""

import json
from dataclasses import replace
from functools import partial
from types import SimpleNamespace

import pytest
import torch
from moving_ball import MovingBall
from PIL import Image
from test_artist_similarity import Bent, plain_box
from test_evaluation import command

from to4d.errors import InputError
from to4d.export.gltf.exporter import Glb
from to4d.metrics.basic import BasicMetrics
from to4d.metrics.renders import render_for_evaluation
from to4d.protocols import Scene
from to4d.render.mesh_cpu import MeshRenderer
from to4d.report.finished_runs import read_runs
from to4d.runs.evaluation import evaluate, write_frames
from to4d.runs.peers import AnimatedFile, Frames, picture
from to4d.types import Prompt
from to4d.viewpoints import Viewpoints

VIEWS = Viewpoints(azimuths_deg=(0.0, 90.0), size=48)
RENDERER = partial(MeshRenderer, antialias=1)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """A folder of ours, and what was measured of it."""
    folder = tmp_path_factory.mktemp("pictures")
    scene = Scene(MovingBall(0.0), MovingBall(0.3), Prompt("a ball jumping", "ball"))
    renders, figures = evaluate(render_for_evaluation(scene, VIEWS, 4), {"basic": BasicMetrics()})
    write_frames(renders, folder)
    return folder, figures


@pytest.fixture(scope="module")
def animated(tmp_path_factory):
    """A file of our exporter: a box that bends."""
    folder = tmp_path_factory.mktemp("animated")
    reference, renderer = SimpleNamespace(mesh=plain_box()), SimpleNamespace(field=Bent())
    scene = SimpleNamespace(prompt=Prompt("a box bending", "box"), reference=reference, renderer=renderer)
    Glb(frames=6, fps=12.0, tolerance=0.0)(scene, folder)
    return folder / "asset.glb"


def test_our_own_pictures_have_our_own_figures(pictures):
    folder, own = pictures
    _, figures = evaluate(Frames(str(folder), "a ball jumping", "ball")(VIEWS, 4), {"basic": BasicMetrics()})
    assert figures["eval/flicker"] == pytest.approx(own["eval/flicker"], abs=1e-7)
    for name in ("psnr", "ssim_t0", "ms_ssim", "psnr_t0_min"):
        assert figures[f"eval/{name}"] == pytest.approx(own[f"eval/{name}"], abs=1e-5)
    assert figures["eval/silhouette_iou"] == pytest.approx(own["eval/silhouette_iou"], abs=0.03)  # no soft edge
    checks = {name: value for name, value in own.items() if name.startswith("eval/views_passing/")}
    assert {name: figures[name] for name in checks} == checks
    assert figures["eval/view_gap"] is None and figures["eval/stretch"] is None
    assert figures["eval/view_color"] is None and "eval/view_color" in figures["eval/notes"]


def test_longer_and_larger_clips_are_thinned_out_and_alpha_is_opacity(pictures, tmp_path):
    for name in ("000", "090"):
        for path in [*(pictures[0] / name).iterdir(), pictures[0] / "mesh" / f"{name}.png"]:
            image = Image.open(path).convert("RGBA").resize((96, 96), Image.NEAREST)
            image.putalpha(128)
            target = tmp_path / path.relative_to(pictures[0])
            target.parent.mkdir(exist_ok=True, parents=True)
            image.save(target)
    one, other = (Frames(str(folder), "a ball jumping", "ball")(VIEWS, 2) for folder in (pictures[0], tmp_path))
    faint = 128 / 255
    assert torch.allclose(other.clips.rgb, faint * one.clips.rgb + 1.0 - faint, atol=1e-6)  # frames 0 and 2, over white
    assert torch.allclose(other.clips.opacity, torch.full_like(other.clips.opacity, faint))


def test_pictures_are_those_of_the_last_evaluation_in_the_order_of_time(tmp_path):
    scene = Scene(MovingBall(0.0), MovingBall(0.3), Prompt("a ball jumping", "ball"))
    for views, frames in ((VIEWS, 101), (replace(VIEWS, azimuths_deg=(0.0,), size=16), 3)):
        write_frames(render_for_evaluation(scene, replace(views, size=16), frames), tmp_path)
        names = sorted(path.name for path in (tmp_path / "000").iterdir())
        assert len(names) == frames and [int(name.split(".")[0]) for name in names] == list(range(frames))
    assert not list((tmp_path / "090").iterdir()) and [p.name for p in (tmp_path / "mesh").iterdir()] == ["000.png"]


def test_only_pictures_of_the_kinds_that_are_named_are_opened(pictures, tmp_path):
    (tmp_path / "000.png").write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 64 64\n")  # Pillow runs a program
    with pytest.raises(InputError, match=r"/000\.png"):
        picture(tmp_path / "000.png", 48)


def test_what_is_missing_or_too_small_is_named(pictures, tmp_path):
    peer = Frames(str(pictures[0]), "a ball jumping", "ball")
    with pytest.raises(InputError, match=f"{pictures[0]}.* 4 .*frames=5"):
        peer(VIEWS, 5)
    with pytest.raises(InputError, match=r"48 x 48 .*views\.size=64"):
        peer(Viewpoints(azimuths_deg=(0.0,), size=64), 2)
    with pytest.raises(InputError, match=f"{tmp_path}.* 0 .*frames=2"):
        Frames(str(tmp_path), "a ball jumping", "ball")(VIEWS, 2)
    with pytest.raises(InputError, match="'a cube jumping'.*'ball'"):
        Frames(str(pictures[0]), "a cube jumping", "ball")(VIEWS, 2)


def test_a_file_of_our_exporter_moves_as_the_field_did(animated):
    renders = AnimatedFile(str(animated), RENDERER, "a box bending", "box")(VIEWS, 3)
    rest, last = renders.clips.opacity[:, 0], renders.clips.opacity[:, 2]
    assert torch.equal(rest, renders.mesh.opacity[:, 0]) and not torch.equal(rest, last)
    _, figures = evaluate(renders, {"basic": BasicMetrics()})
    assert figures["eval/psnr_t0"] == 100.0  # equal pictures
    assert figures["eval/view_gap"] == pytest.approx(figures["eval/view_gap_mesh"], abs=3e-3)
    with pytest.raises(InputError, match=r"\.glb .*Fly.* a box bending"):
        AnimatedFile(str(animated), RENDERER, "a box bending", "box", clip="Fly")(VIEWS, 2)


def test_the_command_makes_a_folder_that_the_report_reads(pictures, animated, tmp_path):
    described = ["metadata.method=theirs", "metadata.object.noun=ball", "metadata.prompt=a ball jumping"]
    small = ["views.size=48", "views.azimuths_deg=[0,90]", "views.antialias=1", "frames=3"]
    command("peer=frames", f"peer.folder={pictures[0]}", *described, *small, f"out={tmp_path / 'a'}")
    described = ["metadata.method=others", "metadata.object.noun=box", "metadata.prompt=a box bending"]
    command("peer=glb", f"peer.path={animated}", *described, *small, f"out={tmp_path / 'b'}")
    runs, source, unfinished = read_runs({str(tmp_path): None})
    assert {(run.method, *run.cell) for run in runs} == {
        ("theirs", "ball", "a ball jumping", 0),
        ("others", "box", "a box bending", 0),
    }
    assert source == "evaluation.json" and not unfinished and all(run.value("silhouette_change") > 0.0 for run in runs)
    assert len(json.loads((tmp_path / "b" / "evaluation.json").read_text())["recipe"]["model_sha256"]) == 64
    assert (tmp_path / "b" / "frames" / "mesh" / "090.png").is_file()
