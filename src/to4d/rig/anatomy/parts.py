"""The parts of a body: whatever sticks out of it and may be a limb, a head, a tail, a wing or a weapon.

Everything here is geometry; what each part is called is decided by `to4d.rig.roles.assignment`.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from to4d.rig.anatomy.merge_tree import MergeTree, make_merge_tree
from to4d.rig.anatomy.shape_measures import flatness, path_lengths, roundness
from to4d.rig.anatomy.solid import Solid, make_solid, trace
from to4d.rig.anatomy.symmetry import SymmetryPlane, find_symmetry_planes
from to4d.rig.anatomy.tip_groups import group_tips


@dataclass(frozen=True, eq=False)
class Part:
    """A group of tips with the region of the solid that leads to them.

    Lengths are shares of the longest side of the mesh's bounding box. Places are coordinates of the `Solid`: y is up,
    the front is not known yet.
    """

    tip: NDArray  # (3,) the farthest from the body's centre
    tips: NDArray  # (T, 3) all of them
    members: NDArray  # (T,) their numbers in `MergeTree.tips`; none: a part that has no tip of its own
    path: NDArray  # (P,) voxels of the central path from the tip to the body's centre
    radii: NDArray  # (P,) distances from the path to the surface
    reach: float  # distance of the tip from the body's centre through the solid
    saddle: float  # distance from the centre of the place where the part joins others
    level: float  # distance from the centre where it begins: at the saddle, or where it leaves a thicker body
    region: NDArray  # (n,) bool, its voxels
    base: NDArray  # (3,) the place on the path where it leaves the thicker body; `level` may lie farther out
    centroid: NDArray  # (3,) of the region
    lowest: float  # y of the lowest tip
    thickness: float  # median radius of its outer half
    roundness: float  # inscribed radius over that of a rod of its volume and length: about 1 for legs, < .4 for sheets
    flatness: float  # its least extent over the middle one: 1 is a rod, 0 a sheet

    @property
    def length(self) -> float:
        """From where it begins to the tip."""
        return self.reach - self.level

    @property
    def volume(self) -> int:
        """Number of voxels."""
        return int(self.region.sum())

    @property
    def sheet(self) -> float:
        """Small for fins, wings, capes and blades (below .17), large for limbs."""
        return self.roundness * self.flatness


@dataclass(frozen=True, eq=False)
class Anatomy:
    """What geometry alone tells of a body."""

    solid: Solid
    tree: MergeTree
    planes: tuple[SymmetryPlane, ...]  # candidates for the sagittal plane, best first
    central_cost: NDArray  # (n,) of a unit of length; paths of least cost run in the middle of the flesh
    before: NDArray  # (n,) the voxel before each on its central path from the body's centre
    parts: tuple[Part, ...]

    def meeting(self, one: Part, two: Part) -> float:
        """The greatest distance from the centre at which two parts are connected."""
        saddles = self.tree.meetings[np.ix_(one.members, two.members)]
        return float(self.tree.distance[saddles].max(initial=0.0))


def find_anatomy(vertices: NDArray, faces: NDArray) -> Anatomy:
    """The anatomy of a mesh, vertices (N, 3) with y up and faces (M, 3).

    Raises:
        InputError: if the mesh has no area or numbers that are not finite.
    """
    return find_parts(make_solid(vertices, faces))


def find_parts(solid: Solid) -> Anatomy:
    """The parts of a solid, the candidates for its sagittal plane, and all that they are made from."""
    tree, planes, cost = make_merge_tree(solid), find_symmetry_planes(solid), central_cost(solid)
    _, before = solid.paths(np.array([tree.centre]), cost)
    groups = group_tips(solid, tree, planes[0])
    parts = [make_part(solid, tree, before, group, _saddle(tree, group, groups)) for group in groups]
    kept = tuple(part for part in parts if part.length > 0.02 and part.volume >= 12)
    return Anatomy(solid, tree, planes, cost, before, kept)


def central_cost(solid: Solid) -> NDArray:
    """(n,) cost of a unit of length: low where no place nearby is deeper, high near the surface and in thin flesh."""
    depth = np.maximum(solid.depth, 0.5 * solid.cell)
    deepest = solid.from_grid(ndimage.maximum_filter(solid.grid(solid.depth), 7))
    off_centre = 1 - np.minimum(depth / np.maximum(deepest, depth), 1)
    return (1 + 6 * off_centre**2) * (0.02 / np.maximum(depth, 0.006)) ** 0.7


def _saddle(tree: MergeTree, group: NDArray, groups: list[NDArray]) -> float:
    others = np.concatenate([np.zeros(0, np.int64), *(other for other in groups if other is not group)])
    return float(tree.distance[tree.meetings[np.ix_(group, others)]].max(initial=0.0))


def make_part(solid: Solid, tree: MergeTree, before: NDArray, members: NDArray, saddle: float) -> Part:
    """The part of a group of tips that joins others at the level `saddle`."""
    voxels = tree.tip_voxels[members]
    tip = int(voxels[np.argmax(tree.distance[voxels])])
    path = trace(before, tip)
    radii = solid.depth[path]
    inner = leaves_body(radii, path_lengths(solid, path))
    level = max(saddle, float(tree.distance[path[inner]]))
    region = tree.region(solid, tip, level)
    length = float(tree.distance[tip] - level)
    outer = max(int((tree.distance[path] > level).sum()), 2)
    thickness = float(np.median(radii[: max(3, len(radii) // 2)]))
    return Part(
        tip=solid.points[tip],
        tips=solid.points[voxels],
        members=members,
        path=path,
        radii=radii,
        reach=float(tree.distance[tip]),
        saddle=saddle,
        level=level,
        region=region,
        base=solid.points[path[inner]],
        centroid=solid.points[region].mean(0) if region.any() else solid.points[tip],
        lowest=float(solid.points[voxels, 1].min()),
        thickness=thickness,
        roundness=roundness(solid, radii[:outer], int(region.sum()), length),
        flatness=flatness(solid, tree.distance, region, length, thickness),
    )


def leaves_body(radii: NDArray, along: NDArray) -> int:
    """The place on a path from a tip to the centre where a limb goes over into the body.

    It is where the inscribed radius passes the geometric mean of those of limb and body.

    Args:
        radii: (P,) inscribed radii along the path.
        along: (P,) length of the path up to each voxel.
    """
    count = len(radii)
    limb = np.median(radii[int(0.1 * count) : max(int(0.55 * count), int(0.1 * count) + 1)])
    body = radii[count // 3 :].max()
    if body < 1.5 * limb:
        return int(0.85 * (count - 1))
    inside = np.flatnonzero((radii > np.sqrt(limb * body)) & (along > 0.3 * along[-1]))
    return int(inside[0]) if len(inside) else count - 1
