"""The viewer shows input, moved mesh and field from where the visitor stands, and asks strangers for a token."""

import math
import socket
import time
import urllib.request

import numpy as np
import pytest
import torch
from browser import CHROMIUM, Browser
from moving_ball import MovingBall

from to4d.export.isosurface import Isosurface
from to4d.export.panels import to_uint8
from to4d.geometry import orbit
from to4d.objects.plant import load_plant
from to4d.render.mesh_cpu import MeshRenderer
from to4d.types import Prompt, Scene
from to4d.view import MODES, Show, looking, serve
from to4d.viewpoints import look

FOV = math.radians(40.0)


class Lifted(torch.nn.Module):
    """Rises by 0.4 until t = 1, grey."""

    def displacement(self, points: torch.Tensor, times: torch.Tensor) -> torch.Tensor:
        return times[:, None] * torch.tensor([0.0, -0.4, 0.0])

    def forward(self, points: torch.Tensor, times: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return torch.ones(len(points)), torch.full((len(points), 3), 0.5)


@pytest.fixture(scope="module")
def show():
    renderer = MovingBall(0.2)
    renderer.field = Lifted()
    scene = Scene(MeshRenderer(load_plant()), renderer, Prompt("a plant rising", "plant"))
    return Show(scene, 4, 32, Isosurface(16))


@pytest.mark.parametrize("azimuth", [0.0, 130.0])
def test_a_camera_that_looks_at_the_middle_is_the_orbit_s(azimuth):
    pose = orbit(torch.tensor([azimuth]), 15.0, 3.0, 40.0, (8, 8)).pose[0]
    assert looking(pose[:3, 3].numpy(), np.zeros(3)).allclose(pose, atol=1e-5)


def test_input_moved_mesh_and_field_stand_side_by_side(show):
    cameras = orbit(torch.tensor([30.0]), 10.0, 3.0, 40.0, (32, 32))
    still = to_uint8(look(show.scene.reference, cameras, torch.zeros(1)).rgb[0, 0]).numpy()
    first, last = (show.pictures(cameras.pose[0], FOV, frame, "Colour") for frame in (0, 3))
    assert first.shape == (32, 96, 3) and np.array_equal(first[:, :32], still) and np.array_equal(last[:, :32], still)
    assert np.abs(first[:, 32:64].astype(int) - still).mean() < 1.0  # at rest the mesh is the input
    heights = [np.flatnonzero((picture[:, 32:64] < 255).any((1, 2))).min() for picture in (first, last)]
    assert heights[1] < heights[0] - 2 and not np.array_equal(first[:, 64:], last[:, 64:])
    assert len({show.pictures(cameras.pose[0], FOV, 1, mode).tobytes() for mode in MODES}) == 4


@pytest.fixture
def port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def test_it_listens_to_this_computer_alone_unless_told_otherwise(show, port):
    pytest.importorskip("viser", reason="needs viser: pip install 'to4d[viewer]'")
    server = serve(show, "127.0.0.1", port, None, 8.0)
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}") as answer:
            assert answer.status == 200
        with pytest.raises(OSError, match="refused"), socket.create_connection(("127.0.0.2", port), 2):
            pass  # another address of this very computer
    finally:
        server.stop()


def wait_for(browser: Browser, word: str) -> str:
    for _ in range(120):
        text = str(browser.value("document.body?.innerText ?? ''"))
        if word in text:
            return text
        time.sleep(0.5)
    raise AssertionError(f"no {word!r} in {text!r}")


@pytest.mark.skipif(CHROMIUM is None, reason="needs chromium on the PATH")
def test_strangers_see_nothing_but_a_field_for_the_token(show, port, tmp_path):
    pytest.importorskip("viser", reason="needs viser: pip install 'to4d[viewer]'")
    server = serve(show, "127.0.0.1", port, "secret", 8.0)
    try:
        with Browser(tmp_path / "profile") as browser:
            browser.open(f"http://127.0.0.1:{port}")
            assert "Play" not in wait_for(browser, "Token")
    finally:
        server.stop()
