"""A moving object as one USDZ file: a mesh with time samples, for Houdini, Maya, Blender and Apple's viewers.

Layout after the specification of USD's geometry and preview materials (openusd.org, UsdGeomMesh, UsdPreviewSurface).
"""

import logging
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from to4d.disk.files import write_atomically
from to4d.errors import InputError
from to4d.export.frame_meshes import FrameMesh, frame_meshes
from to4d.export.gltf.appearance import encode_texture, linear_from_srgb
from to4d.export.isosurface import Isosurface
from to4d.protocols import DeformableField, Exporter, Scene
from to4d.types import Mesh
from to4d.viewpoints import frame_times

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Usd(Exporter):
    """Writes `asset.usdz`: the user's mesh with its materials where the 4D model can move it, else coloured surfaces.

    Args:
        frames: frame i stands at time i/frames of the motion.
        fps: frames a second.
        surface: how a frame is made where the mesh cannot be moved.
    """

    frames: int = 48
    fps: float = 24.0
    surface: Isosurface = field(default_factory=Isosurface)

    def __post_init__(self) -> None:
        if self.frames < 1 or not self.fps > 0:
            raise ValueError(f"an animation needs frames >= 1 and fps > 0, not frames={self.frames}, fps={self.fps}")

    def __call__(self, scene: Scene, out: Path) -> None:
        """Write below the folder `out`.

        Raises:
            InputError: if the package that writes USD is not installed.
        """
        try:
            from pxr import UsdUtils
        except ImportError:
            raise InputError("USD needs the package usd-core; install it by: pip install -e '.[usd]'") from None
        shapes = list(frame_meshes(scene, frame_times(self.frames), self.surface))
        mesh = scene.reference.mesh if isinstance(scene.renderer.field, DeformableField) else None
        with tempfile.TemporaryDirectory() as folder:
            stage = Path(folder) / "asset.usdc"
            write_stage(stage, shapes, mesh, self.fps)
            packed = Path(folder) / "asset.usdz"
            UsdUtils.CreateNewUsdzPackage(str(stage), str(packed))
            write_atomically(Path(out) / "asset.usdz", packed.read_bytes())


def write_stage(path: Path, shapes: list[FrameMesh], mesh: Mesh | None, fps: float) -> None:
    """The stage, y up, and its textures beside it."""
    from pxr import Usd as Pixar
    from pxr import UsdGeom

    stage = Pixar.Stage.CreateNew(str(path))
    UsdGeom.SetStageUpAxis(stage, UsdGeom.Tokens.y)
    UsdGeom.SetStageMetersPerUnit(stage, 1.0)
    stage.SetStartTimeCode(0)
    stage.SetEndTimeCode(len(shapes) - 1)
    stage.SetTimeCodesPerSecond(fps)
    stage.SetFramesPerSecond(fps)
    root = UsdGeom.Xform.Define(stage, "/asset")
    stage.SetDefaultPrim(root.GetPrim())
    body = UsdGeom.Mesh.Define(stage, "/asset/body")
    body.CreateSubdivisionSchemeAttr(UsdGeom.Tokens.none)
    body.CreateDoubleSidedAttr(True)
    _move(body, shapes, fixed=mesh is not None)
    if mesh is None:
        _color(body, shapes)
    else:
        _dress(stage, body, mesh, path.parent)
    stage.GetRootLayer().Save()


def _move(body: Any, shapes: list[FrameMesh], fixed: bool) -> None:
    """Points, their bounds and triangles; triangles once, where they stay the same."""
    points, extent = body.CreatePointsAttr(), body.CreateExtentAttr()
    counts, corners = body.CreateFaceVertexCountsAttr(), body.CreateFaceVertexIndicesAttr()
    for frame, shape in enumerate(shapes):
        points.Set(_vectors(shape.points), frame)
        extent.Set(_vectors(np.stack([shape.points.min(0), shape.points.max(0)])), frame)
        if not fixed:
            counts.Set([3] * len(shape.faces), frame)
            corners.Set(shape.faces.reshape(-1).tolist(), frame)
    if fixed:
        counts.Set([3] * len(shapes[0].faces))
        corners.Set(shapes[0].faces.reshape(-1).tolist())


def _color(body: Any, shapes: list[FrameMesh]) -> None:
    """A colour a vertex, linear as USD wants it."""
    from pxr import UsdGeom

    colors = body.CreateDisplayColorPrimvar(UsdGeom.Tokens.vertex)
    for frame, shape in enumerate(shapes):
        colors.Set(_vectors(linear_from_srgb(shape.colors / 255.0)), frame)


