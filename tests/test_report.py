"""The result page holds everything, asks for nothing, believes no prompt, and plays."""

import base64
import csv
import hashlib
import itertools
import json
import re
import shlex
import struct
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import yaml
from browser import CHROMIUM, Browser
from gltf_files import arm
from PIL import Image
from plain_field import PlainField
from rigged_field import Rigged, found_rig, own_rig

from to4d.export.gltf.exporter import Glb
from to4d.export.page.exporter import ResultPage
from to4d.export.page.training_log import read_log
from to4d.export.writer import write_video
from to4d.mesh import load_mesh
from to4d.objects.plant import load_plant
from to4d.render.mesh_cpu import MeshRenderer
from to4d.runs.run import export_all
from to4d.types import Mesh, Prompt
from to4d.viewpoints import Viewpoints, render_views

PROMPT = 'a plant </h1><script>window.bad = 1</script> & "it\'s" <b>waving</b>'
OVERRIDES = ["object=gso/plant", f"prompt={PROMPT}", "phase.dynamic.steps=4"]
BEND = torch.tensor([[0.1, 0.5, 0.0], [-0.4, 0.0, 0.2], [0.0, 0.0, -0.2]])  # what shows at x at t was at x + t BEND x
METRICS = {
    "eval/psnr_t0": 34.56,
    "eval/flow": 1.25,
    "eval/haze": None,
    "eval/flow_floor": None,
    "eval/motion": "waving",
    "eval/motion_passed": True,
    "eval/motion_views": 1,
    "eval/motion/000": {"passed": True, "value": 0.5, "threshold": 0.25, "explanation": "a leaf & <i>its</i> stem"},
    "eval/motion/090": {"passed": False, "value": None, "threshold": 0.25, "explanation": "hidden"},
    "eval/notes": {"eval/haze": "inf", "eval/flow_floor": "metrics.static_baseline names no run"},
    "export/bytes": 2_500_000,
}


class Bent(PlainField):
    def displacement(self, points: torch.Tensor, times: torch.Tensor) -> torch.Tensor:
        return times[:, None] * (points @ BEND.T)


class Still(PlainField):
    def displacement(self, points: torch.Tensor, times: torch.Tensor) -> torch.Tensor:
        return torch.zeros_like(points)


def scene_of(mesh: Mesh) -> SimpleNamespace:
    parts = {"reference": SimpleNamespace(mesh=mesh), "renderer": SimpleNamespace(field=Bent())}
    return SimpleNamespace(prompt=Prompt(PROMPT, "plant"), **parts)


def write_log(folder: Path, phase: str, rows: list[tuple[int, float, float]]) -> None:
    folder.mkdir(parents=True)
    with (folder / "metrics.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerows([["epoch", "eval/flow", f"{phase}/azimuth_limit_deg", f"{phase}/static", "step"]])
        table.writerows([["", "", angle, loss, step] for step, loss, angle in rows])


def fill(run: Path, mesh: Mesh) -> None:
    """What a run leaves, for the page to find."""
    Glb(frames=6, fps=12.0, tolerance=0.0)(scene_of(mesh), run)
    for azimuth in ("000", "090", "180", "270"):
        panels = torch.arange(4).repeat_interleave(16)[None, None, :, None].expand(4, 16, 64, 3)
        write_video(run / "views" / f"{azimuth}.mp4", (60 * panels).to(torch.uint8), 8)
    (run / "metrics.json").write_text(json.dumps(METRICS))
    (run / "config.yaml").write_text(yaml.safe_dump({"seed": 7, "prompt": PROMPT, "phase": {"static": {}}}))
    (run / ".hydra").mkdir()
    (run / ".hydra" / "overrides.yaml").write_text(yaml.safe_dump(OVERRIDES))
    write_log(run / "log" / "version_0", "static", [(0, 1.0, 20.0), (9, 0.01, 40.0)])


class Page(HTMLParser):
    """Elements as (tag, attributes, text up to the first end of one)."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.text, self.elements, self.inside = path.read_text(), [], False
        self.feed(self.text)

    def handle_starttag(self, tag, attrs):
        self.elements.append([tag, dict(attrs), ""])
        self.inside = True

    def handle_endtag(self, tag):
        self.inside = False

    def handle_data(self, data):
        if self.inside:
            self.elements[-1][2] += data

    def all(self, tag):
        return [(attributes, text) for name, attributes, text in self.elements if name == tag]

    def by_id(self, name):
        return next(text for _, attributes, text in self.elements if attributes.get("id") == name)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder, mesh = tmp_path_factory.mktemp("run"), load_plant()
    fill(folder, mesh)
    ResultPage()(scene_of(mesh), folder)
    return folder


@pytest.fixture(scope="module")
def page(run):
    return Page(run / "report.html")


def test_the_page_holds_all_that_it_shows(page):
    for tag, attributes, _ in page.elements:
        for name in {"src", "href", "poster", "action", "data", "srcset", "xlink:href"} & set(attributes):
            local = attributes[name].endswith(".md") and not attributes[name].startswith(("http", "//", "file"))
            assert attributes[name].startswith("data:") or (tag == "a" and local), (tag, attributes[name][:80])
    (_, style), *_ = page.all("style")
    assert "url(" not in style and "@import" not in style
    assert not page.all("iframe") and [a["rel"] for a, _ in page.all("link")] == ["icon"]
    *_, own = scripts(page)
    assert not re.search(r"https?:", own)


def scripts(page: Page) -> list[str]:
    """What may run: three.js and the page's own script."""
    return [text for attributes, text in page.all("script") if "type" not in attributes]


def test_a_prompt_is_only_text(page):
    assert page.all("title")[0][1].startswith("a plant </h1><script>") and page.all("h1")[0][1] == PROMPT
    assert "<script>window" not in page.text and "<b>waving" not in page.text and "<i>its" not in page.text


def test_the_policy_allows_the_page_s_own_scripts_alone_and_no_address_outside(page):
    text = next(a["content"] for a, _ in page.all("meta") if a.get("http-equiv") == "Content-Security-Policy")
    rules = {name: sources.split() for name, sources in (rule.split(maxsplit=1) for rule in text.split("; "))}
    digests = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts(page)]
    assert rules["script-src"] == [f"'sha256-{digest}'" for digest in digests] and len(digests) == 2
    assert rules["default-src"] == ["'none'"] and "unsafe" not in text
    assert {s for sources in rules.values() for s in sources if not s.startswith("'")} == {"data:", "blob:"}


