"""The reference: the input mesh by ray casting on the CPU (Embree), unlit, over white.

Both sides of every surface show. Normals are those of the triangles, turned to the camera: the surface that a field is
trained to reproduce, not the smoothed one of a shader.
"""

import numpy as np
import torch
from embreex.mesh_construction import TriangleMesh
from embreex.rtcore_scene import EmbreeScene
from numpy.typing import NDArray
from torch import Tensor, nn

from to4d.geometry import pixel_rays
from to4d.render.shading import Shading
from to4d.types import Cameras, Mesh, Render

MAX_LAYERS = 12  # of transparent surfaces that one ray may cross
STEP = 1e-4  # past a transparent surface before the next cast, in world units


class MeshRenderer(nn.Module):
    """(cameras, times) -> Render of a static mesh; no gradients.

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
        self.scene = EmbreeScene(robust=True)
        TriangleMesh(self.scene, mesh.vertices.numpy(), mesh.faces.numpy().astype(np.int32))

    @torch.no_grad()
    def forward(self, cameras: Cameras, times: Tensor, normals: bool = True) -> Render:
        """(B cameras), (V,) -> Render with leading shape (B, V); all frames share memory."""
        height, width = cameras.size
        n = self.antialias if cameras.offset is None else 1
        fine = cameras.to(torch.device("cpu"))
        fine = Cameras(fine.pose, fine.fov, (n * height, n * width), fine.offset)
        rays = pixel_rays(fine)
        rows = fine.size[0] if cameras.offset is None else self.ray_rows
        angles = 2.0 * torch.tan(fine.fov / 2) / rows  # of one fine pixel, as a tangent
        views = []
        for origins, directions, angle in zip(rays.origins, rays.directions, angles.tolist(), strict=True):
            channels = self._cast(origins.reshape(-1, 3).numpy(), directions.reshape(-1, 3).numpy(), angle)
            views.append(channels.reshape(height, n, width, n, 8).mean((1, 3)))
        channels = torch.from_numpy(np.stack(views)).to(cameras.pose.device)
        channels = channels[:, None].expand(-1, len(times), -1, -1, -1)
        opacity = channels[..., 3:4]
        return Render(
            channels[..., :3] + (1.0 - opacity), opacity, channels[..., 4:5], channels[..., 5:] if normals else None
        )

    def _cast(self, origins: NDArray, directions: NDArray, angle: float) -> NDArray:
        """(n, 8) float32 along rays: colour x opacity, opacity, depth x opacity, normal x opacity."""
        out = np.zeros((len(origins), 8), np.float32)
        light = np.ones(len(origins), np.float32)  # transmittance of all surfaces so far
        start = np.zeros(len(origins), np.float32)
        ray = np.arange(len(origins))
        for _ in range(MAX_LAYERS):
            origin = origins[ray] + start[ray, None] * directions[ray]
            hits = self.scene.run(origin, directions[ray], output=True)
            hit = hits["primID"] >= 0
            ray, triangle = ray[hit], hits["primID"][hit]
            depth = start[ray] + hits["tfar"][hit]
            rgb, alpha = self.shading(triangle, hits["u"][hit], hits["v"][hit], angle * depth)
            normal = self.shading.normal[triangle]
            normal = normal * -np.sign((normal * directions[ray]).sum(1, keepdims=True))
            weight = (light[ray] * alpha)[:, None]
            out[ray] += weight * np.concatenate([rgb, np.ones_like(weight), depth[:, None], normal], 1)
            light[ray] *= 1.0 - alpha
            start[ray] = depth + STEP
            ray = ray[light[ray] > 1e-3]
            if not len(ray):
                break
        return out
