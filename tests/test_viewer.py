"""The viewer renders input, moved mesh and field from the visitor's camera, and its controls work in a browser."""

import json
import math
import socket
import threading
import time
import urllib.request
from collections.abc import Callable

import numpy as np
import pytest
import torch
from browser import CHROMIUM, Browser
from moving_ball import MovingBall
from plain_field import PlainField

from to4d.export.isosurface import Isosurface
from to4d.export.panels import to_uint8
from to4d.geometry import orbit
from to4d.objects.plant import load_plant
from to4d.protocols import Scene
from to4d.render.mesh_cpu import MeshRenderer
from to4d.types import Prompt
from to4d.viewer.frames import MODES, SceneFrames, look_at_pose
from to4d.viewer.server import ViewerServer
from to4d.viewpoints import render_views

FOV = math.radians(40.0)
CAMERAS = {"dynamic": orbit(torch.tensor([0.0, 45.0, 90.0]), 10.0, 3.0, 40.0, (8, 8))}


class Lifted(PlainField):
    """Rises by 0.4 until t = 1, grey."""

    def displacement(self, points: torch.Tensor, times: torch.Tensor) -> torch.Tensor:
        return times[:, None] * torch.tensor([0.0, -0.4, 0.0])


@pytest.fixture(scope="module")
def frames():
    renderer = MovingBall(0.2)
    renderer.field, renderer.needs_static_fit = Lifted(), True
    scene = Scene(MeshRenderer(load_plant()), renderer, Prompt("a plant rising", "plant"))
    return SceneFrames(scene, 4, 32, Isosurface(16))


@pytest.mark.parametrize("azimuth", [0.0, 130.0])
def test_a_camera_that_looks_at_the_middle_is_the_orbit_s(azimuth):
    pose = orbit(torch.tensor([azimuth]), 15.0, 3.0, 40.0, (8, 8)).pose[0]
    assert look_at_pose(pose[:3, 3].numpy(), np.zeros(3)).allclose(pose, atol=1e-5)


def test_input_moved_mesh_and_field_stand_side_by_side(frames):
    cameras = orbit(torch.tensor([30.0]), 10.0, 3.0, 40.0, (32, 32))
    still = to_uint8(render_views(frames.scene.reference, cameras, torch.zeros(1)).rgb[0, 0]).numpy()
    first, last = (frames.panels(cameras.pose[0], FOV, frame, "Colour") for frame in (0, 3))
    assert first.shape == (32, 96, 3) and np.array_equal(first[:, :32], still) and np.array_equal(last[:, :32], still)
    assert np.abs(first[:, 32:64].astype(int) - still).mean() < 1.0  # at rest the mesh is the input
    heights = [np.flatnonzero((picture[:, 32:64] < 255).any((1, 2))).min() for picture in (first, last)]
    assert heights[1] < heights[0] - 2 and not np.array_equal(first[:, 64:], last[:, 64:])
    assert len({frames.panels(cameras.pose[0], FOV, 1, mode).tobytes() for mode in MODES}) == 4


@pytest.fixture
def viewer(frames):
    pytest.importorskip("viser", reason="needs viser: pip install -e '.[viewer]'")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    viewer = ViewerServer(frames, port, 8.0, CAMERAS)
    following = threading.Thread(target=viewer.run)
    following.start()
    yield viewer
    viewer.closed.set()
    following.join()


def test_it_listens_on_localhost_only(viewer):
    port = viewer.server.get_port()
    with urllib.request.urlopen(f"http://127.0.0.1:{port}") as answer:
        assert answer.status == 200
    with pytest.raises(ConnectionRefusedError), socket.create_connection(("127.0.0.2", port), 2):
        pass  # another address of this very computer


def test_frustums_stand_and_look_as_the_cameras_of_the_schedule(viewer):
    stands = viewer.frustums["dynamic"]
    assert len(stands) == 3 and not any(stand.visible for stand in stands)
    for stand, pose in zip(stands, CAMERAS["dynamic"].pose, strict=True):
        w, x, y, z = stand.wxyz
        ahead = np.array([2 * (x * z + w * y), 2 * (y * z - w * x), 1 - 2 * (x * x + y * y)])  # viser's cameras see +z
        assert (
            np.abs(ahead + pose[:3, 2].numpy()).max() < 1e-5
            and np.abs(stand.position - pose[:3, 3].numpy()).max() < 1e-6
        )


def test_new_frames_replace_the_surfaces(viewer, frames):
    before = viewer.surfaces
    viewer.update(lambda: None)
    assert viewer.surfaces is before
    viewer.update(lambda: frames)
    assert len(viewer.surfaces) == 4 and viewer.surfaces is not before


FRAME = "+document.querySelector('[role=slider]').ariaValueNow"
PICTURE = "document.querySelector('img[src^=blob]').src"


def control(browser: Browser, label: str) -> str:
    """The selector of what a label is for."""
    number = browser.value(f"[...document.querySelectorAll('label')].find(x => x.innerText === '{label}').htmlFor")
    return f'[id="{number}"]'


def choose(browser: Browser, label: str, option: str) -> None:
    """Unfold a list and click one of its options."""
    browser.click(control(browser, label))
    browser.wait(f"!!document.querySelector('[role=option][value={option}]')?.getBoundingClientRect().height")
    time.sleep(1.0)  # it unfolds
    browser.click(f"[role=option][value={option}]")


def changes(browser: Browser, expression: str, before: object) -> object:
    browser.wait(f"({expression}) !== {json.dumps(before)}")
    return browser.value(expression)


@pytest.mark.skipif(CHROMIUM is None, reason="needs chromium on the PATH")
def test_a_visitor_moves_the_slider_changes_the_mode_plays_stops_and_turns_the_object(viewer, tmp_path):
    with Browser(tmp_path / "profile", (900, 560), 240.0) as browser:
        browser.open(f"http://127.0.0.1:{viewer.server.get_port()}")
        browser.wait("document.querySelector('img[src^=blob]')?.naturalWidth === 96")
        wait_until(lambda: browser.click(control(browser, "Frame"), 0.97) or browser.value(f"{FRAME} === 3"))
        wait_until(
            lambda: [x.visible for x in viewer.surfaces] == [False, False, False, True] and viewer.rendered[2] == 3
        )
        picture = browser.value(PICTURE)
        choose(browser, "Show", "Normals")
        wait_until(lambda: viewer.rendered[2:] == (3, "Normals"))
        changes(browser, PICTURE, picture)
        browser.click(control(browser, "Play"))
        pictures = [3]
        for _ in range(2):
            pictures.append(changes(browser, FRAME, pictures[-1]))
        browser.click(control(browser, "Play"))
        wait_until(lambda: not viewer.playing.value)
        time.sleep(1.0)  # what was under way
        stopped = viewer.frame.value
        before = viewer.rendered[0]
        browser.drag("canvas[data-engine]", 120, 40)
        wait_until(lambda: viewer.rendered[0] != before)
        assert viewer.frame.value == stopped
        choose(browser, "Cameras", "dynamic")
        wait_until(lambda: all(stand.visible for stand in viewer.frustums["dynamic"]))
        viewer.status.content = "dynamic 30/100"
        browser.wait("document.body.innerText.includes('dynamic 30/100')")


def wait_until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 240.0
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.1)
