"""The viewer in a browser, by viser: a moving surface to orbit, and renders from the visitor's camera; live, too."""

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
from to4d.viewer.frames import MODES, SceneFrames, look_at_pose, surface_glb

log = logging.getLogger(__name__)

START, FOV = (1.0, 0.6, 2.5), math.radians(40.0)  # of a new visitor's camera


class ViewerServer:
    """Serves a run on localhost. Visitors share the controls; the panels follow the camera that moved last."""

    def __init__(self, frames: SceneFrames, port: int, fps: float, cameras: Mapping[str, Cameras]) -> None:
        """Listen from now on; `run` makes the page follow its controls.

        Args:
            frames: what to show.
            port: of localhost.
            fps: frames a second while playing.
            cameras: the training cameras of each phase, to show as frustums.

        Raises:
            InputError: if viser is not installed.
        """
        try:
            import viser
        except ImportError:
            raise InputError("the viewer needs the package viser; install it by: pip install -e '.[viewer]'") from None
        self.fps, self.rendered, self.closed = fps, None, threading.Event()
        self.scene_lock, self.surfaces_lock = threading.Lock(), threading.Lock()
        self.server = viser.ViserServer(host="127.0.0.1", port=port, label="to4d", verbose=False)
        camera = self.server.initial_camera
        camera.position, camera.look_at, camera.fov = START, (0.0, 0.0, 0.0), FOV
        self.server.scene.set_up_direction("+y")
        self._add_controls(frames, list(cameras))
        self.frustums = {name: self._add_frustums(name, each) for name, each in cameras.items()}
        self.show_frames(frames)
        port, machine = self.server.get_port(), socket.gethostname()
        log.info("open http://localhost:%d in a browser", port)
        log.info("from another machine: ssh -L %d:localhost:%d %s, then open it there", port, port, machine)

    def _add_controls(self, frames: SceneFrames, phases: list[str]) -> None:
        gui = self.server.gui
        self.status = gui.add_markdown("")
        self.frame = gui.add_slider("Frame", 0, len(frames.times) - 1, 1, 0)
        self.playing = gui.add_checkbox("Play", False)
        self.mode = gui.add_dropdown("Show", tuple(MODES))
        self.phase = gui.add_dropdown("Cameras", ("none", *phases))
        label = f"From here: {', '.join(frames.names)}"
        self.panels = gui.add_image(np.full((8, 8, 3), 255, np.uint8), label=label)

    def _add_frustums(self, phase: str, cameras: Cameras) -> list:
        """The frustums of a phase's cameras, hidden at first."""
        return [
            self.server.scene.add_camera_frustum(
                f"/cameras/{phase}/{i}",
                float(fov),
                cameras.size[1] / cameras.size[0],
                scale=0.12,
                color=(90, 110, 200),
                wxyz=quaternion(pose[:3, :3]),
                position=pose[:3, 3].numpy(),
                visible=False,
            )
            for i, (pose, fov) in enumerate(zip(cameras.pose, cameras.fov, strict=True))
        ]

    def show_frames(self, frames: SceneFrames) -> None:
        """Replace the surfaces and what panels render."""
        files = [surface_glb(shape) for shape in frames.shapes]
        with self.surfaces_lock:
            now, add = self.frame.value, self.server.scene.add_glb
            self.surfaces = [add(f"/frame_{i}", file, visible=i == now) for i, file in enumerate(files)]
            self.frames, self.rendered = frames, None

    def run(self, poll: Callable[[], SceneFrames | None] = lambda: None, every: float = 1.0) -> None:
        """Play and render until `closed` is set. Playing waits neither for rendering nor for `poll`.

        Args:
            poll: gives new frames to show, or None; it may change the scene, which is not rendered meanwhile.
            every: seconds between its calls.
        """
        jobs = [(self.render_panels, 1.0 / self.fps), (lambda: self.update(poll), every)]
        threads = [threading.Thread(target=self._repeat, args=job, daemon=True) for job in jobs]
        for thread in threads:
            thread.start()
        self._repeat(self.update_visibility, 1.0 / self.fps)
        for thread in threads:
            thread.join()
        self.server.stop()

    def update(self, poll: Callable[[], SceneFrames | None]) -> None:
        """Show new frames, if `poll` gives some."""
        with self.scene_lock:
            frames = poll()
        if frames is not None:
            self.show_frames(frames)

    def update_visibility(self) -> None:
        """Show the slider's frame, one later while playing, and the frustums of the chosen phase."""
        if self.playing.value:
            self.frame.value = (self.frame.value + 1) % len(self.surfaces)
        now = self.frame.value
        with self.surfaces_lock, self.server.atomic():
            for i, surface in enumerate(self.surfaces):
                surface.visible = i == now
            for name, frustums in self.frustums.items():
                for frustum in frustums:
                    frustum.visible = name == self.phase.value

    def render_panels(self) -> None:
        """Render from the camera that moved last, if it, the frame, the mode or the scene has changed."""
        cameras = [client.camera for client in self.server.get_clients().values()]
        if not cameras:
            return
        camera = max(cameras, key=lambda camera: camera.update_timestamp)
        pose = look_at_pose(camera.position, camera.look_at)
        wanted = (pose.tolist(), camera.fov, self.frame.value, self.mode.value)
        if wanted != self.rendered:
            self.rendered = wanted
            with self.scene_lock:
                self.panels.image = self.frames.panels(pose, *wanted[1:])

    def _repeat(self, job: Callable[[], None], every: float) -> None:
        while not self.closed.wait(every):
            job()


def quaternion(axes: Tensor) -> tuple[float, float, float, float]:
    """Quaternion (w, x, y, z) of a camera's axes (3, 3), which looks along -z here and along +z in viser."""
    x, y, z, w = Rotation.from_matrix((axes * torch.tensor([1.0, -1.0, -1.0])).double().numpy()).as_quat()
    return w, x, y, z
