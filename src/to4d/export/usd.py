"""A moving object as one USDZ file, for Houdini, Maya, Blender and Apple's viewers: a skeleton, or time samples.

Layout after the specification of USD's geometry (openusd.org, UsdGeomMesh).
"""

import logging
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from to4d.disk.files import write_atomically
from to4d.errors import InputError
from to4d.export.frame_meshes import FrameMesh, frame_meshes, to_file_coordinates
from to4d.export.gltf.appearance import linear_from_srgb
from to4d.export.gltf.build_document import world_from_asset
from to4d.export.gltf.skeleton_asset import field_maps
from to4d.export.isosurface import Isosurface
from to4d.export.usd_material import add_materials
from to4d.export.usd_skeleton import add_skeleton
from to4d.protocols import DeformableField, Exporter, RiggedField, Scene
from to4d.viewpoints import frame_times

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Usd(Exporter):
    """Writes `asset.usdz`: the user's mesh with its materials where the 4D model can move it, else coloured surfaces.

    Args:
        frames: frame i stands at time i/frames of the motion.
        fps: frames a second.
        skin: a skeleton moves the mesh where the model has joints; false: all points are time samples, as they are
            for other models, and for skins whose rest pose is not their bind pose.
        surface: how a frame is made where the mesh cannot be moved.
    """

    frames: int = 48
    fps: float = 24.0
    skin: bool = True
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
        with tempfile.TemporaryDirectory() as folder:
            stage = Path(folder) / "asset.usdc"
            self._write_stage(scene, stage)
            packed = Path(folder) / "asset.usdz"
            UsdUtils.CreateNewUsdzPackage(str(stage), str(packed))
            write_atomically(Path(out) / "asset.usdz", packed.read_bytes())

    def _write_stage(self, scene: Scene, path: Path) -> None:
        """The stage, and its textures beside it."""
        times, model, mesh = frame_times(self.frames), scene.renderer.field, scene.reference.mesh
        rigged = self.skin and isinstance(model, RiggedField) and model.rig.rest_offsets is None
        stage, root, body = new_stage(path, self.frames, self.fps, rigged)
        if isinstance(model, RiggedField) and rigged:
            _stand(body, to_file_coordinates(mesh, mesh.vertices.double().numpy()), mesh.faces.numpy())
            maps, transform = field_maps(model, times), world_from_asset(mesh)
            add_skeleton(stage, root, body, model.rig, maps, transform)
        else:
            shapes = list(frame_meshes(scene, times, self.surface))
            _move(body, shapes, fixed=isinstance(model, DeformableField))
            if not isinstance(model, DeformableField):
                _color(body, shapes)
        if isinstance(model, DeformableField):
            add_materials(stage, body, mesh, path.parent)
        stage.GetRootLayer().Save()


def new_stage(path: Path, frames: int, fps: float, skeleton: bool) -> tuple[Any, Any, Any]:
    """An empty stage, y up, with a root prim and a mesh below it: frame i has time code i."""
    from pxr import Usd as Pixar
    from pxr import UsdGeom, UsdSkel

    stage = Pixar.Stage.CreateNew(str(path))
    UsdGeom.SetStageUpAxis(stage, UsdGeom.Tokens.y)
    UsdGeom.SetStageMetersPerUnit(stage, 1.0)
    stage.SetStartTimeCode(0)
    stage.SetEndTimeCode(frames - 1)
    stage.SetTimeCodesPerSecond(fps)
    stage.SetFramesPerSecond(fps)
    root = (UsdSkel.Root if skeleton else UsdGeom.Xform).Define(stage, "/asset")
    stage.SetDefaultPrim(root.GetPrim())
    body = UsdGeom.Mesh.Define(stage, "/asset/body")
    body.CreateSubdivisionSchemeAttr(UsdGeom.Tokens.none)
    body.CreateDoubleSidedAttr(True)
    return stage, root, body


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


def _stand(body: Any, points: np.ndarray, faces: np.ndarray) -> None:
    """Points (n, 3) and triangles (m, 3) at rest."""
    body.CreatePointsAttr().Set(_vectors(points))
    body.CreateExtentAttr().Set(_vectors(np.stack([points.min(0), points.max(0)])))
    body.CreateFaceVertexCountsAttr().Set([3] * len(faces))
    body.CreateFaceVertexIndicesAttr().Set(faces.reshape(-1).tolist())


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
