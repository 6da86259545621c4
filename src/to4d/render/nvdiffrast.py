"""The reference on CUDA: the pictures of `mesh_cpu`, rasterised by nvdiffrast (Laine et al. 2020, arXiv 2011.03277).

nvdiffrast is not installed with this package: its licence allows research and evaluation, not commercial use.
The conventions of `mesh_cpu` hold: unlit sRGB, both sides visible, triangle normals turned to the camera, `antialias`
squared samples a pixel. Textures are filtered by nvdiffrast's own mipmaps.
"""

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from to4d.errors import InputError
from to4d.render.shading import premultiplied, triangle_normals
from to4d.types import Cameras, Material, Mesh, Render

MAX_LAYERS = 12  # of transparent surfaces in one pixel
NEAR, FAR = 0.01, 100.0


def import_nvdiffrast():
    """`nvdiffrast.torch`, or an error that says how to get it."""
    try:
        import nvdiffrast.torch as dr
    except ImportError as error:
        raise InputError(
            "reference=nvdiffrast needs the package nvdiffrast, whose licence allows non-commercial use only: install "
            "it with `make setup-gpu` where there is a CUDA GPU and compiler, or use reference=mesh_cpu"
        ) from error
    return dr


def clip_positions(vertices: Tensor, cameras: Cameras, canvas: tuple[int, int]) -> Tensor:
    """Homogeneous clip coordinates (B, N, 4) of world points, first image row at y = -1.

    Args:
        vertices: points in front of all cameras, (N, 3), or (B, N, 3) of each.
        cameras: whose image fills the top left of the canvas.
        canvas: (H, W) that is rasterised, at least the cameras' size.
    """
    (height, width), pose = cameras.size, cameras.pose
    local = torch.einsum("bji,bnj->bni", pose[:, :3, :3], vertices - pose[:, None, :3, 3])
    x, y, w = local[..., 0], -local[..., 1], -local[..., 2]
    focal = (0.5 * height / (0.5 * cameras.fov).tan())[:, None]  # in pixels
    shift = torch.zeros(len(pose), 2, device=pose.device) if cameras.offset is None else cameras.offset
    column = focal * x + (0.5 * width - shift[:, :1]) * w  # pixel coordinate times w
    row = focal * y + (0.5 * height - shift[:, 1:]) * w
    z = w * (FAR + NEAR) / (FAR - NEAR) - 2.0 * FAR * NEAR / (FAR - NEAR)
    return torch.stack([2.0 * column / canvas[1] - w, 2.0 * row / canvas[0] - w, z, w], -1)


