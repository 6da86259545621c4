"""Volume rendering of a 4D field: march through occupied cells, evaluate the field, composite over white."""

from functools import partial

import torch
from torch import Generator, Tensor, nn
from torch.nn.functional import normalize
from torch.utils.checkpoint import checkpoint

from to4d.distributed import draw_sharded
from to4d.errors import RENDERING, memory_of
from to4d.geometry import pixel_rays
from to4d.kernels.composite import composite
from to4d.kernels.march import DIAGONAL, march
from to4d.protocols import Field, ReferenceRenderer
from to4d.render.occupancy import Occupancy, sample_surface
from to4d.types import Cameras, Rays, Render

MIN_OPACITY = 0.1  # from which a ray has a surface with a normal
SURFACE_POINTS = 200_000  # of the mesh, around which the field is not empty


class VolumeRenderer(nn.Module):
    """Renders `field` by volume rendering; the scene's 4D renderer.

    Args:
        field: see `protocols.Field`.
        samples: along the diagonal of the box, which sets the distance between samples.
        resolution: cells of the occupancy along an axis.
        bins: intervals of time of the occupancy.
        margin: cells of the occupancy kept around what is dense.
        min_density: from which a cell of the occupancy counts as dense.
        normal_eps: step of the finite differences of normals, in world units.
        chunk: most rays at once, which bounds memory.
        recompute: gradient checkpointing: the backward pass renders each chunk again with the same random numbers. The
            gradient is the same, the memory that of one chunk. Not of stills with normals, for the number of rays that
            hit a surface could differ by one on a GPU.
    """

    needs_static_fit = True

    def __init__(
        self,
        field: Field,
        samples: int = 256,
        resolution: int = 64,
        bins: int = 16,
        margin: int = 1,
        min_density: float = 1.0,
        normal_eps: float = 0.01,
        chunk: int = 2**17,
        recompute: bool = False,
    ) -> None:
        super().__init__()
        self.field = field
        self.step = DIAGONAL / samples
        self.occupancy = Occupancy(resolution, bins, margin, min_density)
        self.normal_eps, self.chunk, self.recompute = normal_eps, chunk, recompute

    def bind(self, reference: ReferenceRenderer, generator: Generator) -> None:
        """Be empty away from the surface of the mesh, before training."""
        self.start_from(sample_surface(reference.mesh, SURFACE_POINTS, generator))

    def update(self, generator: Generator) -> None:
        """Let the occupancy follow the field."""
        self.occupancy.update(self.field, generator)

    def start_from(self, points: Tensor) -> None:
        """Be empty away from these points (N, 3) of the surface, before training."""
        self.field.start_from(points)
        self.occupancy.from_points(points)

    @memory_of(RENDERING)
    def forward(
        self, cameras: Cameras, times: Tensor, normals: bool = True, generator: Generator | None = None
    ) -> Render:
        """B cameras, V times in [0, 1) -> Render (B, V, H, W, c); samples are jittered if a generator is given."""
        rays, shape = pixel_rays(cameras), (len(cameras.pose), len(times), *cameras.size)
        rays = Rays(*(x[:, None].expand(*shape, 3).reshape(-1, 3) for x in (rays.origins, rays.directions)))
        times = times.to(rays.origins)[None, :, None, None].expand(shape).reshape(-1)
        shift = torch.full_like(times, 0.5)
        if generator is not None:
            shift = draw_sharded(torch.rand, shape, generator).reshape(-1).to(times)
        render = self.render_rays
        if self.recompute and not normals and torch.is_grad_enabled():
            render = partial(checkpoint, self.render_rays, use_reentrant=False, preserve_rng_state=False)
        parts = [
            render(Rays(rays.origins[i : i + self.chunk], rays.directions[i : i + self.chunk]), t, s, normals)
            for i, t, s in zip(
                range(0, len(times), self.chunk), times.split(self.chunk), shift.split(self.chunk), strict=True
            )
        ]
        channels = torch.cat(parts).view(*shape, -1)
        rgb, opacity, depth = channels[..., :3] + 1 - channels[..., 3:4], channels[..., 3:4], channels[..., 4:5]
        return Render(rgb, opacity, depth, channels[..., 5:] if normals else None)

    @memory_of(RENDERING)  # here too: gradient checkpointing calls it again
    def render_rays(self, rays: Rays, times: Tensor, shift: Tensor, normals: bool) -> Tensor:
        """(R, 3) rays, (R,) times and shifts -> (R, 5 or 8): rgb before the background, opacity, depth, normal."""
        bins = self.occupancy.bin_of(times)
        samples = march(rays.origins, rays.directions, bins, self.occupancy.cells, shift, self.step)
        density, rgb = self.field(samples.points, times[samples.rays])
        channels = composite(density, rgb, samples.depth, samples.offsets, self.step)
        return torch.cat([channels, self._normals(rays, times, channels)], -1) if normals else channels

    def _normals(self, rays: Rays, times: Tensor, channels: Tensor) -> Tensor:
        """(R, 3) normals at the expected surface of each ray, weighted by opacity; 0 where nothing is."""
        hit = (channels[:, 3] > MIN_OPACITY).nonzero()[:, 0]
        surface = (channels[hit, 4:5] / channels[hit, 3:4]).detach() * rays.directions[hit] + rays.origins[hit]
        normal = -normalize(density_gradient(self.field, surface, times[hit], self.normal_eps), dim=-1)
        return torch.zeros_like(channels[:, :3]).index_copy(0, hit, normal * channels[hit, 3:4])


def density_gradient(field: Field, points: Tensor, times: Tensor, eps: float) -> Tensor:
    """Gradient of density (N, 3) by differences over the corners of a tetrahedron of radius eps * sqrt(3)."""
    corners = points.new_tensor([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]])
    density = field.density((points[:, None] + eps * corners).reshape(-1, 3), times.repeat_interleave(4))
    return density.view(-1, 4) @ corners / (4 * eps)
