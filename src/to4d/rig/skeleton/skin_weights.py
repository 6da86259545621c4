"""Skinning weights: every voxel follows the nearest bone of its own limb, smoothed, and vertices follow voxels."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from to4d.kernels.solid_graph import follow_paths
from to4d.kernels.solid_skin import diffuse, gather, nearest_around, rounds_until_change
from to4d.rig.anatomy.parts import Anatomy
from to4d.rig.anatomy.solid import Solid, lies
from to4d.rig.skeleton.joints import Joint
from to4d.rig.skeleton.limb import Limb
from to4d.rig.skeleton.rigid_pieces import make_rigid

INFLUENCES = 4
THIN_ROUNDS, THICK_ROUNDS = 6, 24  # of diffusion where the flesh is up to 3 and beyond 8 voxels deep
SOCKET = 1.3  # how far around its bone a limb takes flesh of the trunk, in radii of the limb


@dataclass(frozen=True)
class _Bone:
    """The segment from a joint to a child, as voxels."""

    joint: int
    voxels: NDArray


def skin_weights(anatomy: Anatomy, limbs: tuple[Limb, ...], joints: tuple[Joint, ...]) -> tuple[NDArray, NDArray]:
    """Joints (N, 4) int64 that each vertex of the mesh follows, and weights (N, 4) float32 that add up to 1."""
    solid = anatomy.solid
    owner = np.full(len(solid), -1)
    for number, limb in enumerate(limbs):
        owner[limb.region] = number
    labels = np.full(len(solid), -1)
    for number in range(-1, len(limbs)):
        bones = [bone for bone in _bones(solid, joints, number) if len(bone.voxels)]
        _label(solid, owner == number, bones, labels)
    _label_sockets(solid, owner, limbs, joints, labels)
    _label_rest(solid, labels)
    influences, weights = _to_vertices(solid, owner, _smooth(solid, owner, labels, len(joints)))
    return make_rigid(solid.surface, influences, weights, len(joints))


def _segment(solid: Solid, start: NDArray, end: NDArray) -> NDArray:
    count = int(np.linalg.norm(end - start) / solid.cell) + 2
    return np.unique(solid.nearest(start + (end - start) * np.linspace(0, 1, count)[:, None]))


def _bones(solid: Solid, joints: tuple[Joint, ...], limb: int) -> list[_Bone]:
    """The bones inside a limb, or of the trunk (-1), which also reaches to where necks and tails begin."""
    owner = limb if limb >= 0 else None
    bones = []
    for number, joint in enumerate(joints):
        parent = joints[joint.parent] if joint.parent >= 0 else None
        if parent is None:
            bones += [_Bone(number, solid.nearest(joint.position[None]))] if owner is None else []
        elif parent.limb == owner and (joint.limb == owner or joint.role in ("neck", "tail")):
            bones.append(_Bone(joint.parent, _segment(solid, parent.position, joint.position)))
    trunk_ends = {i for i, joint in enumerate(joints) if joint.limb is None} - {bone.joint for bone in bones}
    if owner is None:
        bones += [_Bone(number, solid.nearest(joints[number].position[None])) for number in sorted(trunk_ends)]
    return bones


def _label(solid: Solid, region: NDArray, bones: list[_Bone], labels: NDArray) -> None:
    """Give the voxels of a region the joint of the bone that is nearest through the region."""
    voxels = np.concatenate([np.zeros(0, np.int64), *(bone.voxels for bone in bones)])
    names = np.concatenate([np.zeros(0, np.int64), *(np.full(len(bone.voxels), bone.joint) for bone in bones)])
    inside = region[voxels]
    if not inside.any():
        return
    distance, before = solid.paths(voxels[inside], within=region)
    labels[voxels[inside]] = names[inside]
    order = np.argsort(distance, kind="stable")[: np.isfinite(distance).sum()]
    follow_paths(order, before, labels)


def _label_sockets(
    solid: Solid, owner: NDArray, limbs: tuple[Limb, ...], joints: tuple[Joint, ...], labels: NDArray
) -> None:
    """Let arms and legs take the flesh of the trunk around the part of their first bone that lies in it."""
    trunk, lying = owner < 0, lies(solid)
    rest = np.concatenate([np.zeros(0, np.int64), *(bone.voxels for bone in _bones(solid, joints, -1))])
    to_trunk, _ = solid.paths(rest[trunk[rest]], within=trunk)
    nearest = to_trunk
    for number, joint in enumerate(joints):
        if joint.limb is None or joint.rank != 0 or limbs[joint.limb].kind == "other":
            continue
        bone = _segment(solid, joint.position, joints[number + 1].position)
        limb = limbs[joint.limb]
        wide = lying and limb.kind != "fin"
        radius = np.inf if wide else SOCKET * solid.depth[limb.path[limb.start]] + solid.cell
        distance, _ = solid.paths(bone[trunk[bone]], within=trunk)
        mine = trunk & (distance < nearest) & (distance < radius)
        labels[mine] = number
        nearest = np.where(mine, distance, nearest)


def _label_rest(solid: Solid, labels: NDArray) -> None:
    """Give voxels that no bone reaches within its region the label that is nearest through the solid."""
    known = np.flatnonzero(labels >= 0)
    distance, before = solid.paths(known)
    follow_paths(np.argsort(distance, kind="stable"), before, labels)


def _smooth(solid: Solid, owner: NDArray, labels: NDArray, count: int) -> NDArray:
    """(n, count) float32 how much of each label is around each voxel, farther where the flesh is thick."""
    first = rounds_until_change(solid.neighbours, owner, labels, THICK_ROUNDS)
    thin = diffuse(solid.neighbours, owner, np.eye(count, dtype=np.float32)[labels], first, 0, THIN_ROUNDS)
    thick = diffuse(solid.neighbours, owner, thin, first, THIN_ROUNDS, THICK_ROUNDS)
    flesh = solid.from_grid(ndimage.maximum_filter(solid.grid(solid.depth), 9)) / solid.cell
    share = np.clip((flesh - 3) / 5, 0, 1)[:, None].astype(np.float32)
    return thin + (thick - thin) * share


def _to_vertices(solid: Solid, owner: NDArray, field: NDArray) -> tuple[NDArray, NDArray]:
    """Entries of a field on the solid for the vertices, which are seen half a voxel below the surface."""
    surface = solid.surface
    inward = surface.vertices - 0.5 * solid.cell * surface.normals()[surface.point_of]
    places = (inward - solid.points[0]) / solid.cell + solid.cells[0]
    indices = np.zeros((len(places), INFLUENCES), np.int64)
    values = np.zeros((len(places), INFLUENCES), np.float32)
    rows = solid.grid(np.arange(len(solid)), -1)
    nearest = np.empty(len(places), np.int64)
    nearest_around(rows, places, nearest)
    far = nearest < 0
    nearest[far] = solid.nearest(inward[far])
    gather(rows, places, nearest, owner, field, indices, values)
    return indices, values