def _vectors(rows: np.ndarray) -> Any:
    """(n, 3) as USD's own array."""
    from pxr import Vt

    return Vt.Vec3fArray.FromNumpy(np.ascontiguousarray(rows, np.float32))


def _dress(stage: Any, body: Any, mesh: Mesh, folder: Path) -> None:
    """Texture coordinates, and a material for the triangles of each slot."""
    from pxr import Sdf, UsdGeom, UsdShade, Vt

    uv = UsdGeom.PrimvarsAPI(body).CreatePrimvar("st", Sdf.ValueTypeNames.TexCoord2fArray, UsdGeom.Tokens.faceVarying)
    uv.Set(Vt.Vec2fArray.FromNumpy(np.ascontiguousarray(mesh.uv.numpy().reshape(-1, 2))))
    UsdShade.MaterialBindingAPI.Apply(body.GetPrim())
    for number in range(len(mesh.materials)):
        material = _material(stage, mesh, number, folder)
        mine = np.flatnonzero(mesh.material.numpy() == number).astype(np.int32)
        binding = UsdShade.MaterialBindingAPI(body)
        subset = binding.CreateMaterialBindSubset(f"slot_{number}", Vt.IntArray.FromNumpy(mine))
        UsdShade.MaterialBindingAPI.Apply(subset.GetPrim()).Bind(material)


def _material(stage: Any, mesh: Mesh, number: int, folder: Path) -> Any:
    """A preview material that is rough and not metal, with its texture as a PNG file in `folder`."""
    from pxr import Sdf, UsdShade

    source, path = mesh.materials[number], f"/asset/material_{number}"
    material = UsdShade.Material.Define(stage, path)
    if source.name:
        material.GetPrim().SetDisplayName(source.name)
    shader = UsdShade.Shader.Define(stage, f"{path}/surface")
    shader.CreateIdAttr("UsdPreviewSurface")
    shader.CreateInput("roughness", Sdf.ValueTypeNames.Float).Set(1.0)
    diffuse = shader.CreateInput("diffuseColor", Sdf.ValueTypeNames.Color3f)
    color = linear_from_srgb(np.array(source.color[:3])).tolist()
    opacity = shader.CreateInput("opacity", Sdf.ValueTypeNames.Float)
    opacity.Set(source.color[3])
    if source.alpha == "mask":
        shader.CreateInput("opacityThreshold", Sdf.ValueTypeNames.Float).Set(source.cutoff)
    if (picture := encode_texture(source)) is None:
        diffuse.Set(tuple(color))
    else:
        texture = _texture(stage, path, f"texture_{number}.png", [*color, source.color[3]])
        (folder / f"texture_{number}.png").write_bytes(picture)
        diffuse.ConnectToSource(texture.CreateOutput("rgb", Sdf.ValueTypeNames.Float3))
        if source.alpha != "opaque":
            opacity.ConnectToSource(texture.CreateOutput("a", Sdf.ValueTypeNames.Float))
    material.CreateSurfaceOutput().ConnectToSource(shader.ConnectableAPI(), "surface")
    return material


def _texture(stage: Any, path: str, file: str, scale: list[float]) -> Any:
    """The shader that reads a picture at the primvar `st`, times a colour."""
    from pxr import Gf, Sdf, UsdShade

    place = UsdShade.Shader.Define(stage, f"{path}/st")
    place.CreateIdAttr("UsdPrimvarReader_float2")
    place.CreateInput("varname", Sdf.ValueTypeNames.String).Set("st")
    texture = UsdShade.Shader.Define(stage, f"{path}/texture")
    texture.CreateIdAttr("UsdUVTexture")
    texture.CreateInput("file", Sdf.ValueTypeNames.Asset).Set(file)
    texture.CreateInput("scale", Sdf.ValueTypeNames.Float4).Set(Gf.Vec4f(*scale))
    texture.CreateInput("sourceColorSpace", Sdf.ValueTypeNames.Token).Set("sRGB")
    for wrap in ("wrapS", "wrapT"):
        texture.CreateInput(wrap, Sdf.ValueTypeNames.Token).Set("repeat")
    spot = place.CreateOutput("result", Sdf.ValueTypeNames.Float2)
    texture.CreateInput("st", Sdf.ValueTypeNames.Float2).ConnectToSource(spot)
    return texture
