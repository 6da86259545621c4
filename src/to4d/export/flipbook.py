"""A moving object as one GLB with a surface a frame, of which a clip shows one after the other."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from to4d.disk.files import write_atomically
from to4d.export.frame_meshes import FrameMesh, frame_meshes, isosurfaces
from to4d.export.gltf.appearance import UNLIT, linear_from_srgb
from to4d.export.isosurface import Isosurface, is_watertight
from to4d.gltf.document import INDICES, VERTICES, Document
from to4d.protocols import Exporter, Scene
from to4d.viewpoints import frame_times

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Flipbook(Exporter):
    """Writes `flipbook.glb`, for models that move no mesh (model=hash4d), and for any other.

    glTF can hide nothing over time but by its size: frames that are not shown are scaled to nothing. Colours are those
    of the 4D model at the vertices, unlit.

    Args:
        frames: frame i stands at time i/frames of the motion.
        fps: frames a second.
        surface: how a frame is made.
    """

    frames: int = 16
    fps: float = 8.0
    surface: Isosurface = field(default_factory=Isosurface)

    def __post_init__(self) -> None:
        if self.frames < 2 or not self.fps > 0:
            raise ValueError(f"a flip-book needs frames >= 2 and fps > 0, not frames={self.frames}, fps={self.fps}")

    def __call__(self, scene: Scene, out: Path) -> dict[str, Any]:
        """Write below the folder `out`; returns figures about the flip-book, `export/flipbook_<quantity>`."""
        document = Document({"asset": {"version": "2.0", "generator": "to4d"}, "scene": 0, "scenes": [{"nodes": []}]})
        document.header["extensionsUsed"] = [UNLIT]
        look = {"metallicFactor": 0.0, "roughnessFactor": 1.0}
        document.add("materials", {"pbrMetallicRoughness": look, "extensions": {UNLIT: {}}})
        faces, closed = [], []
        for number, shape in enumerate(self.shapes(scene)):
            add_frame(document, number, shape)
            faces.append(len(shape.faces))
            closed.append(is_watertight(shape.faces))
        add_clip(document, scene.prompt.text, self.frames, self.fps)
        data = document.binary()
        write_atomically(Path(out) / "flipbook.glb", data)
        log.info("flipbook.glb: %d surfaces of at most %d triangles", self.frames, max(faces))
        figures = {"frames": self.frames, "faces": max(faces), "watertight": sum(closed), "bytes": len(data)}
        return {f"export/flipbook_{name}": value for name, value in figures.items()}

    def shapes(self, scene: Scene) -> Iterator[FrameMesh]:
        """Surfaces of the field; the moved mesh itself where that is what the renderer shows."""
        times = frame_times(self.frames)
        if scene.renderer.needs_static_fit:
            return isosurfaces(scene, times, self.surface)
        return frame_meshes(scene, times, self.surface)


def add_frame(document: Document, number: int, shape: FrameMesh) -> None:
    """A node with one frame; the first is shown at rest."""
    linear = linear_from_srgb(shape.colors / 255.0)
    colors = np.concatenate([65535.0 * linear, np.full((len(linear), 1), 65535.0)], 1).round().astype(np.uint16)
    attributes = {
        "POSITION": document.add_array(shape.points, VERTICES, bounds=True),
        "COLOR_0": document.add_array(colors, VERTICES),
    }
    document.header["accessors"][attributes["COLOR_0"]]["normalized"] = True
    numbers = np.uint16 if len(shape.points) < 65535 else np.uint32
    triangles = document.add_array(shape.faces.reshape(-1).astype(numbers), INDICES)
    name = f"frame {number}"
    mesh = document.add(
        "meshes", {"name": name, "primitives": [{"attributes": attributes, "indices": triangles, "material": 0}]}
    )
    node = document.add("nodes", {"name": name, "mesh": mesh} | ({} if number == 0 else {"scale": [0.0, 0.0, 0.0]}))
    document.header["scenes"][0]["nodes"].append(node)


def add_clip(document: Document, name: str, frames: int, fps: float) -> None:
    """A clip in which node i has its size from frame i to i + 1, and none before and after."""
    samplers, channels = [], []
    for i in range(frames):
        keys = sorted({0, i, i + 1, frames})
        sizes = np.repeat([[float(i <= key <= i + (i + 1 == frames))] for key in keys], 3, axis=1).astype(np.float32)
        seconds = document.add_array((np.array(keys) / fps).astype(np.float32), bounds=True)
        samplers.append({"input": seconds, "output": document.add_array(sizes), "interpolation": "STEP"})
        channels.append({"sampler": i, "target": {"node": i, "path": "scale"}})
    document.add("animations", {"name": name, "samplers": samplers, "channels": channels})
