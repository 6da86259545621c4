"""The vertices of a glTF document: gathered into one surface in the world, and given back a motion as morph targets."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from to4d.export.gltf.bake_motion import BakedMotion
from to4d.export.gltf.morph_targets import WeldedSurface, turn_normals
from to4d.gltf.arrays import Arrays
from to4d.gltf.document import VERTICES, Document, unshare
from to4d.gltf.node_tree import read_node_tree, shown_primitives
from to4d.gltf.primitives import triangles


@dataclass(frozen=True)
class PrimitiveVertices:
    """The vertices of one primitive (or of several that share them) at one node."""

    node: int
    accessors: tuple[int, int | None]  # POSITION and NORMAL
    axes: np.ndarray  # (3, 3) from its own axes to the world's
    numbers: np.ndarray  # (n,) which points of the surface its vertices are


@dataclass(frozen=True)
class DocumentVertices:
    """All vertices of a document; those at one place are one point of the surface, so that no seam opens."""

    surface: WeldedSurface
    primitives: tuple[PrimitiveVertices, ...]


def collect_vertices(document: Document, transform: np.ndarray) -> DocumentVertices:
    """The vertices of all shown nodes.

    Args:
        document: nodes that share a mesh get one each, for they will move differently.
        transform: (4, 4) from the document's coordinates to the world.
    """
    unshare(document)
    arrays = document.arrays()
    world = transform @ read_node_tree(arrays.header).world((), np.zeros(1))[0]
    ranges, points, faces, offset = {}, [], [np.zeros((0, 3), np.int64)], 0
    for node, _, part in shown_primitives(arrays.header):
        accessors = part["attributes"]["POSITION"], part["attributes"].get("NORMAL")
        if (node, accessors) not in ranges:
            places = arrays[accessors[0]] @ world[node, :3, :3].T + world[node, :3, 3]
            ranges[node, accessors] = offset, len(places)
            points.append(places)
            offset += len(places)
        if part.get("mode", 4) == 4:
            start, count = ranges[node, accessors]
            faces.append(triangles(arrays, part, count) + start)
    surface, numbers = weld_vertices(np.concatenate(points), np.concatenate(faces))
    return DocumentVertices(
        surface,
        tuple(
            PrimitiveVertices(node, accessors, world[node, :3, :3], numbers[start : start + count])
            for (node, accessors), (start, count) in ranges.items()
        ),
    )


def weld_vertices(points: np.ndarray, faces: np.ndarray) -> tuple[WeldedSurface, np.ndarray]:
    """The surface of distinct points, and which of them each point is."""
    _, first, numbers = np.unique(points.astype(np.float32), axis=0, return_index=True, return_inverse=True)
    numbers = numbers.reshape(-1)
    return WeldedSurface(points[first], numbers[faces]), numbers


def add_clips(
    document: Document, vertices: DocumentVertices, movements: Mapping[str, BakedMotion], fps: float, normals: bool
) -> None:
    """Add morph targets, one a key of each clip, and clips that go from each of their own to the next.

    Args:
        document: what to add to.
        vertices: its vertices.
        movements: by the names of the clips.
        fps: frames a second.
        normals: move normals too.
    """
    header, arrays, shown = document.header, document.arrays(), shown_primitives(document.header)
    targets = {
        (p.node, p.accessors): [t for m in movements.values() for t in _targets(document, arrays, p, m, normals)]
        for p in vertices.primitives
    }
    for node, _, part in shown:
        accessors = part["attributes"]["POSITION"], part["attributes"].get("NORMAL")
        part["targets"] = targets[node, accessors]
    nodes = sorted({node for node, _, _ in shown})
    names = _target_names(movements)
    for node in nodes:
        mesh = header["meshes"][header["nodes"][node]["mesh"]]
        mesh["weights"] = [0.0] * len(names)
        if isinstance(mesh.setdefault("extras", {}), dict):
            mesh["extras"]["targetNames"] = names
    first = 0
    for name, movement in movements.items():
        _add_clip(document, name, movement.keys, first, len(names), nodes, fps)
        first += len(movement.keys) - 1


def _target_names(movements: Mapping[str, BakedMotion]) -> list[str]:
    """A name for every morph target."""
    alone = len(movements) == 1
    return [f"frame {k}" if alone else f"{name}, frame {k}" for name, m in movements.items() for k in m.keys[1:]]


def _add_clip(
    document: Document, name: str, keys: list[int], first: int, count: int, nodes: list[int], fps: float
) -> None:
    """A clip over the targets from `first` on, of `count`; the others stay at 0, as all do at rest."""
    weights = np.eye(len(keys), count, first - 1, dtype=np.float32)  # a row a key
    weights[0] = 0.0
    seconds = document.add_array((np.array(keys) / fps).astype(np.float32), bounds=True)
    sampler = {"input": seconds, "output": document.add_array(weights.reshape(-1)), "interpolation": "LINEAR"}
    channels = [{"sampler": 0, "target": {"node": node, "path": "weights"}} for node in nodes]
    document.add("animations", {"name": name, "samplers": [sampler], "channels": channels})


def _targets(
    document: Document, arrays: Arrays, primitive: PrimitiveVertices, movement: BakedMotion, normals: bool
) -> list[dict]:
    """The morph targets of a primitive, in its own axes: displacements of positions and normals."""
    normal = primitive.accessors[1]
    back = np.linalg.pinv(primitive.axes).T  # of a node scaled to nothing, nothing moves
    rest = arrays[normal] if normals and normal is not None else None
    targets = []
    for number, key in enumerate(movement.keys[1:], 1):
        moves = movement.moves[key][primitive.numbers] @ back
        target = {"POSITION": document.add_array(moves.astype(np.float32), VERTICES, bounds=True)}
        if rest is not None:
            change = turn_normals(rest, movement.slopes[number][primitive.numbers], primitive.axes) - rest
            target["NORMAL"] = document.add_array(change.astype(np.float32), VERTICES, bounds=True)
        targets.append(target)
    return targets
