"""The surface of a mesh with its skinning weights: where the weights of any point in space come from."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from to4d.kernels.closest_point import TriangleTree, closest_points
from to4d.model.surface_graph import voxel_downsample
from to4d.types import Mesh, Rig

SPREAD = 0.05  # of evenly spread points, world units
SPACING = 0.03  # of the samples by which devices other than a CPU find triangles, world units


@dataclass(frozen=True)
class SkinnedSurface:
    """Distinct points of a surface, its triangles and weights."""

    points: Tensor  # (P, 3) float32 at rest
    faces: Tensor  # (M, 3) int64
    weights: Tensor  # (P, J) float32 in all joints; rows add up to 1
    tree: TriangleTree
    moments: Tensor | None = None  # (P, J, 3) float32 weights times `Rig.rest_offsets`, if the rig has these

    def nearest(
        self, poses: Tensor, points: Tensor, which: Tensor, reach: Tensor | None = None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Corners (K, 3) of the triangles nearest to points (N, 3) in poses (T, P, 3), and places (K, 3) on them.

        First in the tuple: which (K,) of the points have a triangle within their `reach` (N,); all if it is None.
        """
        face, place = closest_points(self.tree, poses, points, which, reach)
        near = (face >= 0).nonzero()[:, 0]
        return near, self.faces.to(face.device)[face[near]], place[near]

    def spread(self) -> tuple[Tensor, Tensor]:
        """Points (S, 3) about evenly spread over the surface, and their weights (S, J)."""
        corners, places = self.faces[self.tree.samples], self.tree.places[..., None]
        points, weights = ((x[corners] * places).sum(1) for x in (self.points, self.weights))
        keep = torch.from_numpy(voxel_downsample(points.numpy(), SPREAD))
        return points[keep], weights[keep]


def skinned_surface(mesh: Mesh, rig: Rig) -> SkinnedSurface:
    """Vertices at one position become one, with the mean of their weights; triangles without area are left out."""
    used, faces = np.unique(mesh.faces.numpy(), return_inverse=True)
    points, which, count = np.unique(mesh.vertices.numpy()[used], axis=0, return_inverse=True, return_counts=True)
    faces, which = which.reshape(-1)[faces.reshape(-1, 3)], torch.from_numpy(which.reshape(-1))
    weights = _merged(rig, rig.weights, used, which, len(points)) / torch.from_numpy(count).float()[:, None]
    moments = None
    if rig.rest_offsets is not None:
        axes = (rig.weights[..., None] * rig.rest_offsets).unbind(-1)
        moments = torch.stack([_merged(rig, axis, used, which, len(points)) for axis in axes], -1)
        moments = moments / torch.from_numpy(count).float()[:, None, None]
    a, b, c = points[faces].transpose(1, 0, 2).astype(np.float64)
    faces = faces[np.linalg.norm(np.cross(b - a, c - a), axis=1) > 0]
    tree = TriangleTree.of(points, faces, SPACING)
    return SkinnedSurface(torch.from_numpy(points), torch.from_numpy(faces), weights, tree, moments)


def _merged(rig: Rig, values: Tensor, used: np.ndarray, which: Tensor, count: int) -> Tensor:
    """(count, J) sums of `values` (N, K) of influences, over the vertices `used` (n,) at each of the points."""
    dense = torch.zeros(len(used), len(rig.parents)).scatter_add_(1, rig.influences[used], values[used])
    return torch.zeros(count, len(rig.parents)).index_add_(0, which, dense)
