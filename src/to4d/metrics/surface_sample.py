"""Points of the surface to follow with `to4d.surface_tracks`, spread evenly and the same at every call."""

import torch
from torch import Tensor

from to4d.types import Mesh, generator_at


def surface_sample(vertices: Tensor, faces: Tensor, count: int = 1200) -> tuple[Tensor, Tensor]:
    """Points spread evenly over the area of a mesh (N, 3), (M, 3), the same at every call.

    Returns:
        The vertices (count, 3) of each point's triangle, and their weights (count, 3).
    """
    corners = vertices[faces].double()
    area = torch.linalg.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]).norm(dim=-1).cumsum(0)
    place = (torch.arange(count, dtype=torch.float64) + 0.5) / count * area[-1]
    triangle = torch.searchsorted(area, place).clamp(max=len(area) - 1)
    u, v = torch.rand(2, count, generator=generator_at(0, 0, "surface points"), dtype=torch.float64)
    return faces[triangle], torch.stack([1.0 - u.sqrt(), u.sqrt() * (1.0 - v), u.sqrt() * v], -1)


def surface_points(mesh: Mesh, count: int = 1200) -> Tensor:
    """(count, 3) points spread evenly over the mesh's area; the same at every call."""
    corners, weights = surface_sample(mesh.vertices, mesh.faces, count)
    return (weights[..., None] * mesh.vertices[corners].double()).sum(1).float()