class NvdiffrastRenderer(nn.Module):
    """(cameras, times) -> Render of a static mesh, and of the mesh with its vertices elsewhere: `draw`.

    Works on cameras that live on CUDA. The gradient of the vertices is that of `surface_gradient`: nvdiffrast's own at
    fixed visibility, without its antialiasing.

    Args:
        mesh: the object.
        antialias: samples along each side of a pixel, averaged in sRGB; 1 for cameras with an `offset`.
        ray_rows: height of the image to whose pixels textures are filtered for cameras with an `offset`.
    """

    def __init__(self, mesh: Mesh, antialias: int = 2, ray_rows: int = 256):
        super().__init__()
        self.dr = import_nvdiffrast()
        self.mesh, self.antialias, self.ray_rows = mesh, antialias, ray_rows
        self.device: torch.device | None = None  # of the buffers below, set by the first call

    def _move_to(self, device: torch.device) -> None:
        """Corners instead of shared vertices, for UVs and colours differ between the triangles of a vertex."""
        self.device, self.context = device, self.dr.RasterizeCudaContext(device)
        self.faces, self.material = self.mesh.faces.to(device), self.mesh.material.to(device)
        self.triangles = torch.arange(self.faces.numel(), dtype=torch.int32, device=device).view(-1, 3)
        self.uv = (self.mesh.uv.reshape(-1, 2) * torch.tensor([1.0, -1.0]) + torch.tensor([0.0, 1.0])).to(device)
        self.color = self.mesh.color.reshape(-1, 4).to(device)
        self.textures = [_texture(m, device) for m in self.mesh.materials]

    def forward(self, cameras: Cameras, times: Tensor, normals: bool = True) -> Render:
        """(B cameras), (V,) -> Render with leading shape (B, V); all frames share memory."""
        return self.draw(cameras, self.mesh.vertices[None], normals).repeat(len(times))

    def draw(self, cameras: Cameras, vertices: Tensor, normals: bool = True) -> Render:
        """The mesh with its vertices at (V, N, 3): Render (B, V); all frames of all cameras at once."""
        if cameras.pose.device.type != "cuda":
            raise InputError("reference=nvdiffrast draws on CUDA only; use trainer.accelerator=gpu or mesh_cpu")
        if self.device != cameras.pose.device:
            self._move_to(cameras.pose.device)
        (height, width), shifted = cameras.size, cameras.offset is not None
        n = 1 if shifted else self.antialias
        fine = Cameras(cameras.pose, cameras.fov, (n * height, n * width), cameras.offset)
        fine = fine.map_tensors(lambda x: x.repeat_interleave(len(vertices), 0))  # B V pictures
        corners = vertices.to(self.device)[:, self.faces].repeat(len(cameras.pose), 1, 1, 1)  # (B V, M, 3, 3)
        canvas = (-(-n * height // 8) * 8, -(-n * width // 8) * 8)  # the rasteriser wants multiples of 8
        footprint = height / self.ray_rows if shifted else 1.0
        channels = self._rasterize(corners, fine, canvas, footprint)
        channels = (
            channels[:, : n * height, : n * width].unflatten(2, (width, n)).unflatten(1, (height, n)).mean((2, 4))
        )
        channels = channels.unflatten(0, (len(cameras.pose), len(vertices)))
        opacity = channels[..., 3:4]
        return Render(
            channels[..., :3] + (1.0 - opacity), opacity, channels[..., 4:5], channels[..., 5:] if normals else None
        )

    def _rasterize(self, corners: Tensor, cameras: Cameras, canvas: tuple[int, int], footprint: float) -> Tensor:
        """(B, H, W, 8): colour x opacity, opacity, depth x opacity, normal x opacity, peeled from front to back."""
        points, eyes = corners.flatten(1, 2), cameras.pose[:, None, None, :3, 3]
        clip, normals = clip_positions(points, cameras, canvas), triangle_normals(corners)
        picture = torch.arange(len(corners), device=corners.device)[:, None, None]
        out = torch.zeros(len(clip), *canvas, 8, device=clip.device)
        light = torch.ones(len(clip), *canvas, 1, device=clip.device)
        transparent = any(m.alpha != "opaque" for m in self.mesh.materials)
        with self.dr.DepthPeeler(self.context, clip, self.triangles, canvas) as peeler:
            for _ in range(MAX_LAYERS if transparent else 1):
                raster, raster_db = peeler.rasterize_next_layer()
                hit = raster[..., 3] > 0
                if not hit.any():
                    break
                rgb, alpha = self._shade(raster, footprint * raster_db.detach())
                view = self.dr.interpolate(points, raster, self.triangles)[0] - eyes
                depth = view.norm(dim=-1, keepdim=True)
                normal = normals[picture, (raster[..., 3].long() - 1).clamp(min=0)]
                normal = normal * -torch.sign((normal * view).sum(-1, keepdim=True))
                weight = (light * alpha * hit[..., None]).detach()
                out += weight * torch.cat([rgb, torch.ones_like(depth), depth, normal], -1)
                light = light - weight
        return out

    def _shade(self, raster: Tensor, raster_db: Tensor) -> tuple[Tensor, Tensor]:
        """Colour (B, H, W, 3) and opacity (B, H, W, 1) of the visible points."""
        uv, uv_da = self.dr.interpolate(self.uv[None], raster, self.triangles, raster_db, diff_attrs="all")
        rgba = self.dr.interpolate(self.color[None], raster, self.triangles)[0].clone()
        material = self.material[(raster[..., 3].long() - 1).clamp(min=0)]
        alpha = torch.ones_like(rgba[..., 3])
        for number, (m, texture) in enumerate(zip(self.mesh.materials, self.textures, strict=True)):
            here = material == number
            texel = torch.ones_like(rgba)
            if texture is not None:
                mode = {"filter_mode": "linear-mipmap-linear", "boundary_mode": "wrap"}
                texel = self.dr.texture(texture, uv.contiguous(), uv_da, **mode)
                texel = torch.cat([texel[..., :3] / texel[..., 3:].clamp(min=1e-6), texel[..., 3:]], -1)
            mine = rgba * texel * torch.tensor(m.color, device=rgba.device)
            rgba = torch.where(here[..., None], mine, rgba)
            alpha = torch.where(here, _opacity(m, mine[..., 3]), alpha)
        return rgba[..., :3].clamp(0.0, 1.0), alpha[..., None]


def _opacity(material: Material, alpha: Tensor) -> Tensor:
    if material.alpha == "opaque":
        return torch.ones_like(alpha)
    return (alpha >= material.cutoff).to(alpha) if material.alpha == "mask" else alpha


def _texture(material: Material, device: torch.device) -> Tensor | None:
    """(1, h, w, 4) premultiplied floats; sides are brought up to powers of two, as the mipmaps want."""
    if material.texture is None:
        return None
    image = torch.from_numpy(premultiplied(np.asarray(material.texture), material.alpha)).to(device) / 255.0
    size = [1 << (side - 1).bit_length() for side in image.shape[:2]]
    if size == list(image.shape[:2]):
        return image[None].contiguous()
    return interpolate(image.permute(2, 0, 1)[None], size, mode="bilinear").permute(0, 2, 3, 1).contiguous()
