"""A rig for a mesh that has none, from its geometry alone."""

import numpy as np
import torch
from numpy.typing import NDArray

from to4d.rig.anatomy.frame import Assignment
from to4d.rig.anatomy.parts import Anatomy, find_anatomy
from to4d.rig.roles.assignment import RIGID, assign_roles
from to4d.rig.skeleton.joints import Joint, make_joints
from to4d.rig.skeleton.limbs import find_limbs
from to4d.rig.skeleton.skin_weights import skin_weights
from to4d.types import Rig

FLAT = 2  # steps of voxels: a mesh that is thinner in some direction is no body


def find_rig(vertices: NDArray, faces: NDArray, body: str | None = None) -> Rig:
    """A skeleton, its roles, and the weights of all vertices.

    Args:
        vertices: (N, 3) in world units, y up, with the front at +z and the left at +x.
        faces: (M, 3) triangles, closed or not, in one piece or many.
        body: the class, one of `to4d.types.BODIES`; None finds it.

    Raises:
        InputError: if the mesh has no area or numbers that are not finite.
    """
    return find_rig_among(vertices, faces, () if body is None else (body,))


def find_rig_among(vertices: NDArray, faces: NDArray, bodies: tuple[str, ...]) -> Rig:
    """`find_rig` for an object that is one of several bodies.

    Args:
        vertices: (N, 3) as there.
        faces: (M, 3) as there.
        bodies: of `to4d.types.BODIES`, of which the shape chooses, or where it fits none of them the first; (): any.
    """
    anatomy = find_anatomy(vertices, faces)
    if np.ptp(anatomy.solid.cells, axis=0).min() < FLAT:
        return root_alone(anatomy, bodies[0] if bodies else "thing", 0.0)
    assignment = assign_roles(anatomy, 0.0, bodies[0] if len(bodies) == 1 else None)
    if bodies and assignment.body not in bodies:
        assignment = assign_roles(anatomy, 0.0, bodies[0])
    return make_rig(anatomy, assignment)


def make_rig(anatomy: Anatomy, assignment: Assignment) -> Rig:
    """The rig of a body whose parts have roles, in the coordinates of its mesh."""
    limbs = () if assignment.body in RIGID else find_limbs(anatomy, assignment)
    if not limbs:
        return root_alone(anatomy, assignment.body, assignment.confidence)
    joints = make_joints(anatomy, assignment.frame, assignment.body, limbs)
    influences, weights = skin_weights(anatomy, limbs, joints)
    return _rig(anatomy, joints, influences, weights, assignment.body, assignment.confidence)


def root_alone(anatomy: Anatomy, body: str, confidence: float) -> Rig:
    """A rig that moves as a whole."""
    solid = anatomy.solid
    influences = np.zeros((len(solid.surface.vertices), 1), np.int64)
    root = Joint(solid.points[anatomy.tree.centre], -1, "root", 0)
    return _rig(anatomy, (root,), influences, np.ones(influences.shape, np.float32), body, confidence)


def _rig(
    anatomy: Anatomy,
    joints: tuple[Joint, ...],
    influences: NDArray,
    weights: NDArray,
    body: str,
    confidence: float,
) -> Rig:
    positions = anatomy.solid.surface.to_input(np.stack([joint.position for joint in joints]))
    return Rig(
        joints=torch.from_numpy(positions.astype(np.float32)),
        parents=tuple(joint.parent for joint in joints),
        names=joint_names(joints),
        roles=tuple(joint.role for joint in joints),
        ranks=tuple(joint.rank for joint in joints),
        influences=torch.from_numpy(influences),
        weights=torch.from_numpy(weights),
        body=body,
        confidence=confidence,
        source="found",
    )


def joint_names(joints: tuple[Joint, ...]) -> tuple[str, ...]:
    """A unique name for each joint: the role with its rank, `root` alone, and a number for a second chain of a role."""
    names: list[str] = []
    for joint in joints:
        name = joint.role if joint.role == "root" else f"{joint.role}_{joint.rank}"
        taken = names.count(name) + sum(other.startswith(f"{name}.") for other in names)
        names.append(f"{name}.{taken}" if taken else name)
    return tuple(names)
