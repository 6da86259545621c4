"""Where the vertices of an animated glTF 2.0 file are at any time: its clips played."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from to4d.disk.asset_folder import Limits
from to4d.errors import BROKEN, InputError
from to4d.gltf.arrays import Arrays, read_arrays
from to4d.gltf.channels import Channel, read_clips
from to4d.gltf.node_tree import NodeTree, read_node_tree, shown_primitives
from to4d.gltf.primitives import Primitive, read_primitive
from to4d.gltf.skins import read_skins


@dataclass(frozen=True)
class Animation:
    """An animated file: all its triangle primitives as one mesh whose vertex order never changes."""

    nodes: NodeTree
    primitives: tuple[Primitive, ...]  # in the order of the nodes
    clips: Mapping[str, tuple[Channel, ...]]

    @property
    def faces(self) -> np.ndarray:
        """(M, 3)."""
        offsets = np.cumsum([0] + [len(primitive.points) for primitive in self.primitives])
        return np.concatenate([p.faces + offset for p, offset in zip(self.primitives, offsets, strict=False)])

    def duration(self, clip: str) -> float:
        """Seconds until the last key of the clip."""
        return max((float(channel.times[-1]) for channel in self.clips[clip]), default=0.0)

    def poses(self, clip: str | None, seconds: np.ndarray) -> np.ndarray:
        """(V, N, 3) at the times (V,) of a clip, held outside its keys; None is the rest pose."""
        seconds = np.asarray(seconds, float)
        channels = () if clip is None else self.clips[clip]
        world = self.nodes.world(channels, seconds)
        return np.concatenate([primitive.at(world, channels, seconds) for primitive in self.primitives], 1)

    def vertices(self, clip: str | None = None, seconds: float = 0.0) -> np.ndarray:
        """(N, 3) at one time."""
        return self.poses(clip, np.array([seconds]))[0]


def read_animation(arrays: Arrays) -> Animation:
    """The animation of a file that was read.

    Raises:
        InputError: if it is broken, in its skins too, or holds no triangles.
    """
    header = arrays.header
    nodes = read_node_tree(header)
    skins = read_skins(arrays)
    drawn = [(node, number) for node, number, part in shown_primitives(header) if part.get("mode", 4) == 4]
    if not drawn:
        raise InputError("it holds no triangles")
    primitives = tuple(read_primitive(arrays, *each, skins) for each in drawn)
    faults = [primitive.skinning.fault for primitive in primitives if primitive.skinning.fault]
    if faults:
        raise InputError(faults[0])
    return Animation(nodes, primitives, read_clips(arrays))


def load_animation(path: str | Path, limits: Limits | None = None) -> Animation:
    """The animated file at `path` (.glb or .gltf).

    Raises:
        InputError: for a file that is broken, in its skins too, is too big, holds no triangles or refers to anything
            outside its folder.
    """
    path = Path(path)
    try:
        animation = read_animation(read_arrays(path, limits or Limits()))
        animation.vertices()
    except InputError as error:
        raise InputError(f"{path.name}: {error}") from error
    except (OSError, *BROKEN) as error:
        raise InputError(f"cannot read {path.name} as animated glTF: {type(error).__name__}: {error}") from error
    return animation