def test_three_js_is_inside_only_where_there_is_an_asset_and_keeps_its_licence(page, tmp_path):
    assert scripts(page)[0].startswith("/**\n * @license") and "THREE.GLTFLoader=" in scripts(page)[0]
    ResultPage()(scene_of(load_plant()), tmp_path)
    path = tmp_path / "report.html"
    assert len(scripts(Page(path))) == 1


def test_the_asset_and_its_place_in_the_world_are_inside(page, run):
    assert base64.b64decode(page.by_id("asset")) == (run / "asset.glb").read_bytes()
    matrix = np.array(json.loads(page.by_id("world"))).reshape(4, 4).T
    points = np.array([[0.1, 0.2, 0.3, 1.0]]) @ matrix.T
    transform = load_plant().transform.numpy()
    assert matrix[3] == pytest.approx([0, 0, 0, 1])
    assert np.linalg.norm(points[0, :3] - transform[:3, 3]) == pytest.approx(
        np.linalg.norm(transform[:3, :3] @ [0.1, 0.2, 0.3])
    )


def test_videos_are_inside_with_a_poster_each(page, run):
    videos = page.all("video")
    assert [v["aria-label"] for v, _ in videos] == [f"view from {a}°" for a in (0, 90, 180, 270)]
    inside = base64.b64decode(videos[1][0]["src"].partition(",")[2])
    assert inside == (run / "views" / "090.mp4").read_bytes()
    assert all(v["poster"].startswith("data:image/jpeg;base64,") for v, _ in videos)


def test_figures_are_shown_and_missing_ones_have_their_note(page):
    for text in (
        "34.6",
        "1.25",
        "2.5 <small>MB",
        METRICS["eval/notes"]["eval/haze"],
        METRICS["eval/notes"]["eval/flow_floor"],
    ):
        assert text in page.text
    assert page.text.count('class="none">') >= 3  # ssim_t0 too, which this run did not measure
    assert "✓" in page.text and "1 of 2" in page.text and "a leaf &amp; &lt;i&gt;its" in page.text
    shown, _, _ = page.text.partition("<footer>")
    assert "nan" not in shown.lower().split() and "None" not in shown


def test_curves_have_a_name_and_say_how_far_they_went(page):
    descriptions = [attributes["aria-label"] for attributes, _ in page.all("svg")]
    assert descriptions == [
        "Static loss: difference to the input at rest. From 1 to 0.01.",
        "Azimuth range: cameras stand within this of the front, in degrees. From 20 to 40.",
    ]
    assert len(page.all("polyline")) == 2


