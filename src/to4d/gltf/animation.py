"""Where the vertices of an animated glTF 2.0 file are at any time: nodes, clips, morph targets and skins."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from to4d.disk.asset_folder import Limits
from to4d.errors import BROKEN, InputError
from to4d.gltf.arrays import Arrays, read_arrays
from to4d.gltf.nodes import Nodes, read_nodes, scene_nodes
from to4d.gltf.tracks import Track, read_clips


@dataclass(frozen=True)
class Skin:
    """Joints that carry a mesh."""

    joints: np.ndarray  # (J,) nodes
    inverse: np.ndarray  # (J, 4, 4) world at rest -> joint


@dataclass(frozen=True)
class Piece:
    """One triangle primitive at one node."""

    node: int
    mesh: int  # its place in the file
    primitive: int
    points: np.ndarray  # (n, 3)
    faces: np.ndarray  # (m, 3)
    targets: np.ndarray  # (T, n, 3) morph displacements
    weights: np.ndarray  # (T,) at rest
    skin: Skin | None
    shares: np.ndarray | None  # (n, J) how much each joint carries

    def at(self, world: np.ndarray, tracks: tuple[Track, ...], seconds: np.ndarray) -> np.ndarray:
        """(V, n, 3) in the world."""
        points = np.broadcast_to(self.points, (len(seconds), *self.points.shape))
        if len(self.targets):
            mine = [t.at(seconds) for t in tracks if t.node == self.node and t.path == "weights"]
            weights = mine[-1] if mine else np.tile(self.weights, (len(seconds), 1))
            points = points + np.einsum("vt,tnc->vnc", weights, self.targets)
        if self.skin is None:
            affine = world[:, self.node, None, :3]
            return np.matmul(points, affine[:, 0, :, :3].swapaxes(1, 2)) + affine[..., 3]
        carried = (world[:, self.skin.joints] @ self.skin.inverse)[:, :, :3].reshape(len(seconds), -1, 12)
        blended = (self.shares @ carried).reshape(*points.shape, 4)
        return sum(blended[..., axis] * points[..., axis, None] for axis in range(3)) + blended[..., 3]


@dataclass(frozen=True)
class Animation:
    """An animated file: all its triangle primitives as one mesh whose vertex order never changes."""

    nodes: Nodes
    pieces: tuple[Piece, ...]  # in the order of the nodes
    clips: Mapping[str, tuple[Track, ...]]

    @property
    def faces(self) -> np.ndarray:
        """(M, 3)."""
        offsets = np.cumsum([0] + [len(piece.points) for piece in self.pieces])
        return np.concatenate([p.faces + offset for p, offset in zip(self.pieces, offsets, strict=False)])

    def duration(self, clip: str) -> float:
        """Seconds until the last key of the clip."""
        return max((float(track.times[-1]) for track in self.clips[clip]), default=0.0)

    def poses(self, clip: str | None, seconds: np.ndarray) -> np.ndarray:
        """(V, N, 3) at the times (V,) of a clip, held outside its keys; None is the rest pose."""
        seconds = np.asarray(seconds, float)
        tracks = () if clip is None else self.clips[clip]
        world = self.nodes.world(tracks, seconds)
        return np.concatenate([piece.at(world, tracks, seconds) for piece in self.pieces], 1)

    def vertices(self, clip: str | None = None, seconds: float = 0.0) -> np.ndarray:
        """(N, 3) at one time."""
        return self.poses(clip, np.array([seconds]))[0]


def _read_skin(arrays: Arrays, skin: dict[str, Any]) -> Skin:
    joints = np.array(skin["joints"])
    inverse = np.tile(np.eye(4), (len(joints), 1, 1))
    if "inverseBindMatrices" in skin:
        inverse = arrays[skin["inverseBindMatrices"]].reshape(-1, 4, 4).swapaxes(1, 2)
    return Skin(joints, inverse)


def _shares(arrays: Arrays, attributes: dict[str, int], count: int, joints: int) -> np.ndarray:
    """(count, joints) dense skin weights with sum 1."""
    if count * joints * 8 > arrays.max_bytes:
        raise InputError(f"{count:,} vertices carried by {joints:,} joints are more than the limits allow")
    shares = np.zeros((count, joints))
    for name in (name for name in attributes if name.startswith("JOINTS_")):
        weights = arrays[attributes[name.replace("JOINTS", "WEIGHTS")]]
        np.add.at(shares, (np.arange(count)[:, None], arrays[attributes[name]]), weights)
    return shares / (shares.sum(1, keepdims=True) + 1e-30)


def _read_piece(arrays: Arrays, node: int, primitive: int, skins: list[Skin]) -> Piece:
    place = arrays.header["nodes"][node]
    mesh = arrays.header["meshes"][place["mesh"]]
    part = mesh["primitives"][primitive]
    attributes = part["attributes"]
    points = arrays[attributes["POSITION"]]
    corners = arrays[part["indices"]][:, 0] if "indices" in part else np.arange(len(points))
    faces = corners.astype(np.int64)[: len(corners) // 3 * 3].reshape(-1, 3)
    if faces.max(initial=0) >= len(points):
        raise InputError("a triangle names a vertex that is not there")
    zero = np.zeros_like(points)
    targets = [arrays[t["POSITION"]] if "POSITION" in t else zero for t in part.get("targets", ())]
    weights = np.array(place.get("weights", mesh.get("weights", np.zeros(len(targets)))), float)
    skin = skins[place["skin"]] if "skin" in place and "JOINTS_0" in attributes else None
    shares = _shares(arrays, attributes, len(points), len(skin.joints)) if skin else None
    stacked = np.stack(targets) if targets else np.zeros((0, *points.shape))
    return Piece(node, place["mesh"], primitive, points, faces, stacked, weights, skin, shares)


def load(path: str | Path, limits: Limits | None = None) -> Animation:
    """The animated file at `path` (.glb or .gltf).

    Raises:
        InputError: for a file that is broken, too big, holds no triangles or refers to anything outside its folder.
    """
    path = Path(path)
    try:
        arrays = read_arrays(path, limits or Limits())
        header = arrays.header
        nodes = read_nodes(header)
        skins = [_read_skin(arrays, skin) for skin in header.get("skins", ())]
        drawn = [
            (node, number)
            for node in scene_nodes(header)
            if "mesh" in header["nodes"][node]
            for number, part in enumerate(header["meshes"][header["nodes"][node]["mesh"]]["primitives"])
            if part.get("mode", 4) == 4
        ]
        if not drawn:
            raise InputError("it holds no triangles")
        animation = Animation(nodes, tuple(_read_piece(arrays, *each, skins) for each in drawn), read_clips(arrays))
        animation.vertices()
    except InputError as error:
        raise InputError(f"{path.name}: {error}") from error
    except (OSError, *BROKEN) as error:
        raise InputError(f"cannot read {path.name} as animated glTF: {type(error).__name__}: {error}") from error
    return animation
