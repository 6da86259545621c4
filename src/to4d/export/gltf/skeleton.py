"""A rig as nodes of a glTF document: a tree of joints whose y axes run along the bones, as in Blender and Mixamo."""

import numpy as np
from scipy.spatial.transform import Rotation

from to4d.gltf.document import Document
from to4d.types import Rig

AHEAD = ("spine", "neck", "head", "stem")
"""Which child a bone of several points to: the first role that is there; else the first child."""
SIDEWAYS = 0.8  # cosine: bones that are nearer to the left-right axis have z to the front, others x to the left


def add_skeleton(document: Document, rig: Rig, names: list[str], transform: np.ndarray) -> tuple[list[int], np.ndarray]:
    """Add a node for each joint, at rest; returns the nodes and (J, 4, 4) where they stand in the document.

    Args:
        document: what to add to.
        rig: J joints, in world units.
        names: of the nodes.
        transform: (4, 4) similarity from the document's coordinates to the world.
    """
    world = rest_matrices(rig, transform)
    first = len(document.header["nodes"])
    for joint, (name, parent) in enumerate(zip(names, rig.parents, strict=True)):
        local = world[joint] if parent < 0 else np.linalg.inv(world[parent]) @ world[joint]
        turn = Rotation.from_matrix(local[:3, :3]).as_quat()
        document.add("nodes", {"name": name, "translation": local[:3, 3].tolist(), "rotation": turn.tolist()})
        if parent >= 0:
            document.header["nodes"][first + parent].setdefault("children", []).append(first + joint)
    put_in_scene(document, first)
    return list(range(first, first + len(names))), world


def put_in_scene(document: Document, node: int) -> None:
    """Show a node: it stands at the top of the default scene from then on."""
    header = document.header
    if header.get("scenes"):  # else all nodes are shown
        header["scenes"][header.get("scene", 0)].setdefault("nodes", []).append(node)


def rest_matrices(rig: Rig, transform: np.ndarray) -> np.ndarray:
    """(J, 4, 4) of the joints at rest, without scale, in the coordinates that `transform` (4, 4) takes to the world."""
    back = np.linalg.inv(transform)
    turn = back[:3, :3] / np.cbrt(np.linalg.det(back[:3, :3]))
    matrices = np.tile(np.eye(4), (len(rig.parents), 1, 1))
    matrices[:, :3, :3] = turn @ bone_axes(rig)
    matrices[:, :3, 3] = rig.joints.double().numpy() @ back[:3, :3].T + back[:3, 3]
    return matrices


def bone_axes(rig: Rig) -> np.ndarray:
    """(J, 3, 3) axes of the bones as columns: y along the bone; x to the object's left, so that limbs bend about it."""
    along = bone_directions(rig)
    left, front = np.array([1.0, 0.0, 0.0]), np.array([0.0, 0.0, 1.0])
    sideways = np.abs(along @ left) > SIDEWAYS
    third = np.cross(np.where(sideways[:, None], 0.0, left), along)
    third = np.where(sideways[:, None], front - (along @ front)[:, None] * along, third)
    third /= np.linalg.norm(third, axis=1, keepdims=True)
    return np.stack([np.cross(along, third), along, third], -1)


def bone_directions(rig: Rig) -> np.ndarray:
    """(J, 3) unit vectors from each joint to the one that its bone ends at; the last of a chain goes on straight."""
    places, size = rig.joints.double().numpy(), float(np.ptp(rig.joints.numpy(), axis=0).max())
    along = np.tile([0.0, 1.0, 0.0], (len(places), 1))
    for joint, parent in enumerate(rig.parents):
        following = _next_joint(rig, joint)
        step = places[following] - places[joint] if following is not None else np.zeros(3)
        length = np.linalg.norm(step)
        if length > 1e-6 * size:
            along[joint] = step / length
        elif parent >= 0:
            along[joint] = along[parent]
    return along


def _next_joint(rig: Rig, joint: int) -> int | None:
    """The child that the bone of a joint points to."""
    children = [child for child, parent in enumerate(rig.parents) if parent == joint]
    preferred = (rig.roles[joint], *AHEAD)
    return min(children, key=lambda c: preferred.index(rig.roles[c]) if rig.roles[c] in preferred else 9, default=None)
