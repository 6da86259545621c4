"""A local page with a finished run: the moving surface to turn around, and beside it what the renderers see."""

import hmac
import logging
import secrets
import threading
import time
from dataclasses import dataclass, replace
from typing import Any

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


def page(shape: Shape) -> bytes:
    """A surface as a GLB file of its own."""
    document = Document({"asset": {"version": "2.0"}, "scene": 0, "scenes": [{"nodes": []}], "extensionsUsed": [UNLIT]})
    document.add("materials", {"doubleSided": True, "extensions": {UNLIT: {}}})
    add_page(document, 0, shape)
    return document.binary()


@dataclass
class Visitor:
    """One browser: its controls, and what it shows now."""

    client: Any
    show: Show
    fps: float

    def __post_init__(self) -> None:
        gui, count = self.client.gui, len(self.show.times)
        self.busy = threading.Lock()
        self.client.scene.set_up_direction("+y")
        self.pages = [
            self.client.scene.add_glb(f"/frame_{i}", page(shape), visible=i == 0)
            for i, shape in enumerate(self.show.shapes)
        ]
        self.time = gui.add_slider("Time", 0, count - 1, 1, 0)
        self.play = gui.add_checkbox("Play", False)
        self.mode = gui.add_dropdown("Show", tuple(MODES))
        names = "input, moved mesh, field" if self.show.moves_mesh else "input, field"
        self.picture = gui.add_image(np.full((8, 8, 3), 255, np.uint8), label=f"From here: {names}")
        self.time.on_update(lambda _: self.turn())
        self.mode.on_update(lambda _: self.draw())
        self.play.on_update(lambda _: self.run())
        self.client.camera.on_update(lambda _: self.draw())

    def turn(self) -> None:
        """Show the frame at the slider."""
        for i, each in enumerate(self.pages):
            each.visible = i == self.time.value
        self.draw()

    def draw(self) -> None:
        """Renew the pictures, unless they are being renewed."""
        camera = self.client.camera
        if self.busy.acquire(blocking=False):
            try:
                pose = looking(camera.position, camera.look_at)
                self.picture.image = self.show.pictures(pose, float(camera.fov), int(self.time.value), self.mode.value)
            finally:
                self.busy.release()

    def run(self) -> None:
        """Play until the box is cleared or the browser is gone."""
        while self.play.value and self.client.client_id in self.client._viser_server.get_clients():
            self.time.value = (int(self.time.value) + 1) % len(self.show.times)
            self.turn()
            time.sleep(1.0 / self.fps)


def serve(show: Show, host: str, port: int, token: str | None, fps: float) -> Any:
    """Start the page; returns its server.

    Args:
        show: what it shows.
        host: the address to listen at; other than this computer's own, visitors need a token.
        port: the port.
        token: what visitors have to type; where None and one is needed, a new one, which the log tells.
        fps: frames a second, at most.

    Raises:
        InputError: if the package that serves it is not installed.
    """
    try:
        import viser
    except ImportError:
        raise InputError("the viewer needs the package viser; install it by: pip install 'to4d[viewer]'") from None
    token = token or (None if host in LOCAL else secrets.token_urlsafe(9))
    server = viser.ViserServer(host=host, port=port, label="to4d", verbose=False)
    server.on_client_connect(lambda client: admit(client, show, fps, token))
    log.info("open http://%s:%d in a browser%s", host, server.get_port(), f"; the token is {token}" if token else "")
    return server


def admit(client: Any, show: Show, fps: float, token: str | None) -> None:
    """Show a browser the run; before it has the token, if there is one, it gets nothing but a field to type it in."""
    if token is None:
        Visitor(client, show, fps)
        return
    typed = client.gui.add_text("Token", "")

    def check(_: Any) -> None:
        if hmac.compare_digest(typed.value.encode(), token.encode()):
            typed.remove()
            Visitor(client, show, fps)

    typed.on_update(check)
