"""Tips of limbs as maxima of the distance from the body's centre, and the levels where limbs join (its merge tree)."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from to4d.kernels.solid_graph import merge_tree
from to4d.rig.anatomy.solid import Solid

LONG = 0.055  # a bump that rises less than this above its saddle is no limb, unless it is slim:
SLIM, SHORTEST = 2.2, 0.025  # more than this times the radius of a rod of its volume, and at least this long
PROBES = 12  # voxels that the centre is near to


@dataclass(frozen=True, eq=False)
class MergeTree:
    """The maxima of the distance from the body's centre. Of L maxima, S are significant: the tips of limbs.

    The set of voxels farther than a level falls into components; the tips in one component belong to one limb there.
    """

    centre: int  # voxel
    distance: NDArray  # (n,) from the centre through the solid
    peaks: NDArray  # (L,) voxels of the maxima
    saddles: NDArray  # (L,) voxels where the component of a maximum merges into that of a farther one
    into: NDArray  # (L,) the maximum that it merges into, -1 for the farthest
    sizes: NDArray  # (L,) voxels of the component then
    tips: NDArray  # (S,) the significant maxima, of 0 to L - 1
    meetings: NDArray  # (S, S) voxels of the saddles where the components of two tips meet

    @property
    def tip_voxels(self) -> NDArray:
        """(S,) voxels of the significant maxima."""
        return self.peaks[self.tips]

    @property
    def persistence(self) -> NDArray:
        """(L,) how far each maximum rises above its saddle."""
        return self.distance[self.peaks] - np.where(self.into < 0, 0.0, self.distance[self.saddles])

    def region(self, solid: Solid, voxel: int, level: float) -> NDArray:
        """(n,) the component of the voxels farther than `level` from the centre that holds a voxel."""
        return solid.component(self.distance > level, voxel)


def make_merge_tree(solid: Solid) -> MergeTree:
    """The merge tree of the distance from the solid's centre."""
    centre = find_centre(solid)
    distance, _ = solid.paths(np.array([centre]))
    order = np.argsort(-distance, kind="stable")
    peaks, saddles, into, sizes = merge_tree(solid.neighbours, distance, order)
    rise = distance[peaks] - np.where(into < 0, 0.0, distance[saddles])
    rod = np.sqrt(np.maximum(sizes, 1) * solid.cell**3 / np.pi / np.maximum(rise, 1e-6))
    slim = (rise > SHORTEST) & (rise > SLIM * rod) & (sizes > 15)
    tips = np.flatnonzero((rise > LONG) | slim)
    meetings = _meetings(tips, peaks, saddles, into, distance)
    return MergeTree(centre, distance, peaks, saddles, into, sizes, tips, meetings)


def find_centre(solid: Solid) -> int:
    """A deep voxel in the middle of the body: near to voxels all over it, and far from the surface.

    The voxels are the farthest from one another, so that the centre does not depend on chance, each weighted by the
    share of the solid that is nearest to it.
    """
    sums, share = np.zeros(len(solid)), np.zeros(len(solid), np.int64)
    probe, nearest = int(np.argmax(solid.depth)), np.full(len(solid), np.inf)
    distances = []
    for number in range(PROBES):
        distances.append(np.minimum(solid.paths(np.array([probe]))[0], 9.0))
        closer = distances[-1] < nearest
        nearest[closer], share[closer] = distances[-1][closer], number
        probe = int(np.argmax(nearest))
    weights = np.bincount(share, minlength=PROBES) / len(solid)
    for weight, distance in zip(weights, distances, strict=True):
        sums += weight * distance
    return int(np.argmin(sums - 0.8 * solid.depth))


def _meetings(tips: NDArray, peaks: NDArray, saddles: NDArray, into: NDArray, distance: NDArray) -> NDArray:
    """(S, S) the saddle where each two tips meet; the tips' own voxels on the diagonal."""
    meetings = np.diag(peaks[tips])
    holder = np.arange(len(peaks))  # of each maximum: the one that holds its component so far
    members: list[list[int]] = [[] for _ in peaks]
    for number, tip in enumerate(tips):
        members[tip] = [number]
    merged = [i for i in np.argsort(-distance[saddles], kind="stable") if into[i] >= 0]
    for maximum in merged:
        low, high = _holder(holder, maximum), _holder(holder, into[maximum])
        if members[low] and members[high]:
            meetings[np.ix_(members[low], members[high])] = saddles[maximum]
            meetings[np.ix_(members[high], members[low])] = saddles[maximum]
        holder[low] = high
        members[high] += members[low]
    return meetings


def _holder(holder: NDArray, maximum: int) -> int:
    while holder[maximum] != maximum:
        maximum = holder[maximum]
    return int(maximum)
