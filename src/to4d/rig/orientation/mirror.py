"""How far a solid is from being its own mirror image in any plane."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

SAMPLES = 700  # voxels of the surface that are reflected
FAR = 0.12  # of the size; reflections that miss the surface by more count as this


@dataclass(frozen=True, eq=False)
class Mirror:
    """Measures planes near the centre of mass of a solid, whose size is its longest extent."""

    samples: NDArray  # (S, 3) cells of the surface
    field: NDArray  # distance to the surface over the size, on a grid with a margin
    margin: int  # cells
    centre: NDArray  # (3,) of mass, in cells
    size: float  # in cells

    def errors(self, normals: NDArray, offsets: NDArray) -> NDArray:
        """(P,) mean distance of the mirrored surface from the surface, over the size.

        Args:
            normals: (P, 3) unit vectors.
            offsets: (P,) of the planes from the centre of mass, over the size.
        """
        beyond = (self.samples - self.centre) @ normals.T - offsets * self.size  # (S, P)
        images = self.samples[:, None] - 2 * beyond[..., None] * normals
        cells = np.round(images).astype(np.int64) + self.margin
        inside = ((cells >= 0) & (cells < self.field.shape)).all(-1)
        cells = np.clip(cells, 0, np.array(self.field.shape) - 1)
        return np.where(inside, self.field[tuple(np.moveaxis(cells, -1, 0))], FAR).mean(0)

    def best_offsets(self, normals: NDArray, offsets: NDArray) -> NDArray:
        """(P,) the least error of each normal (P, 3) over offsets (Q,)."""
        return np.stack([self.errors(normals, np.full(len(normals), offset)) for offset in offsets]).min(0)


def make_mirror(solid: NDArray) -> Mirror:
    """The mirror of a solid (X, Y, Z) bool."""
    size = float(max(np.ptp(x) + 1 for x in solid.nonzero()))
    margin = int(FAR * size) + 1
    padded = np.pad(solid, margin)
    distance = ndimage.distance_transform_edt(~padded) + ndimage.distance_transform_edt(padded)
    surface = np.argwhere(solid & ~ndimage.binary_erosion(solid)).astype(float)
    chosen = np.random.default_rng(0).choice(len(surface), min(SAMPLES, len(surface)), replace=False)
    centre = np.argwhere(solid).mean(0)
    return Mirror(surface[chosen], np.minimum(distance / size, FAR), margin, centre, size)
