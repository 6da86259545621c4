"""Where the rays of a picture first meet a mesh: by a search tree for a mesh at rest, by a z-buffer for one that moves.

A tree (Embree) answers any ray in logarithmic time, but handing it a mesh takes longer than drawing a small picture.
The z-buffer (`kernels.first_hits`) has nothing to build. Both cast the same rays; what they find differs by rounding.
"""

from dataclasses import dataclass

import numpy as np
import torch
from embreex.mesh_construction import TriangleMesh
from embreex.rtcore_scene import EmbreeScene
from numpy.typing import NDArray

from to4d.geometry import pixel_rays
from to4d.kernels.first_hits import first_hits
from to4d.types import Cameras


@dataclass(frozen=True)
class Bundle:
    """The rays of one picture, row by row, from one eye."""

    origins: NDArray  # (n, 3) float32
    directions: NDArray  # (n, 3) float32, unit
    angle: float  # of a pixel, as a tangent
    camera: Cameras  # the only one

    def __len__(self) -> int:
        return len(self.origins)


@dataclass(frozen=True)
class Hits:
    """What m rays meet first."""

    triangle: NDArray  # (m,) int, -1 where nothing
    u: NDArray  # (m,) float32 weight of the triangle's second corner
    v: NDArray  # (m,) float32 weight of its third corner
    depth: NDArray  # (m,) float32 along the ray


def ray_bundles(cameras: Cameras, rows: int) -> list[Bundle]:
    """One for each camera; `rows` is the height of the picture whose pixels the rays stand for."""
    rays, angles = pixel_rays(cameras), 2.0 * torch.tan(cameras.fov / 2) / rows
    return [
        Bundle(
            rays.origins[b].reshape(-1, 3).numpy(),
            rays.directions[b].reshape(-1, 3).numpy(),
            angle,
            cameras.map_tensors(lambda x, b=b: x[b : b + 1]),
        )
        for b, angle in enumerate(angles.tolist())
    ]


class TreeCaster:
    """Embree's search tree of triangles (M, 3) between vertices (N, 3)."""

    def __init__(self, vertices: NDArray, faces: NDArray) -> None:
        self.tree = EmbreeScene(robust=True)
        TriangleMesh(self.tree, vertices, faces.astype(np.int32))

    def __call__(self, rays: Bundle, ray: NDArray, start: NDArray) -> Hits:
        """What the rays of these numbers (m,) meet beyond distances (m,)."""
        origins, directions = rays.origins[ray] + start[:, None] * rays.directions[ray], rays.directions[ray]
        hits = self.tree.run(origins, directions, output=True)
        return Hits(hits["primID"], hits["u"], hits["v"], start + hits["tfar"])


class ScanCaster:
    """A z-buffer of triangles (M, 3) between vertices (N, 3)."""

    def __init__(self, vertices: NDArray, faces: NDArray) -> None:
        self.vertices, self.faces = vertices, faces

    def __call__(self, rays: Bundle, ray: NDArray, start: NDArray) -> Hits:
        """What the rays of these numbers (m,) meet beyond distances (m,)."""
        pose, offset = rays.camera.pose[0].double().numpy(), rays.camera.offset
        right, down = (0.0, 0.0) if offset is None else offset[0].tolist()
        local = (self.vertices.astype(np.float64) - pose[:3, 3]) @ pose[:3, :3]
        focal = 0.5 / float(torch.tan(0.5 * rays.camera.fov[0]))
        nearest = np.full(len(rays), np.inf, np.float32)
        nearest[ray] = start
        found = first_hits(local, self.faces, (focal, right, down), nearest.reshape(rays.camera.size))
        return Hits(*(x.reshape(-1)[ray] for x in found))
