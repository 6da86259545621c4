"""The unlit colour of points on a mesh, filtered to the size of the pixel that shows them.

Each texture becomes a pyramid of halved images (a mipmap; Williams 1983); a lookup blends the two levels whose texels
are about as wide as the pixel's footprint, bilinear in each. Without this, a 4096-texel texture seen at 64 pixels is
noise that no smooth field can fit.
"""

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import normalize

from to4d.types import Mesh


class TexturePyramids:
    """Textures of any sizes as mip levels in one flat array, so that one gather serves all materials at once."""

    def __init__(self, images: list[NDArray]):
        """`images` are (h, w, 4) uint8, alpha premultiplied, first row at v = 1."""
        levels = [_halvings(image) for image in images]
        self.depth = np.array([len(x) for x in levels])
        self.size = np.ones((len(levels), self.depth.max(), 2), np.int64)
        self.start = np.zeros(self.size.shape[:2], np.int64)
        end = 0
        for i, pyramid in enumerate(levels):
            for k, image in enumerate(pyramid):
                self.size[i, k], self.start[i, k] = image.shape[:2], end
                end += image.shape[0] * image.shape[1]
        self.texels = np.concatenate([image.reshape(-1, 4) for pyramid in levels for image in pyramid])

    def __call__(self, texture: NDArray, uv: NDArray, level: NDArray) -> NDArray:
        """Texture numbers (n,), UVs (n, 2) and fractional levels (n,) to premultiplied RGBA (n, 4) in [0, 1]."""
        level = np.clip(level, 0.0, self.depth[texture] - 1.0)
        fine = np.floor(level).astype(np.int64)
        out = self._bilinear(texture, uv, fine)
        between = np.flatnonzero(level > fine)
        t = (level - fine)[between, None]
        coarse = self._bilinear(texture[between], uv[between], fine[between] + 1)
        out[between] += t * (coarse - out[between])
        return out

    def _bilinear(self, texture: NDArray, uv: NDArray, level: NDArray) -> NDArray:
        """Texel centres lie at half-integers; the image repeats."""
        size, start = self.size[texture, level], self.start[texture, level]
        height, width = size.T
        x, y = uv[:, 0] % 1.0 * width - 0.5, (1.0 - uv[:, 1] % 1.0) * height - 0.5
        left, top = np.floor(x).astype(np.int64), np.floor(y).astype(np.int64)
        fx, fy = (x - left)[:, None], (y - top)[:, None]
        columns, rows = (left % width, (left + 1) % width), (top % height, (top + 1) % height)
        a, b, c, d = (self.texels[start + r * width + k].astype(np.float32) for r in rows for k in columns)
        return ((a * (1 - fx) + b * fx) * (1 - fy) + (c * (1 - fx) + d * fx) * fy) / 255.0


def _halvings(image: NDArray) -> list[NDArray]:
    """The image and its halvings by area down to one texel."""
    levels = [np.ascontiguousarray(image)]
    while max(levels[-1].shape[:2]) > 1:
        height, width = (max(1, s // 2) for s in levels[-1].shape[:2])
        levels.append(cv2.resize(levels[-1], (width, height), interpolation=cv2.INTER_AREA).reshape(height, width, 4))
    return levels


class Shading:
    """Unlit colour and opacity of a mesh at (triangle, barycentric) points, wherever its vertices are."""

    def __init__(self, mesh: Mesh):
        materials = mesh.materials
        white = np.full((1, 1, 4), 255, np.uint8)
        textures = [white] + [premultiplied(m.texture.numpy(), m.alpha) for m in materials if m.texture is not None]
        self.pyramids = TexturePyramids(textures)
        has_texture = np.array([m.texture is not None for m in materials])
        self.texture_of = np.where(has_texture, np.cumsum(has_texture), 0)  # of each material
        self.color_of = np.array([m.color for m in materials], np.float32)
        self.cutoff_of = np.array([m.cutoff for m in materials], np.float32)
        self.is_mask = np.array([m.alpha == "mask" for m in materials])
        self.is_opaque = np.array([m.alpha == "opaque" for m in materials])
        self.material = mesh.material.numpy()
        self.uv, self.color = mesh.uv.numpy(), mesh.color.numpy()
        self.texels = self._texels()

    def _texels(self) -> NDArray:
        """(M,) texels of the full texture on each triangle."""
        edges = self.uv[:, 1:] - self.uv[:, :1]
        uv_area = 0.5 * np.abs(edges[:, 0, 0] * edges[:, 1, 1] - edges[:, 0, 1] * edges[:, 1, 0])
        return uv_area * self.pyramids.size[:, 0].prod(-1)[self.texture_of[self.material]]

    def __call__(
        self, triangle: NDArray, u: NDArray, v: NDArray, footprint: NDArray, area: NDArray
    ) -> tuple[NDArray, NDArray]:
        """Colour (n, 3) and opacity (n,) of points.

        Args:
            triangle: (n,) numbers.
            u: (n,) weight of the triangle's second corner.
            v: (n,) weight of its third corner.
            footprint: (n,) width of the pixel on the surface, in world units.
            area: (n,) of the triangle, in world units.
        """
        weights = np.stack([1.0 - u - v, u, v], -1)[:, None]
        uv = (weights @ self.uv[triangle])[:, 0]
        material = self.material[triangle]
        texels_per_unit = np.sqrt(self.texels[triangle] / np.maximum(area, 1e-20))
        level = np.log2(np.maximum(footprint * texels_per_unit, 1e-6))
        texel = self.pyramids(self.texture_of[material], uv, level)
        texel[:, :3] /= np.maximum(texel[:, 3:], 1e-6)
        rgba = texel * self.color_of[material] * (weights @ self.color[triangle])[:, 0]
        alpha = np.where(self.is_mask[material], rgba[:, 3] >= self.cutoff_of[material], rgba[:, 3])
        return np.clip(rgba[:, :3], 0.0, 1.0), np.where(self.is_opaque[material], 1.0, alpha)


def triangle_geometry(corners: NDArray) -> tuple[NDArray, NDArray]:
    """Outward unit normals (n, 3) and areas (n,) of triangles (n, 3 corners, 3)."""
    cross = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    length = np.linalg.norm(cross, axis=1)
    return cross / np.maximum(length, 1e-20)[:, None], 0.5 * length


def triangle_normals(corners: Tensor) -> Tensor:
    """Unit normals (..., 3) of triangles (..., 3 corners, 3), with their gradient."""
    first, second = corners[..., 1, :] - corners[..., 0, :], corners[..., 2, :] - corners[..., 0, :]
    return normalize(torch.linalg.cross(first, second), dim=-1)


def premultiplied(image: NDArray, alpha: str) -> NDArray:
    """Colour x alpha, so that hidden texels never bleed into visible ones; opaque materials ignore alpha."""
    if alpha == "opaque" or (image[..., 3] == 255).all():
        return np.concatenate([image[..., :3], np.full_like(image[..., 3:], 255)], -1)
    shade = image[..., :3].astype(np.uint16) * image[..., 3:]
    return np.concatenate([((shade + 127) // 255).astype(np.uint8), image[..., 3:]], -1)
