"""Pictures of a model that moves the mesh, drawn from the moved mesh itself: as crisp as the input, at any size."""

import torch
from torch import Generator, Tensor, nn

from to4d.errors import RENDERING, InputError, memory_of
from to4d.protocols import Field, MeshBoundField, ReferenceRenderer
from to4d.types import Cameras, Render

POINTS_AT_ONCE = 2**19  # vertices times frames whose motion is computed at once, which bounds memory


class MovedMeshRenderer(nn.Module):
    """Draws the mesh with the vertices where `field` moves them, by the reference renderer.

    The density and the colour of the field are not used, so there is no static fit. The gradient of the motion goes
    through the surface points that pixels show: see `to4d.render.surface_gradient`.

    Args:
        field: a field that moves a mesh.

    Raises:
        InputError: if it moves none.
    """

    needs_static_fit = False
    vertices: Tensor  # (N, 3) at rest

    def __init__(self, field: Field) -> None:
        super().__init__()
        if not isinstance(field, MeshBoundField):
            raise InputError(
                f"renderer=mesh draws the mesh as the model moves it, and {type(field).__name__} moves no mesh; "
                "say model=nodes, or renderer=volume"
            )
        self.field: MeshBoundField = field
        self.reference: ReferenceRenderer | None = None

    def bind(self, reference: ReferenceRenderer, generator: Generator) -> None:
        """Draw by this renderer; to be called once, before anything else."""
        self.reference = reference
        self.register_buffer("vertices", reference.mesh.vertices, persistent=False)

    def update(self, generator: Generator) -> None:
        """Nothing: it keeps nothing of the field."""

    @memory_of(RENDERING)
    def forward(
        self, cameras: Cameras, times: Tensor, normals: bool = True, generator: Generator | None = None
    ) -> Render:
        """B cameras, V times in [0, 1) -> Render (B, V, H, W, c)."""
        if self.reference is None:
            raise InputError("the renderer of a moved mesh draws by that of the mesh; give it one with bind(reference)")
        return self.reference.draw(cameras, self.moved_vertices(times.to(self.vertices)), normals)

    def moved_vertices(self, times: Tensor) -> Tensor:
        """(V,) -> (V, N, 3) positions of the vertices."""
        frames = max(1, POINTS_AT_ONCE // len(self.vertices))
        return torch.cat([self.field.move(self.vertices, part) for part in times.split(frames)])
