"""Figures about an asset for metrics.json, and what the log says of them."""

import logging

from to4d.export.gltf.bake_motion import SurfaceMotion
from to4d.export.gltf.distortion import SurfaceEdges, edge_change, flipped_triangles

log = logging.getLogger(__name__)

INVERTED = 1e-3  # share of inverted triangles that is worth a word: thin parts always have some
MISSED = 1e-3  # share of the size by which a skeleton may be off before the log says what else there is


def motion_quality(moving: SurfaceMotion) -> dict[str, float | int]:
    """What the motion does to the mesh."""
    surface, movement = moving.surface, moving.motion
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
    moved_by = "%(joints)d joints" if "joints" in figures else "%(morph_targets)d shapes"
    log.info(
        f"asset.glb: %(frames)d frames, {moved_by}; edges change in length by factors from "
        "%(shortest_edge).2f to %(longest_edge).2f; %(points_not_followed)d of %(points)d points could not be followed",
        figures,
    )
    if "joints" in figures and figures["skin_error"] > MISSED:
        log.info(
            "asset.glb: what the skeleton plays misses the model's motion by %.2f %% of the size (root mean square), "
            "for linear blend skinning cannot say all of it; export.glb.skin=false writes shapes, which can",
            100.0 * figures["skin_error"],
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
            "asset.glb: up to %.2f %% of the triangles explode%s%s",
            100.0 * figures["exploding_triangles"],
            "" if "joints" in figures else "; their points move like their neighbours instead",
            advice,
        )
    if figures["flipped_triangles"] > INVERTED:
        log.warning(
            "asset.glb: in the worst shape %.1f %% of the triangles are inverted%s",
            100.0 * figures["flipped_triangles"],
            advice,
        )
