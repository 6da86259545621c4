"""The gradient of a picture of a mesh in the places of its vertices, through the surface points that its pixels show.

A pixel looks along a fixed ray. Where the mesh moves, the ray meets the same triangle at another place: barycentric
coordinates, depth and normal change as the intersection of Moeller and Trumbore (1997) says, and the colour follows the
texture there. Which triangle is seen, and how much light gets through transparent ones, is held fixed. So the gradient
is right inside of surfaces. It does not see that an outline moves, nor that something comes to cover something else:
where an object has one colour there is no gradient of colour at all.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import embedding

from to4d.render.ray_casting import Bundle
from to4d.render.shading import Shading, triangle_normals

MIN_COSINE = 0.02  # between a ray and a normal, below which a surface is seen edge on and has no gradient
MAX_STEP = 0.5  # of barycentric coordinates, in the differences of colours


@dataclass(frozen=True)
class Layer:
    """Where m of the rays of a bundle meet a surface."""

    ray: NDArray  # (m,) int, which
    triangle: NDArray  # (m,) int
    u: NDArray  # (m,) weight of the triangle's second corner
    v: NDArray  # (m,) weight of its third corner
    footprint: NDArray  # (m,) width of a pixel there, world units
    area: NDArray  # (m,) of the triangle
    weight: NDArray  # (m, 1) share of the ray's light that comes from here
    rgb: NDArray  # (m, 3)
    depth: NDArray  # (m, 1) along the ray
    normal: NDArray  # (m, 3) turned to the eye


def zero_with_gradient(layers: list[Layer], rays: Bundle, vertices: Tensor, faces: NDArray, shading: Shading) -> Tensor:
    """(n, 8) zeros with the gradient in the vertices (N, 3) of colour, opacity (none), depth and normal along rays."""
    total = torch.zeros(len(rays), 8)
    for layer in layers:
        corners = embedding(torch.from_numpy(faces[layer.triangle]), vertices)  # its gradient adds in a fixed order
        origins, directions = (torch.from_numpy(x[layer.ray]) for x in (rays.origins, rays.directions))
        u, v, depth, seen = intersections(corners, origins, directions)
        slope_u, slope_v = (torch.from_numpy(slope) for slope in color_slopes(layer, corners.detach().numpy(), shading))
        normal = triangle_normals(corners)
        sign = (normal.detach() * torch.from_numpy(layer.normal)).sum(-1, keepdim=True).sign()
        values = [slope_u * u + slope_v * v, torch.zeros_like(u), depth, sign * normal]
        values = torch.cat([value - value.detach() for value in values], 1)
        total = total.index_add(0, torch.from_numpy(layer.ray), torch.from_numpy(layer.weight).float() * seen * values)
    return total


def intersections(corners: Tensor, origins: Tensor, directions: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Where rays (m, 3) meet their triangles (m, 3 corners, 3), by Moeller and Trumbore.

    Returns:
        Weights u and v of the second and third corner, depths along the rays, and 1 or, where the surface is seen edge
        on, 0: (m, 1) each.
    """
    a, b, c = corners.unbind(1)
    first, second, offset = b - a, c - a, origins - a
    across, along = torch.linalg.cross(directions, second), torch.linalg.cross(offset, first)
    volume = (first * across).sum(-1, keepdim=True)
    area = torch.linalg.cross(first, second).norm(dim=-1, keepdim=True)
    seen = volume.detach().abs() > MIN_COSINE * area.detach()
    volume = torch.where(seen, volume, 1.0)
    u, v, depth = (
        (x * y).sum(-1, keepdim=True) / volume for x, y in ((offset, across), (directions, along), (second, along))
    )
    return u, v, depth, seen.to(u)


def color_slopes(layer: Layer, corners: NDArray, shading: Shading) -> tuple[NDArray, NDArray]:
    """Derivatives (m, 3) of the colour in u and in v: differences over a pixel's width, less on small triangles."""
    slopes = []
    for axis, edge in enumerate((corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])):
        step = np.minimum(0.5 * layer.footprint / np.maximum(np.linalg.norm(edge, axis=1), 1e-20), MAX_STEP)
        colors = []
        for shift in (step, -step):
            u, v = layer.u + shift * (axis == 0), layer.v + shift * (axis == 1)
            colors.append(shading(layer.triangle, u, v, layer.footprint, layer.area)[0])
        slopes.append(((colors[0] - colors[1]) / (2.0 * step)[:, None]).astype(np.float32))
    return slopes[0], slopes[1]
