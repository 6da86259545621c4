"""A local page with a finished run: the moving surface to turn around, and beside it what the renderers see."""

import logging
import math
import threading
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import normalize

from to4d.errors import InputError
from to4d.export.flipbook import add_page
from to4d.export.glb_build import world_from_asset
from to4d.export.glb_look import UNLIT
from to4d.export.glb_write import Document
from to4d.export.isosurface import Isosurface
from to4d.export.panels import depth_colours, mask, normal_colours, to_uint8
from to4d.export.shapes import Shape, shapes_of
from to4d.render.mesh_cpu import MeshRenderer
from to4d.types import Cameras, Render, Scene
from to4d.viewpoints import frame_times, look

log = logging.getLogger(__name__)

LOCAL = ("127.0.0.1", "localhost", "::1")
START, FOV = (1.0, 0.6, 2.5), math.radians(40.0)  # where a visitor first stands, and how much is seen
MODES = {
    "Colour": lambda seen: seen.rgb,
    "Depth": lambda seen: depth_colours(seen.depth, seen.opacity),
    "Normals": lambda seen: normal_colours(seen.normal, seen.opacity),
    "Mask": lambda seen: mask(seen.opacity),
}


class Show:
    """A run as frames: surfaces for the browser, and pictures of the input, the moved mesh and the field."""

    def __init__(self, scene: Scene, frames: int, size: int, surface: Isosurface) -> None:
        """Follow the motion; `size` is that of the pictures, `surface` for models that move no mesh."""
        self.scene, self.size, self.times = scene, size, frame_times(frames)
        world = world_from_asset(scene.reference.mesh)
        self.shapes = [
            replace(shape, points=(shape.points @ world[:3, :3].T + world[:3, 3]).astype(np.float32))
            for shape in shapes_of(scene, self.times, surface)
        ]
        self.moves_mesh = hasattr(scene.renderer.field, "displacement")

    def pictures(self, pose: Tensor, fov: float, frame: int, mode: str) -> np.ndarray:
        """(H, 2 W or 3 W, 3) bytes: the input, the moved mesh where there is one, the field; from a pose (4, 4)."""
        cameras = Cameras(pose[None], torch.tensor([fov]), (self.size, self.size))
        renderers = [(self.scene.reference, 0.0)]
        if self.moves_mesh:
            moved = torch.from_numpy(self.shapes[frame].points)
            renderers.append((MeshRenderer(replace(self.scene.reference.mesh, vertices=moved)), 0.0))
        renderers.append((self.scene.renderer, float(self.times[frame])))
        seen = [look(renderer, cameras, torch.tensor([t]), normals=True).at(0) for renderer, t in renderers]
        side_by_side = Render(*(torch.cat(x, 2) for x in zip(*map(_parts, seen), strict=True)))
        return to_uint8(MODES[mode](side_by_side)[0]).numpy()


def _parts(seen: Render) -> tuple[Tensor, ...]:
    return seen.rgb, seen.opacity, seen.depth, seen.normal


def looking(position: np.ndarray, target: np.ndarray) -> Tensor:
    """(4, 4) the pose of a camera that stands at `position` and looks at `target`, y up."""
    place, aim = (torch.tensor(np.asarray(x), dtype=torch.float32) for x in (position, target))
    back = normalize(place - aim, dim=0)
    right = normalize(torch.linalg.cross(torch.tensor([0.0, 1.0, 0.0]), back), dim=0)
    pose = torch.eye(4)
    pose[:3] = torch.stack([right, torch.linalg.cross(back, right), back, place], 1)
    return pose


def glb(shape: Shape) -> bytes:
    """A surface as a GLB file of its own."""
    document = Document({"asset": {"version": "2.0"}, "scene": 0, "scenes": [{"nodes": []}], "extensionsUsed": [UNLIT]})
    document.add("materials", {"doubleSided": True, "extensions": {UNLIT: {}}})
    add_page(document, 0, shape)
    return document.binary()


class Page:
    """The page: who visits it shares its controls, and the pictures are for who moved last."""

    def __init__(self, show: Show, host: str, port: int, fps: float) -> None:
        """Serve it from now on; `run` makes it follow its controls.

        Args:
            show: what it shows.
            host: the address to listen at.
            port: the port.
            fps: frames a second.

        Raises:
            InputError: if the package that serves it is not installed.
        """
        try:
            import viser
        except ImportError:
            raise InputError("the viewer needs the package viser; install it by: pip install -e '.[viewer]'") from None
        self.show, self.fps, self.drawn, self.closed = show, fps, None, threading.Event()
        self.server = viser.ViserServer(host=host, port=port, label="to4d", verbose=False)
        start = self.server.initial_camera
        start.position, start.look_at, start.fov = START, (0.0, 0.0, 0.0), FOV
        scene, gui = self.server.scene, self.server.gui
        scene.set_up_direction("+y")
        self.surfaces = [
            scene.add_glb(f"/frame_{i}", glb(shape), visible=i == 0) for i, shape in enumerate(show.shapes)
        ]
        self.frame = gui.add_slider("Frame", 0, len(show.times) - 1, 1, 0)
        self.playing = gui.add_checkbox("Play", False)
        self.mode = gui.add_dropdown("Show", tuple(MODES))
        names = "input, moved mesh, field" if show.moves_mesh else "input, field"
        self.picture = gui.add_image(np.full((8, 8, 3), 255, np.uint8), label=f"From here: {names}")
        log.info("open http://%s:%d in a browser", host, self.server.get_port())
        if host not in LOCAL:
            log.warning("who can reach this address can look at the run: nothing is asked, nothing is encrypted")

    def run(self) -> None:
        """Play and draw until `closed` is set; playing does not wait for the pictures."""
        drawing = threading.Thread(target=self._repeat, args=(self.draw,), daemon=True)
        drawing.start()
        self._repeat(self.turn)
        drawing.join()
        self.server.stop()

    def turn(self) -> None:
        """Show the surface of the frame at the slider, the next one while playing."""
        if self.playing.value:
            self.frame.value = (self.frame.value + 1) % len(self.surfaces)
        now = self.frame.value
        with self.server.atomic():
            for i, surface in enumerate(self.surfaces):
                surface.visible = i == now

    def draw(self) -> None:
        """Renew the pictures if the frame, the mode or the camera is another."""
        cameras = [client.camera for client in self.server.get_clients().values()]
        if not cameras:
            return
        camera = max(cameras, key=lambda camera: camera.update_timestamp)
        pose = looking(camera.position, camera.look_at)
        wanted = (pose.tolist(), camera.fov, self.frame.value, self.mode.value)
        if wanted != self.drawn:
            self.picture.image = self.show.pictures(pose, *wanted[1:])
            self.drawn = wanted

    def _repeat(self, job: Callable[[], None]) -> None:
        while not self.closed.wait(1.0 / self.fps):
            job()
