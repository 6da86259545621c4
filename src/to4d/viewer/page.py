"""A local page with a run: the moving surface to turn around, and beside it what the renderers see; live, too."""

import logging
import math
import socket
import threading
from collections.abc import Callable, Mapping

import numpy as np
import torch
from scipy.spatial.transform import Rotation
from torch import Tensor

from to4d.errors import InputError
from to4d.types import Cameras
from to4d.viewer.gate import Gate
from to4d.viewer.show import MODES, Show, glb, looking

log = logging.getLogger(__name__)

LOCAL = ("127.0.0.1", "localhost", "::1")
START, FOV = (1.0, 0.6, 2.5), math.radians(40.0)  # where a visitor first stands, and how much is seen


class Page:
    """The page: who visits it shares its controls, and the pictures are for who moved last."""

    def __init__(self, show: Show, host: str, port: int, fps: float, cameras: Mapping[str, Cameras]) -> None:
        """Serve it from now on; `run` makes it follow its controls.

        Args:
            show: what it shows.
            host: the address to listen at; at others than this computer's own, visitors need a token.
            port: the port.
            fps: frames a second.
            cameras: sets of cameras that can be shown, by name.

        Raises:
            InputError: if the package that serves it is not installed.
        """
        try:
            import viser
        except ImportError:
            raise InputError("the viewer needs the package viser; install it by: pip install -e '.[viewer]'") from None
        self.fps, self.drawn, self.closed = fps, None, threading.Event()
        self.looking, self.changing = threading.Lock(), threading.Lock()  # into the scene; of the surfaces
        self.server, self.gate = viser.ViserServer(**addresses(host, port), label="to4d", verbose=False), None
        start = self.server.initial_camera
        start.position, start.look_at, start.fov = START, (0.0, 0.0, 0.0), FOV
        gui = self.server.gui
        self.server.scene.set_up_direction("+y")
        self.status = gui.add_markdown("")
        self.frame = gui.add_slider("Frame", 0, len(show.times) - 1, 1, 0)
        self.playing = gui.add_checkbox("Play", False)
        self.mode = gui.add_dropdown("Show", tuple(MODES))
        self.of_phase = gui.add_dropdown("Cameras", ("none", *cameras))
        names = "input, moved mesh, field" if show.moves_mesh else "input, field"
        self.picture = gui.add_image(np.full((8, 8, 3), 255, np.uint8), label=f"From here: {names}")
        self.cameras = {name: self._stands(name, each) for name, each in cameras.items()}
        self.take(show)
        self._open(host, port)

    def _open(self, host: str, port: int) -> None:
        """Let visitors in, at other addresses than this computer's own through a gate."""
        if host in LOCAL:
            log.info("open http://%s:%d in a browser", host, self.server.get_port())
            return
        self.gate = Gate(host, port, self.server.get_port())
        log.info("open http://%s:%d/?token=%s in a browser", host, self.gate.port, self.gate.token)
        log.warning("who knows the token can look at the run; nothing is encrypted, so others can read it on the way")

    def _stands(self, phase: str, cameras: Cameras) -> list:
        """Where cameras stand and look, hidden."""
        add = self.server.scene.add_camera_frustum
        look = {"aspect": cameras.size[1] / cameras.size[0], "scale": 0.12, "color": (90, 110, 200)}
        return [
            add(
                f"/cameras/{phase}/{i}",
                float(fov),
                wxyz=quaternion(pose[:3, :3]),
                position=pose[:3, 3].numpy(),
                visible=False,
                **look,
            )
            for i, (pose, fov) in enumerate(zip(cameras.pose, cameras.fov, strict=True))
        ]

    def take(self, show: Show) -> None:
        """Show this from now on."""
        add = self.server.scene.add_glb
        now = self.frame.value
        pages = [glb(shape) for shape in show.shapes]
        with self.changing:
            self.surfaces = [add(f"/frame_{i}", page, visible=i == now) for i, page in enumerate(pages)]
            self.show, self.drawn = show, None

    def run(self, renew: Callable[[], Show | None] = lambda: None, every: float = 1.0) -> None:
        """Play and draw until `closed` is set; playing does not wait for the pictures, nor for `renew`.

        Args:
            renew: what to show instead, if anything; asked while nobody looks.
            every: seconds between its calls.
        """
        jobs = [(self.draw, 1.0 / self.fps), (lambda: self.follow(renew), every)]
        threads = [threading.Thread(target=self._repeat, args=job, daemon=True) for job in jobs]
        for thread in threads:
            thread.start()
        self._repeat(self.turn, 1.0 / self.fps)
        for thread in threads:
            thread.join()
        if self.gate:
            self.gate.close()
        self.server.stop()

    def follow(self, renew: Callable[[], Show | None]) -> None:
        """Show what is new."""
        with self.looking:
            show = renew()
        if show is not None:
            self.take(show)

    def turn(self) -> None:
        """Show the surface of the frame at the slider, the next one while playing; and the cameras that are wanted."""
        if self.playing.value:
            self.frame.value = (self.frame.value + 1) % len(self.surfaces)
        now = self.frame.value
        with self.changing, self.server.atomic():
            for i, surface in enumerate(self.surfaces):
                surface.visible = i == now
            for name, stands in self.cameras.items():
                for stand in stands:
                    stand.visible = name == self.of_phase.value

    def draw(self) -> None:
        """Renew the pictures if the frame, the mode, the camera or what is shown is another."""
        cameras = [client.camera for client in self.server.get_clients().values()]
        if not cameras:
            return
        camera = max(cameras, key=lambda camera: camera.update_timestamp)
        pose = looking(camera.position, camera.look_at)
        wanted = (pose.tolist(), camera.fov, self.frame.value, self.mode.value)
        if wanted != self.drawn:
            self.drawn = wanted
            with self.looking:
                self.picture.image = self.show.pictures(pose, *wanted[1:])

    def _repeat(self, job: Callable[[], None], every: float) -> None:
        while not self.closed.wait(every):
            job()


def addresses(host: str, port: int) -> dict:
    """Where viser listens: here, or behind the gate of another address at a free port of this computer."""
    if host in LOCAL:
        return {"host": host, "port": port}
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return {"host": "127.0.0.1", "port": free.getsockname()[1]}


def quaternion(axes: Tensor) -> tuple[float, ...]:
    """The quaternion (w, x, y, z) of a camera's axes (3, 3), which look along -z here and along +z in viser."""
    x, y, z, w = Rotation.from_matrix((axes * torch.tensor([1.0, -1.0, -1.0])).double().numpy()).as_quat()
    return w, x, y, z
