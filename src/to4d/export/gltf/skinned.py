"""A rig as a glTF skin: a node a bone, weights at the vertices, and clips that move the bones."""

from collections.abc import Mapping

import numpy as np
from scipy.spatial.transform import Rotation

from to4d.export.gltf.bake_motion import BakedMotion
from to4d.export.gltf.bind import bind_vertices
from to4d.export.gltf.document_vertices import DocumentVertices
from to4d.export.gltf.fit_skin import FittedSkin, fit_skin
from to4d.export.gltf.joint_clips import add_joint_clip
from to4d.export.gltf.joint_tracks import JointTrack, continuous_quaternions
from to4d.export.gltf.skeleton import put_in_scene
from to4d.gltf.document import Document


def add_skin(
    document: Document,
    vertices: DocumentVertices,
    movements: Mapping[str, BakedMotion],
    transform: np.ndarray,
    fps: float,
    count: int,
    sizes: bool,
) -> dict[str, float | int]:
    """Fit one rig to all clips and add it; returns how far it is off, as shares of the mesh's size.

    Args:
        document: what to add to.
        vertices: its vertices.
        movements: by the names of the clips.
        transform: (4, 4) from the document's coordinates to the world.
        fps: frames a second.
        count: bones at most.
        sizes: whether bones may grow and shrink.
    """
    back = np.linalg.inv(transform)
    rest = vertices.surface.points @ back[:3, :3].T + back[:3, 3]
    places = rest + np.concatenate([m.moves for m in movements.values()]).astype(np.float64) @ back[:3, :3].T
    rig = fit_skin(rest, places, min(count, len(rest)), sizes)
    used = np.unique(rig.bones[rig.weights > 0])
    centres = np.stack([np.average(rest, axis=0, weights=_shares(rig, bone)) for bone in used])
    joints = _add_bones(document, centres)
    standing = np.tile(np.eye(4), (len(joints), 1, 1))
    standing[:, :3, 3] = centres
    numbers = np.where(rig.weights > 0, np.searchsorted(used, rig.bones), 0)
    pad = [(0, 0), (0, 4 - rig.weights.shape[1])]
    bind_vertices(
        document, vertices, joints, standing, np.pad(numbers, pad), np.pad(rig.weights, pad).astype(np.float32)
    )
    first = 0
    for name, movement in movements.items():
        frames = slice(first, first + len(movement.moves))
        _add_clip(document, name, joints, centres, rig.linear[frames, used], rig.shift[frames, used], fps)
        first = frames.stop
    miss = np.linalg.norm(rig.moved(rest) - places, axis=-1) * np.cbrt(np.linalg.det(transform[:3, :3]))
    size = vertices.surface.size
    return {
        "skin_bones": len(used),
        "skin_error": float(np.sqrt((miss**2).mean()) / size),
        "skin_error_max": float(miss.max() / size),
    }


def _shares(rig: FittedSkin, bone: int) -> np.ndarray:
    """(P,) how much every point follows a bone."""
    return np.where(rig.bones == bone, rig.weights, 0.0).sum(1)


def _add_bones(document: Document, centres: np.ndarray) -> list[int]:
    """A node a bone, all below one; their numbers."""
    joints = [
        document.add("nodes", {"name": f"bone {number}", "translation": centre.tolist()})
        for number, centre in enumerate(centres)
    ]
    root = document.add("nodes", {"name": "bones", "children": joints})
    put_in_scene(document, root)
    return joints


def _add_clip(
    document: Document,
    name: str,
    joints: list[int],
    centres: np.ndarray,
    linear: np.ndarray,
    shift: np.ndarray,
    fps: float,
) -> None:
    """Tracks of all bones: linear (V, B, 3, 3) and shift (V, B, 3) of the rest pose."""
    size = np.cbrt(np.linalg.det(linear))
    places = np.einsum("vbij,bj->vbi", linear, centres) + shift
    turns = Rotation.from_matrix((linear / size[..., None, None]).reshape(-1, 3, 3)).as_quat().reshape(*size.shape, 4)
    frames, tracks = tuple(range(len(linear))), []
    for bone, node in enumerate(joints):
        turn = continuous_quaternions(turns[:, bone], turns[0, bone])
        tracks += [JointTrack(node, "translation", frames, places[:, bone]), JointTrack(node, "rotation", frames, turn)]
        if np.abs(size[:, bone] - 1.0).max() > 1e-6:
            tracks.append(JointTrack(node, "scale", frames, np.repeat(size[:, bone, None], 3, axis=1)))
    add_joint_clip(document, name, tracks, fps)