def test_a_resumed_run_replaces_what_it_does_again(tmp_path):
    write_log(tmp_path / "version_0", "static", [(9, 5.0, 0.0), (19, 4.0, 0.0), (29, float("nan"), 0.0)])
    write_log(tmp_path / "version_10", "static", [(19, 3.0, 0.0), (29, 2.0, 0.0)])
    write_log(tmp_path / "version_9", "static", [(19, 9.0, 0.0)])
    log = read_log(tmp_path)
    assert log.values["static", "static"] == {9: 5.0, 19: 3.0, 29: 2.0} and log.length("static") == 30


def test_the_command_line_starts_the_same_run(page):
    command = next(text for _, text in page.all("code") if "train.py" in text)
    assert shlex.split(command) == ["python", "train.py", *OVERRIDES, "out=outputs/again"]
    assert yaml.safe_load(page.all("pre")[-1][1])["prompt"] == PROMPT


def test_an_empty_folder_gives_a_page_that_names_what_is_missing(tmp_path):
    ResultPage(run=str(tmp_path / "nothing"))(scene_of(load_plant()), tmp_path)
    path = tmp_path / "report.html"
    page = Page(path)
    assert not page.all("canvas") and not page.all("video") and not page.all("svg")
    assert not any("train.py" in text for _, text in page.all("code"))
    assert all(cure in page.text for cure in ("asset.glb", "export=[video]", "logger=[csv]"))


def test_without_an_asset_the_turntable_is_shown_and_a_big_asset_stays_outside(tmp_path):
    write_video(tmp_path / "turntable.mp4", torch.zeros(2, 16, 16, 3, dtype=torch.uint8), 8)
    ResultPage()(scene_of(load_plant()), tmp_path)
    path = tmp_path / "report.html"
    assert [v["aria-label"] for v, _ in Page(path).all("video")] == ["Turntable"]
    (tmp_path / "asset.glb").write_bytes(bytes(2000))
    ResultPage(asset_mb=1e-3)(scene_of(load_plant()), tmp_path)
    assert "0.001 MB" in path.read_text() and 'id="asset"' not in path.read_text()


def test_the_page_is_no_figure(tmp_path):
    assert export_all([ResultPage()], scene_of(load_plant()), tmp_path) == {}


needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="needs chromium on PATH: apt-get install chromium")
READY = "document.querySelector('#canvas')?.hasAttribute('data-ready')"


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with Browser(tmp_path_factory.mktemp("profile")) as one:
        yield one


def opened(browser: Browser, run: Path) -> Browser:
    """The page, at rest."""
    browser.events.clear()
    browser.open("about:blank")
    browser.open((run / "report.html").as_uri() + "#still")
    browser.wait(READY)
    return browser


def at_rest(browser: Browser) -> np.ndarray:
    """The viewer's picture, once it is the same twice: the page around it may still be laid out."""
    now = browser.picture("#canvas")
    for _ in range(20):
        before, now = now, browser.picture("#canvas")
        if np.array_equal(before, now):
            return now
    raise AssertionError("the picture never comes to rest")


def change(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.abs(a - b).mean())


@needs_chromium
def test_play_and_the_slider_and_the_mouse_move_the_picture(browser, run):
    opened(browser, run)
    rest = at_rest(browser)
    browser.click("#play")
    browser.wait("document.querySelector('#time').value > 0.1")
    browser.click("#play")
    assert browser.value("document.querySelector('#play').textContent") == "Play"
    played = browser.picture("#canvas")
    browser.click("#time", across=0.98)
    late = browser.picture("#canvas")
    browser.click("#time", across=0.0)
    assert min(change(rest, played), change(rest, late), change(played, late)) > 0.2
    assert change(rest, browser.picture("#canvas")) < 0.05
    browser.drag("#canvas", 60, 0)
    assert change(rest, browser.picture("#canvas")) > 0.2


@needs_chromium
def test_nothing_is_fetched_and_nothing_of_the_prompt_runs(browser, run):
    opened(browser, run)
    assert not browser.requests() and not browser.troubles()
    assert browser.value("window.bad") is None
    assert browser.value("document.querySelector('h1').textContent") == PROMPT


@needs_chromium
def test_the_videos_play_and_show_the_chosen_panel(browser, run):
    opened(browser, run)
    for panel, grey in (("0", 0), ("1", 60), ("3", 180)):
        browser.click(f"[data-panel='{panel}']")
        shot = browser.picture(".view .crop")
        assert shot[20:-20, 20:-20].mean() == pytest.approx(grey, abs=12)
    browser.click("#videos")
    browser.wait("[...document.querySelectorAll('.view video')].every((v) => !v.paused && v.currentTime > 0)")


