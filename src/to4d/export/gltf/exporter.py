"""The user's own mesh, moving, as one GLB file: looks untouched, motion as morph targets with linear weights.

The mesh is the input file's, in its own units, axes and place (`source`; `build_document` where it was no glTF). What
moves it is the field's motion, turned round for every vertex. Frame 0 is weight 0 of all targets: the input itself.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from to4d.disk.files import write_atomically
from to4d.export.gltf.bake_motion import BakedMotion, bake_motion
from to4d.export.gltf.distortion import SurfaceEdges, edge_change, flipped_triangles
from to4d.export.gltf.document_vertices import add_clips, collect_vertices
from to4d.export.gltf.morph_targets import WeldedSurface
from to4d.export.gltf.open_document import check_place, open_document
from to4d.export.gltf.skinned import add_skin
from to4d.protocols import DeformableField, Exporter, Scene
from to4d.viewpoints import frame_times

log = logging.getLogger(__name__)

INVERTED = 1e-3  # share of inverted triangles that is worth a word: thin parts always have some


@dataclass(frozen=True)
class Glb(Exporter):
    """Writes `asset.glb` for a 4D model that moves a static field (model=deform, nodes); others have other exporters.

    Args:
        frames: frame i stands at time i/frames of the motion.
        fps: frames a second.
        tolerance: frames that lie this near the straight line between their neighbours are dropped, as a share of the
            mesh's size (diagonal of its bounding box).
        normals: move normals too, where the mesh has them.
        skin: bones and weights instead of morph targets, fitted to the motion, for engines and long clips.
        bones: at most so many.
        bone_sizes: bones may grow and shrink, not only move and turn.
    """

    frames: int = 48
    fps: float = 24.0
    tolerance: float = 5e-4
    normals: bool = True
    skin: bool = False
    bones: int = 24
    bone_sizes: bool = True

    def __post_init__(self) -> None:
        if self.frames < 2 or not self.fps > 0:
            raise ValueError(f"an animation needs frames >= 2 and fps > 0, not frames={self.frames}, fps={self.fps}")
        if self.bones < 1:
            raise ValueError(f"a skin needs bones >= 1, not {self.bones}")

    def __call__(self, scene: Scene, out: Path) -> dict[str, Any]:
        """Write below the folder `out`; returns figures about the asset, `export/<quantity>`."""
        if not isinstance(scene.renderer.field, DeformableField):
            log.info("no asset.glb: only a deformable field (model=deform, nodes) moves the mesh; see format=flipbook")
            return {}
        figures, surface, movements = self.write([scene], out)
        figures |= motion_quality(surface, movements[scene.prompt.text])
        log_figures(figures)
        return {f"export/{name}": value for name, value in figures.items()}

    def combine(self, scenes: Sequence[Scene], out: Path) -> dict[str, Any]:
        """Write one file with a clip for each scene, all of one mesh; returns figures about it, `export/<quantity>`."""
        if not all(isinstance(scene.renderer.field, DeformableField) for scene in scenes):
            return {}
        figures, _, _ = self.write(scenes, out)
        return {f"export/{name}": value for name, value in figures.items()}

    def write(self, scenes: Sequence[Scene], out: Path) -> tuple[dict[str, Any], WeldedSurface, dict[str, BakedMotion]]:
        """The file; its figures, the surface, and how each prompt moves it."""
        mesh = scenes[0].reference.mesh
        document, transform = open_document(mesh)
        vertices = collect_vertices(document, transform)
        check_place(vertices.surface, mesh)
        times, near = frame_times(self.frames), self.tolerance * vertices.surface.size
        fields = {scene.prompt.text: scene.renderer.field for scene in scenes}
        movements = {
            prompt: bake_motion(field, vertices.surface, times, near)
            for prompt, field in fields.items()
            if isinstance(field, DeformableField)
        }
        shapes = 0 if self.skin else sum(len(movement.keys) - 1 for movement in movements.values())
        figures: dict[str, Any] = {"frames": self.frames, "clips": len(movements), "morph_targets": shapes}
        if self.skin:
            figures |= add_skin(document, vertices, movements, transform, self.fps, self.bones, self.bone_sizes)
            log.info("asset.glb: %(skin_bones)d bones, off by %(skin_error).1e of the size (root mean square)", figures)
        else:
            add_clips(document, vertices, movements, self.fps, self.normals)
        data = document.binary()
        write_atomically(Path(out) / "asset.glb", data)
        return figures | {"bytes": len(data)}, vertices.surface, movements


def motion_quality(surface: WeldedSurface, movement: BakedMotion) -> dict[str, float | int]:
    """What the motion does to the mesh."""
    shrink, grow = edge_change(surface, movement.moves)
    shapes = zip(movement.keys, movement.slopes, strict=True)
    flips = [float(flipped_triangles(surface, movement.moves[key], slopes).mean()) for key, slopes in shapes]
    edges = SurfaceEdges(surface)
    return {
        "points": len(surface.points),
        "points_not_followed": int((~movement.found.all(0)).sum()),
        "shortest_edge": shrink,
        "longest_edge": grow,
        "arap_energy": max(edges.arap_energy(movement.moves[key]) for key in movement.keys),
        "flipped_triangles": max(flips),
        "exploding_triangles": movement.exploding,
        "held_frames": len(movement.moves) - 1 - movement.last,
    }


def log_figures(figures: dict[str, float | int]) -> None:
    """One line for the log, and more if the clip is not fit to be shown."""
    log.info(
        "asset.glb: %(frames)d frames, %(morph_targets)d shapes; edges change in length by factors from "
        "%(shortest_edge).2f to %(longest_edge).2f; %(points_not_followed)d of %(points)d points could not be followed",
        figures,
    )
    advice = "; watch the clip: another seed, or a prompt that asks for less, may do better"
    if figures["held_frames"]:
        log.warning(
            "asset.glb: the motion bursts after frame %d: triangles explode, and the asset stands still from there%s",
            figures["frames"] - 1 - figures["held_frames"],
            advice,
        )
    elif figures["exploding_triangles"]:
        log.warning(
            "asset.glb: up to %.2f %% of the triangles explode; their points move like their neighbours instead%s",
            100.0 * figures["exploding_triangles"],
            advice,
        )
    if figures["flipped_triangles"] > INVERTED:
        log.warning(
            "asset.glb: in the worst shape %.1f %% of the triangles are inverted%s",
            100.0 * figures["flipped_triangles"],
            advice,
        )
