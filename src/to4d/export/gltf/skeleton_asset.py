"""An asset whose skeleton moves: the user's own, or that of a found rig, with a clip for each motion."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from to4d.export.gltf.bake_motion import SurfaceMotion
from to4d.export.gltf.bone_names import Convention
from to4d.export.gltf.joint_clips import add_joint_clips
from to4d.export.gltf.joint_tracks import joint_tracks, rig_reach
from to4d.export.gltf.played_motion import PlayedMotion, play_motion
from to4d.export.gltf.rigged import rigged_document
from to4d.gltf.animation import read_animation
from to4d.gltf.document import Document
from to4d.gltf.node_tree import NodeTree, read_node_tree, shown_primitives
from to4d.protocols import RiggedField
from to4d.types import Mesh


@dataclass(frozen=True)
class SkeletonClips:
    """How clips of joints are written.

    Args:
        fps: frames a second.
        names: what bones of a found rig are called.
        key_tolerance: keys that miss the line between their neighbours by less are dropped: see `Glb`.
        tolerance: see `Glb`.
    """

    fps: float
    names: Convention
    key_tolerance: float
    tolerance: float

    def write(
        self, mesh: Mesh, fields: Mapping[str, RiggedField], times: Tensor
    ) -> tuple[Document, dict[str, Any], dict[str, SurfaceMotion]]:
        """The document; figures about it, and how each prompt moves the surface.

        Args:
            mesh: what moves.
            fields: by the names of the clips, all of one rig.
            times: (V,) of the frames, the first of them 0.
        """
        rig = next(iter(fields.values())).rig
        document, transform, joints = rigged_document(mesh, rig, self.names)
        tree, old = read_node_tree(document.header), len(document.header.get("animations", ()))
        loose = loose_nodes(document.header, tree, joints)
        moved_by = [*range(len(joints)), *[0] * len(loose)]  # the joint whose map each node follows
        reach = rig_reach(mesh, rig, self.key_tolerance).of(moved_by)
        tracks = {
            name: joint_tracks(tree, joints + loose, field_maps(field, times)[:, moved_by], transform, reach)
            for name, field in fields.items()
        }
        root = next(node for node in joints if node >= 0)
        add_joint_clips(document, tracks, root, len(times), self.fps)
        animation = read_animation(document.arrays())
        clips = list(animation.clips)[old:]
        played = {
            name: play_motion(animation, clip, transform, field, times, self.fps, self.tolerance)
            for clip, (name, field) in zip(clips, fields.items(), strict=True)
        }
        return document, {"morph_targets": 0, "joints": len(joints), **skin_errors(played)}, {**played}


def loose_nodes(header: dict[str, Any], tree: NodeTree, joints: list[int]) -> list[int]:
    """The nodes of parts that no joint carries: in the rig they follow the root, here by tracks of their own."""
    parts = [node for node, _, _ in shown_primitives(header) if "skin" not in header["nodes"][node]]
    loose = [node for node in dict.fromkeys(parts) if not set(tree.path(node)) & set(joints)]
    return [node for node in loose if not set(tree.path(node)[1:]) & set(loose)]


@torch.no_grad()
def field_maps(field: RiggedField, times: Tensor) -> np.ndarray:
    """(V, J, 3, 4) float64 maps of the world by the joints at times (V,)."""
    device = next((x.device for x in field.parameters()), torch.device("cpu"))
    return field.joint_maps(times.to(device)).double().cpu().numpy()


def skin_errors(played: Mapping[str, PlayedMotion]) -> dict[str, float]:
    """How far the asset is from the fields, over all clips: root mean square and worst, as shares of the size."""
    misses = np.concatenate([each.misses.reshape(-1) / each.surface.size for each in played.values()])
    return {"skin_error": float(np.sqrt((misses**2).mean())), "skin_error_max": float(misses.max())}
