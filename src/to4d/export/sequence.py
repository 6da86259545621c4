"""A moving object as one file a frame, for programs that read neither glTF nor USD."""

import io
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from to4d.disk.files import write_atomically
from to4d.export.frame_meshes import FrameMesh, frame_meshes
from to4d.export.gltf.appearance import encode_texture
from to4d.export.isosurface import Isosurface
from to4d.protocols import DeformableField, Exporter, Scene
from to4d.types import Mesh
from to4d.viewpoints import frame_times


@dataclass(frozen=True)
class MeshSequence(Exporter):
    """Writes `asset_<format>.zip`, or the folder `asset_<format>`: 0000.obj, 0001.obj, ...

    The mesh moves where the 4D model can move it, and OBJ then keeps its materials, textures and texture coordinates;
    else, and in PLY, vertices have the colours of the 4D model.

    Args:
        format: "obj" or "ply".
        frames: frame i stands at time i/frames of the motion.
        zipped: one file, rather than a folder.
        surface: how a frame is made where the mesh cannot be moved.
    """

    format: str
    frames: int = 24
    zipped: bool = True
    surface: Isosurface = field(default_factory=Isosurface)

    def __post_init__(self) -> None:
        if self.format not in ("obj", "ply") or self.frames < 1:
            raise ValueError(f"a sequence is of obj or ply files and has frames, not {self.format!r} x {self.frames}")

    def __call__(self, scene: Scene, out: Path) -> None:
        """Write below the folder `out`."""
        name = f"asset_{self.format}"
        if not self.zipped:
            for file, data in self.files(scene):
                write_atomically(Path(out) / name / file, data)
            return
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            for file, data in self.files(scene):
                archive.writestr(f"{name}/{file}", data)
        write_atomically(Path(out) / f"{name}.zip", packed.getvalue())

    def files(self, scene: Scene) -> Iterator[tuple[str, bytes]]:
        """Names and contents."""
        mesh = scene.reference.mesh if isinstance(scene.renderer.field, DeformableField) else None
        if self.format == "obj" and mesh is not None:
            yield from material_files(mesh)
        write: Callable[[FrameMesh, Mesh | None], bytes] = obj if self.format == "obj" else ply
        for number, shape in enumerate(frame_meshes(scene, frame_times(self.frames), self.surface)):
            yield f"{number:04d}.{self.format}", write(shape, mesh)


def ply(shape: FrameMesh, mesh: Mesh | None = None) -> bytes:
    """Binary, little-endian, with a colour a vertex."""
    fields = [*((axis, "<f4") for axis in "xyz"), *((name, "u1") for name in ("red", "green", "blue"))]
    vertices = np.zeros(len(shape.points), fields)
    for column, (name, _) in enumerate(fields):
        vertices[name] = (shape.points if column < 3 else shape.colors)[:, column % 3]
    faces = np.zeros(len(shape.faces), [("count", "u1"), ("corners", "<i4", 3)])
    faces["count"], faces["corners"] = 3, shape.faces
    names = "".join(f"property {'float' if kind == '<f4' else 'uchar'} {name}\n" for name, kind in fields)
    header = f"ply\nformat binary_little_endian 1.0\nelement vertex {len(vertices)}\n{names}"
    header += f"element face {len(faces)}\nproperty list uchar int vertex_indices\nend_header\n"
    return header.encode() + vertices.tobytes() + faces.tobytes()


def obj(shape: FrameMesh, mesh: Mesh | None = None) -> bytes:
    """With the mesh's materials; without a mesh, with a colour a vertex after its place, as many programs read it."""
    if mesh is None:
        rows = np.concatenate([shape.points, shape.colors / 255.0], 1)
        return (_lines("v", "%.6g", rows) + _lines("f", "%d", shape.faces + 1)).encode()
    corners = np.stack([shape.faces, np.arange(3 * len(shape.faces)).reshape(-1, 3)], -1) + 1  # each its own uv
    text = [
        "mtllib asset.mtl\n",
        _lines("v", "%.8g", shape.points),
        _lines("vt", "%.6g", mesh.uv.numpy().reshape(-1, 2)),
    ]
    for number, name in enumerate(material_names(mesh)):
        mine = corners[mesh.material.numpy() == number].reshape(-1, 6)
        text.append(f"usemtl {name}\n" + ("f %d/%d %d/%d %d/%d\n" * len(mine)) % tuple(mine.reshape(-1).tolist()))
    return "".join(text).encode()


def _lines(word: str, number: str, rows: np.ndarray) -> str:
    """A line a row."""
    line = " ".join([word] + [number] * rows.shape[1]) + "\n"
    return (line * len(rows)) % tuple(rows.reshape(-1).tolist())


def material_names(mesh: Mesh) -> list[str]:
    """A name without blanks for every material, each once."""
    return [
        f"{number}_{'_'.join(material.name.split()) or 'material'}" for number, material in enumerate(mesh.materials)
    ]


def material_files(mesh: Mesh) -> Iterator[tuple[str, bytes]]:
    """The material library, and the textures as PNG files."""
    text = []
    for name, material in zip(material_names(mesh), mesh.materials, strict=True):
        red, green, blue, alpha = material.color
        text.append(f"newmtl {name}\nKd {red:.6g} {green:.6g} {blue:.6g}\nd {alpha:.6g}\n")
        if (texture := encode_texture(material)) is not None:
            text.append(f"map_Kd {texture_name(name)}\n")
            yield texture_name(name), texture
    yield "asset.mtl", "".join(text).encode()


def texture_name(name: str) -> str:
    """Of a material's picture; whatever the material is called, a plain file name.

    >>> texture_name("0_../../a b")
    '0_______a_b.png'
    """
    return "".join(letter if letter.isalnum() and letter.isascii() else "_" for letter in name) + ".png"
