"""The surface of a field at one time: closed, without what hides inside, within a budget of triangles."""

from dataclasses import dataclass, replace

import numpy as np
import torch
from scipy import ndimage

from to4d.errors import InputError
from to4d.protocols import Renderer
from to4d.render.volume import VolumeRenderer

CHUNK = 2**17  # points of one query of the field
TRIES = (1.0, 0.9, 0.8, 0.7, 0.6)  # of the budget
HALF = 0.5  # opacity of a layer at the surface; densities saturate, and lines between them would lie outside
FLOATER = 0.01  # share of the largest solid below which a piece is dust


@dataclass(frozen=True)
class Isosurface:
    """Marching cubes (Lorensen and Cline, 1987; Lewiner's cases, which leave no holes) over [-1, 1]^3.

    Args:
        resolution: cells along an axis.
        density: where the surface is, per world unit: at 35 a layer 0.02 thick is half opaque.
        faces: at most so many triangles, by quadric edge collapses.
    """

    resolution: int = 96
    density: float = 35.0
    faces: int = 20_000

    def __post_init__(self) -> None:
        if self.resolution < 8 or self.faces < 100 or not self.density > 0:
            raise ValueError(
                f"a surface needs resolution >= 8, faces >= 100 and density > 0, not {self.resolution}, {self.faces} "
                f"and {self.density}"
            )

    def __call__(self, renderer: Renderer, time: float) -> tuple[np.ndarray, np.ndarray]:
        """The surface of `renderer.field`: points (n, 3) in world units, faces (m, 3), counter-clockwise from outside.

        Raises:
            InputError: if there is nothing to be seen, or what makes surfaces is not installed.
        """
        try:
            from fast_simplification import simplify
            from skimage.measure import marching_cubes
        except ImportError as error:
            raise InputError(f"surfaces need {error.name}; install it by: pip install -e '.[surface]'") from error
        grid = solid(1.0 - 0.5 ** (self.densities(renderer, time) / self.density), HALF)
        if not (grid > HALF).any():
            raise InputError(f"nothing is as dense as {self.density} at t = {time:.2f}; lower the exporter's density")
        points, faces = marching_cubes(grid, HALF, gradient_direction="ascent")[:2]
        points = 2.0 * points / (self.resolution - 1) - 1.0
        if len(faces) <= self.faces:
            return points, faces
        for share in TRIES:  # a collapse too many leaves an edge open, another number of them does not
            fewer = simplify(points.astype(np.float32), faces.astype(np.int32), target_count=int(share * self.faces))
            if is_watertight(fewer[1]) and len(fewer[1]) <= self.faces:
                return fewer[0].astype(np.float64), fewer[1]
        return replace(self, resolution=int(0.8 * self.resolution))(renderer, time)

    @torch.no_grad()
    def densities(self, renderer: Renderer, time: float) -> np.ndarray:
        """(R, R, R) at the corners of the grid; 0 at its border and where the renderer knows that nothing is."""
        axis = torch.linspace(-1.0, 1.0, self.resolution)
        points = torch.stack(torch.meshgrid(axis, axis, axis, indexing="ij"), -1).reshape(-1, 3)
        places = points.to(next((x.device for x in renderer.field.parameters()), torch.device("cpu")))
        out = torch.zeros(len(points))
        inside = (places.abs().amax(1) < 1.0).nonzero()[:, 0]
        if isinstance(renderer, VolumeRenderer):
            bits = renderer.occupancy.bits[int(renderer.occupancy.bin_of(torch.tensor([time]))[0])]
            cells = ((0.5 + 0.5 * places[inside]) * len(bits)).long().clamp(max=len(bits) - 1)
            inside = inside[bits[tuple(cells.T)] > 0]
        for part in inside.split(CHUNK):
            out[part.cpu()] = renderer.field.density(places[part], places.new_full((len(part),), time)).cpu()
        return out.view(*(self.resolution,) * 3).numpy()


def solid(grid: np.ndarray, level: float) -> np.ndarray:
    """Values whose closed hollows are filled and whose dust is gone: what cannot be seen costs no triangles."""
    outside, count = ndimage.label(grid <= level)
    hollow = (outside > 0) & (outside != outside[0, 0, 0]) if count > 1 else np.zeros(grid.shape, bool)
    grid = np.where(hollow, 2.0 * level, grid)
    pieces, count = ndimage.label(grid > level)
    if count > 1:
        sizes = np.bincount(pieces.ravel())
        sizes[0] = 0
        grid = np.where(np.isin(pieces, np.flatnonzero(sizes < FLOATER * sizes.max())) & (pieces > 0), 0.0, grid)
    return grid


def is_watertight(faces: np.ndarray) -> bool:
    """Whether every edge belongs to two triangles (m, 3) that run along it in opposite directions."""
    edges = faces[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2)
    there, back = (np.unique(way, axis=0, return_counts=True) for way in (edges, edges[:, ::-1]))
    return len(faces) > 0 and (there[1] == 1).all() and np.array_equal(there[0], back[0])
