"""The user's own mesh, moving, as one GLB file: looks untouched, motion as tracks of joints or as morph targets.

The mesh is the input file's, in its own units, axes and place (`source`; `build_document` where it was no glTF). Where
the model moves by a rig, a skeleton moves it: the file's own, else that of the rig. What moves it otherwise is the
field's motion, turned round for every vertex. At frame 0 it is the input itself.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from torch import Tensor

from to4d.disk.files import write_atomically
from to4d.export.gltf.asset_figures import log_figures, motion_quality
from to4d.export.gltf.bake_motion import SurfaceMotion, bake_motion
from to4d.export.gltf.bone_names import Convention
from to4d.export.gltf.document_vertices import add_clips, collect_vertices
from to4d.export.gltf.open_document import check_place, open_document
from to4d.export.gltf.skeleton_asset import SkeletonClips
from to4d.export.gltf.skinned import add_skin
from to4d.gltf.document import Document
from to4d.protocols import DeformableField, Exporter, RiggedField, Scene
from to4d.types import Mesh
from to4d.viewpoints import frame_times

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Glb(Exporter):
    """Writes `asset.glb` for a 4D model that moves a static field (bones, deform, nodes); others have other exporters.

    Args:
        frames: frame i stands at time i/frames of the motion.
        fps: frames a second.
        tolerance: shapes that lie this near the straight line between their neighbours are dropped, as a share of the
            mesh's size (diagonal of its bounding box).
        normals: move normals too, where shapes move the mesh and it has them.
        skin: `auto` moves a skeleton where the model has joints, else shapes (morph targets). True fits bones to the
            motion of a model without joints, for engines and long clips. False always writes shapes.
        bone_names: of a skeleton that the file did not have: plain, mixamo or vrm.
        key_tolerance: keys of joints are dropped where no vertex moves by more than this, as a share of the size.
        bones: at most so many are fitted.
        bone_sizes: fitted bones may grow and shrink, not only move and turn.
    """

    frames: int = 48
    fps: float = 24.0
    tolerance: float = 5e-4
    normals: bool = True
    skin: bool | Literal["auto"] = "auto"
    bone_names: Convention = "plain"
    key_tolerance: float = 2e-6
    bones: int = 24
    bone_sizes: bool = True

    def __post_init__(self) -> None:
        if self.frames < 2 or not self.fps > 0:
            raise ValueError(f"an animation needs frames >= 2 and fps > 0, not frames={self.frames}, fps={self.fps}")
        if self.bones < 1:
            raise ValueError(f"a skin needs bones >= 1, not {self.bones}")
        if self.skin not in (True, False, "auto"):
            raise ValueError(f"skin={self.skin!r} is none of auto, true and false")
        if self.bone_names not in get_args(Convention):
            raise ValueError(f"bone_names={self.bone_names!r} is none of {', '.join(get_args(Convention))}")

    def __call__(self, scene: Scene, out: Path) -> dict[str, Any]:
        """Write below the folder `out`; returns figures about the asset, `export/<quantity>`."""
        if not isinstance(scene.renderer.field, DeformableField):
            log.info(
                "no asset.glb: only a deformable field (model=bones, deform, nodes) moves the mesh; see format=flipbook"
            )
            return {}
        figures, motions = self.write([scene], out)
        figures |= motion_quality(motions[scene.prompt.text])
        log_figures(figures)
        return {f"export/{name}": value for name, value in figures.items()}

    def combine(self, scenes: Sequence[Scene], out: Path) -> dict[str, Any]:
        """Write one file with a clip for each scene, all of one mesh; returns figures about it, `export/<quantity>`."""
        if not all(isinstance(scene.renderer.field, DeformableField) for scene in scenes):
            return {}
        figures, _ = self.write(scenes, out)
        return {f"export/{name}": value for name, value in figures.items()}

    def write(self, scenes: Sequence[Scene], out: Path) -> tuple[dict[str, Any], dict[str, SurfaceMotion]]:
        """The file; its figures, and how each prompt moves the surface."""
        mesh, times = scenes[0].reference.mesh, frame_times(self.frames)
        fields = {scene.prompt.text: scene.renderer.field for scene in scenes}
        rigged = {prompt: field for prompt, field in fields.items() if isinstance(field, RiggedField)}
        if self.skin and len(rigged) == len(fields):
            clips = SkeletonClips(self.fps, self.bone_names, self.key_tolerance, self.tolerance)
            document, found, motions = clips.write(mesh, rigged, times)
        else:
            deformable = {prompt: field for prompt, field in fields.items() if isinstance(field, DeformableField)}
            document, found, motions = self._write_deformed(mesh, deformable, times)
        data = document.binary()
        write_atomically(Path(out) / "asset.glb", data)
        return {"frames": self.frames, "clips": len(motions), **found, "bytes": len(data)}, motions

    def _write_deformed(
        self, mesh: Mesh, fields: Mapping[str, DeformableField], times: Tensor
    ) -> tuple[Document, dict[str, Any], dict[str, SurfaceMotion]]:
        """The document with shapes or fitted bones, which has no skeleton of its own; see `write`."""
        document, transform = open_document(mesh)
        vertices = collect_vertices(document, transform)
        surface = vertices.surface
        check_place(surface, mesh)
        near = self.tolerance * surface.size
        movements = {prompt: bake_motion(field, surface, times, near) for prompt, field in fields.items()}
        if self.skin is True:
            figures: dict[str, Any] = {"morph_targets": 0}
            figures |= add_skin(document, vertices, movements, transform, self.fps, self.bones, self.bone_sizes)
            log.info("asset.glb: %(skin_bones)d bones, off by %(skin_error).1e of the size (root mean square)", figures)
        else:
            figures = {"morph_targets": sum(len(movement.keys) - 1 for movement in movements.values())}
            add_clips(document, vertices, movements, self.fps, self.normals)
        return document, figures, {prompt: SurfaceMotion(surface, each) for prompt, each in movements.items()}
