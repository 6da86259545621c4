"""Clips of a glTF document that move joints."""

from collections.abc import Mapping

import numpy as np

from to4d.export.gltf.joint_tracks import JointTrack, rest_transform
from to4d.gltf.channels import WIDTHS
from to4d.gltf.document import Document
from to4d.gltf.node_tree import read_node_tree


def add_joint_clips(
    document: Document, clips: Mapping[str, list[JointTrack]], root: int, frames: int, fps: float
) -> None:
    """Add a clip for each motion. What only other clips of the file move is held at rest by one key.

    Without that key, Blender and others would leave it where another clip that was played before has put it.

    Args:
        document: what to add to.
        clips: tracks of joints by the names of the clips.
        root: a node that a clip in which nothing moves keeps at rest, for a clip must not be empty.
        frames: V.
        fps: frames a second.
    """
    moved = {(track.node, track.path) for tracks in clips.values() for track in tracks}
    for clip in document.header.get("animations", ()):
        targets = [channel["target"] for channel in clip["channels"]]
        moved |= {(each["node"], each["path"]) for each in targets if "node" in each and each["path"] in WIDTHS}
    use_transforms(document, {node for node, _ in moved})
    for name, tracks in clips.items():
        still = [standing_track(document, root, "rotation", (0, frames - 1))] if not tracks else []
        missing = sorted(moved - {(track.node, track.path) for track in [*tracks, *still]})
        held = [standing_track(document, *each, (0,)) for each in missing]
        add_joint_clip(document, name, [*tracks, *still, *held], fps)


def add_joint_clip(document: Document, name: str, tracks: list[JointTrack], fps: float) -> None:
    """Add one clip of LINEAR tracks."""
    seconds: dict[tuple[int, ...], int] = {}
    samplers, channels = [], []
    for track in tracks:
        if track.frames not in seconds:
            times = (np.array(track.frames) / fps).astype(np.float32)
            seconds[track.frames] = document.add_array(times, bounds=True)
        values = track.values.reshape(-1) if track.path == "weights" else track.values
        output = document.add_array(values.astype(np.float32))
        channels.append({"sampler": len(samplers), "target": {"node": track.node, "path": track.path}})
        samplers.append({"input": seconds[track.frames], "output": output, "interpolation": "LINEAR"})
    document.add("animations", {"name": name, "samplers": samplers, "channels": channels})


def use_transforms(document: Document, nodes: set[int]) -> None:
    """Write the matrices of these nodes as translation, rotation and scale: only those can move (section 3.5.3)."""
    tree = read_node_tree(document.header)
    for node in nodes & set(tree.matrices):
        del document.header["nodes"][node]["matrix"]
        document.header["nodes"][node] |= {path: value.tolist() for path, value in rest_transform(tree, node).items()}


def standing_track(document: Document, node: int, path: str, frames: tuple[int, ...]) -> JointTrack:
    """A track on which a property of a node stays at rest."""
    header = document.header
    if path == "weights":
        mesh = header["meshes"][header["nodes"][node]["mesh"]]
        none = [0.0] * len(mesh["primitives"][0].get("targets", ()))
        rest = np.array(header["nodes"][node].get("weights", mesh.get("weights", none)), float)
    else:
        rest = rest_transform(read_node_tree(header), node)[path]
    return JointTrack(node, path, frames, np.tile(rest, (len(frames), 1)))
