"""The reference: the input mesh by ray casting on the CPU (Embree), unlit, over white.

Both sides of every surface show. Normals are those of the triangles, turned to the camera: the surface that a field is
trained to reproduce, not the smoothed one of a shader.
"""

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from to4d.render.ray_casting import Bundle, ScanCaster, TreeCaster, ray_bundles
from to4d.render.shading import Shading, triangle_geometry
from to4d.render.surface_gradient import Layer, zero_with_gradient
from to4d.types import Cameras, Mesh, Render

MAX_LAYERS = 12  # of transparent surfaces that one ray may cross
STEP = 1e-4  # past a transparent surface before the next cast, in world units


class MeshRenderer(nn.Module):
    """(cameras, times) -> Render of a static mesh, and of the mesh with its vertices elsewhere: `draw`.

    Args:
        mesh: the object.
        antialias: rays along each side of a pixel, averaged in sRGB; 1 casts exactly `pixel_rays(cameras)`, as do
            cameras with an `offset` at any setting, since they name their rays.
        ray_rows: height of the image whose pixels the rays of cameras with an `offset` stand for; textures are
            filtered to that, however few rays are cast.
    """

    def __init__(self, mesh: Mesh, antialias: int = 2, ray_rows: int = 256):
        super().__init__()
        self.mesh = mesh
        self.antialias = antialias
        self.ray_rows = ray_rows
        self.shading = Shading(mesh)
        self.faces = mesh.faces.numpy()
        self.at_rest = TreeCaster(mesh.vertices.numpy(), self.faces)

    def forward(self, cameras: Cameras, times: Tensor, normals: bool = True) -> Render:
        """(B cameras), (V,) -> Render with leading shape (B, V); all frames share memory."""
        return self.draw(cameras, self.mesh.vertices[None], normals).repeat(len(times))

    def draw(self, cameras: Cameras, vertices: Tensor, normals: bool = True) -> Render:
        """The mesh with its vertices at (V, N, 3): Render (B, V), with their gradient (see `surface_gradient`)."""
        height, width = cameras.size
        n = self.antialias if cameras.offset is None else 1
        fine = cameras.to(torch.device("cpu"))
        fine = Cameras(fine.pose, fine.fov, (n * height, n * width), fine.offset)
        bundles = ray_bundles(fine, fine.size[0] if cameras.offset is None else self.ray_rows)
        frames, grid = vertices.to(fine.pose.device).unbind(0), (height, n, width, n)
        views = [torch.stack([self._picture(bundle, frame, grid) for frame in frames]) for bundle in bundles]
        channels = torch.stack(views).to(cameras.pose.device)
        opacity = channels[..., 3:4]
        return Render(
            channels[..., :3] + (1.0 - opacity), opacity, channels[..., 4:5], channels[..., 5:] if normals else None
        )

    def _picture(self, rays: Bundle, vertices: Tensor, grid: tuple[int, int, int, int]) -> Tensor:
        """(H, W, 8) colour x opacity, opacity, depth x opacity, normal x opacity; means over `grid`, (H, n, W, n) rays.

        The gradient of the vertices (N, 3) is added to the values as terms that are 0.
        """
        layers = self._layers(rays, vertices.detach().numpy())
        if not (vertices.requires_grad and torch.is_grad_enabled()):
            return torch.from_numpy(composite(layers, len(rays)).reshape(*grid, 8).mean((1, 3)))
        kept = list(layers)
        picture = torch.from_numpy(composite(iter(kept), len(rays)).reshape(*grid, 8).mean((1, 3)))
        return picture + zero_with_gradient(kept, rays, vertices, self.faces, self.shading).view(*grid, 8).mean((1, 3))

    def _layers(self, rays: Bundle, vertices: NDArray) -> Iterator[Layer]:
        """The surfaces that rays meet, from front to back."""
        cast = self._caster(vertices)
        light = np.ones(len(rays), np.float32)  # transmittance of all surfaces so far
        start = np.zeros(len(rays), np.float32)
        ray = np.arange(len(rays))
        for _ in range(MAX_LAYERS):
            hits = cast(rays, ray, start[ray])
            hit = hits.triangle >= 0
            ray, triangle, u, v, depth = ray[hit], hits.triangle[hit], hits.u[hit], hits.v[hit], hits.depth[hit]
            normal, area = triangle_geometry(vertices[self.faces[triangle]])
            normal = normal * -np.sign((normal * rays.directions[ray]).sum(1, keepdims=True))
            footprint = rays.angle * depth
            rgb, alpha = self.shading(triangle, u, v, footprint, area)
            weight = (light[ray] * alpha)[:, None]
            yield Layer(ray, triangle, u, v, footprint, area, weight, rgb, depth[:, None], normal)
            light[ray] *= 1.0 - alpha
            start[ray] = depth + STEP
            ray = ray[light[ray] > 1e-3]
            if not len(ray):
                break

    def _caster(self, vertices: NDArray) -> TreeCaster | ScanCaster:
        """What casts rays on the mesh with its vertices there; at rest exactly as `forward` does."""
        if np.array_equal(vertices, self.mesh.vertices.numpy()):
            return self.at_rest
        return ScanCaster(vertices, self.faces)


def composite(layers: Iterator[Layer], count: int) -> NDArray:
    """(count, 8) float32 along rays: colour x opacity, opacity, depth x opacity, normal x opacity."""
    out = np.zeros((count, 8), np.float32)
    for layer in layers:
        values = [layer.rgb, np.ones_like(layer.weight), layer.depth, layer.normal]
        out[layer.ray] += layer.weight * np.concatenate(values, 1)
    return out