def pose(browser: Browser, azimuth: int, share: float) -> np.ndarray:
    """The 3D view over white from one of its sides, at a share of its clip."""
    browser.value("document.querySelector('#canvas').style.background = 'white'")
    browser.click(f"[data-azimuth='{azimuth}']")
    browser.value(
        f"(e => {{ e.value = {share}; e.dispatchEvent(new Event('input')) }})(document.querySelector('#time'))"
    )
    return browser.picture("#canvas")


def shown_as_rendered(browser: Browser, azimuth: int, share: float, size: int) -> np.ndarray:
    """The middle square of the 3D view, as the run's cameras see it."""
    shot = pose(browser, azimuth, share).astype(np.uint8)
    height, width, _ = shot.shape
    square = shot[:, (width - height) // 2 :][:, :height]
    return np.asarray(Image.fromarray(square).resize((size, size), Image.Resampling.BOX)) / 255.0


@needs_chromium
@pytest.mark.parametrize("kind", ["built", "turned file"])
def test_the_3d_view_shows_what_the_run_s_own_cameras_see(browser, run, tmp_path, kind):
    mesh, folder = load_plant(), run
    if kind == "turned file":  # the asset as an artist's own file, elsewhere and at another scale
        mesh, folder = load_mesh(run / "asset.glb", front_deg=-90, radius=0.4), tmp_path
        fill(folder, mesh)
        ResultPage()(scene_of(mesh), folder)
    opened(browser, folder)
    for azimuth, frame in ((0, 0), (90, 5)):
        moved = mesh.vertices @ torch.linalg.inv(torch.eye(3) + frame / 6 * BEND).T
        reference = MeshRenderer(replace(mesh, vertices=moved))
        views = Viewpoints(azimuths_deg=(azimuth,), size=128)
        wanted = render_views(reference, views.cameras(), torch.zeros(1), antialias=2).rgb[0, 0].numpy()
        shown = shown_as_rendered(browser, azimuth, frame / 5, 128)
        error = -10 * np.log10(np.mean((shown - wanted) ** 2))
        assert error > 25.0, f"{error:.1f} dB at {azimuth} degrees, frame {frame}"


def with_material(glb: bytes, **changes: object) -> bytes:
    """A .glb file whose materials are lit, not metallic and rough, but for `changes`."""
    (length,) = struct.unpack_from("<I", glb, 12)
    document, rest = json.loads(glb[20 : 20 + length]), glb[20 + length :]
    for material in document["materials"]:
        del material["extensions"]
        material["pbrMetallicRoughness"] |= {k: v for k, v in changes.items() if k.endswith("Factor") and k[0] in "mr"}
        material |= {k: v for k, v in changes.items() if k.startswith(("emissive", "normal"))}
    text = json.dumps(document).encode()
    text += b" " * (-len(text) % 4)
    head = struct.pack("<4sIIII", b"glTF", 2, 20 + len(text) + len(rest), len(text), 0x4E4F534A)
    return head + text + rest


def page_of(folder: Path, asset: bytes) -> Path:
    folder.mkdir()
    (folder / "asset.glb").write_bytes(asset)
    ResultPage()(scene_of(load_plant()), folder)
    return folder


@needs_chromium
def test_the_3d_view_shows_metal_roughness_normal_maps_and_emission(browser, run, tmp_path):
    asset = (run / "asset.glb").read_bytes()
    materials = {
        "plain": {},
        "metal": {"metallicFactor": 1.0, "roughnessFactor": 0.9},
        "polished": {"metallicFactor": 1.0, "roughnessFactor": 0.1},
        "glowing": {"emissiveFactor": [0.0, 0.0, 1.0]},
        "bumpy": {"normalTexture": {"index": 0}},
    }
    pictures = {}
    for name, changes in materials.items():
        opened(browser, page_of(tmp_path / name, with_material(asset, **changes)))
        pictures[name] = pose(browser, 0, 0.0)
        assert not browser.requests() and not browser.troubles()
    for one, other in itertools.combinations(pictures, 2):
        assert change(pictures[one], pictures[other]) > 0.2, (one, other)
    blue = (pictures["glowing"] - pictures["plain"]).mean((0, 1))
    assert blue[2] > 5.0 and abs(blue[:2]).max() < 0.5


@needs_chromium
def test_without_light_a_lit_asset_has_the_colours_of_an_unlit_one(browser, run, tmp_path):
    opened(browser, run)
    unlit = pose(browser, 0, 0.5)
    opened(browser, page_of(tmp_path / "lit", with_material((run / "asset.glb").read_bytes())))
    lit = pose(browser, 0, 0.5)
    browser.click("#light")
    assert change(pose(browser, 0, 0.5), unlit) < 0.05 < 0.2 < change(lit, unlit)


@needs_chromium
def test_a_skinned_asset_moves_as_its_morph_targets_do(browser, run, tmp_path):
    opened(browser, run)
    rest, moved = pose(browser, 0, 0.0), pose(browser, 0, 1.0)
    Glb(frames=6, fps=12.0, skin=True, bones=8)(scene_of(load_plant()), tmp_path)
    opened(browser, page_of(tmp_path / "skinned", (tmp_path / "asset.glb").read_bytes()))
    assert change(pose(browser, 0, 1.0), moved) < 0.1 * change(rest, moved)


@needs_chromium
def test_each_of_several_clips_can_be_chosen(browser, tmp_path):
    still = scene_of(load_plant())
    still.prompt, still.renderer = Prompt("a plant standing", "plant"), SimpleNamespace(field=Still())
    Glb(frames=6, fps=12.0).combine([scene_of(load_plant()), still], tmp_path)
    opened(browser, page_of(tmp_path / "several", (tmp_path / "asset.glb").read_bytes()))
    rest, moved = pose(browser, 0, 0.0), pose(browser, 0, 1.0)
    assert change(rest, moved) > 0.2
    names = browser.value("[...document.querySelector('#clip').options].map((option) => option.textContent)")
    assert names == [PROMPT, "a plant standing"]
    browser.value("(e => { e.value = 1; e.dispatchEvent(new Event('change')) })(document.querySelector('#clip'))")
    assert change(rest, pose(browser, 0, 1.0)) < 0.05


@needs_chromium
def test_a_skeleton_moves_as_shapes_do(browser, tmp_path):
    scene = scene_of(load_plant())
    scene.renderer = SimpleNamespace(field=Rigged(scene.reference.mesh, found_rig(scene.reference.mesh), degrees=8.0))
    shots = {}
    for name in ("auto", False):
        Glb(frames=6, fps=12.0, skin=name)(scene, tmp_path / str(name))
        opened(browser, page_of(tmp_path / f"page {name}", (tmp_path / str(name) / "asset.glb").read_bytes()))
        shots[name] = [pose(browser, 0, share) for share in (0.0, 0.6)]
    assert change(*shots["auto"]) > 0.2 and change(shots["auto"][0], shots[False][0]) < 0.01
    assert change(shots["auto"][1], shots[False][1]) < 0.1 * change(*shots["auto"])


@needs_chromium
def test_the_page_begins_with_the_run_s_clip_and_old_ones_can_be_chosen(browser, tmp_path):
    mesh = load_mesh(arm(tmp_path / "arm.glb"))
    scene = scene_of(mesh)
    scene.renderer = SimpleNamespace(field=Rigged(mesh, own_rig(mesh), travel=0.0))
    Glb(frames=6, fps=6.0)(scene, tmp_path)
    opened(browser, page_of(tmp_path / "own", (tmp_path / "asset.glb").read_bytes()))
    chosen = "document.querySelector('#clip')"
    assert browser.value(f"[...{chosen}.options].map((option) => option.textContent)") == ["bend", PROMPT]
    assert browser.value(f"{chosen}.value") == "1" and not browser.value(f"{chosen}.hidden")
    rest, ours = pose(browser, 0, 0.0), pose(browser, 0, 1.0)
    choose = f"(number => {{ {chosen}.value = number; {chosen}.dispatchEvent(new Event('change')) }})"
    browser.value(f"{choose}(0)")
    again, old = pose(browser, 0, 0.0), pose(browser, 0, 1.0)
    browser.value(f"{choose}(1)")
    assert change(rest, again) < 0.001 and change(pose(browser, 0, 1.0), ours) < 0.001
    assert min(change(rest, ours), change(rest, old), change(ours, old)) > 0.02
    assert not browser.troubles()


@needs_chromium
def test_a_damaged_asset_leaves_the_rest_of_the_page_working_and_says_so(browser, tmp_path):
    browser.open((page_of(tmp_path / "damaged", b"glTF but not quite") / "report.html").as_uri())
    browser.wait("document.querySelector('#error') && !document.querySelector('#error').hidden")
    assert "asset.glb" in browser.value("document.querySelector('#error').textContent")
    assert browser.value("document.querySelector('h1').textContent") == PROMPT
