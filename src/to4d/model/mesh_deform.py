"""A static field seen through a motion of control nodes on the user's own mesh."""

from torch import Tensor

from to4d.model.control_nodes import ControlNodes
from to4d.model.deform import Deform
from to4d.types import Mesh, Rig


class MeshDeform(Deform):
    """A `Deform` by control nodes on a mesh, whose forward map is known exactly; see `protocols.MeshBoundField`."""

    motion: ControlNodes

    def bind(self, mesh: Mesh, rig: Rig | None) -> None:
        """Put the control nodes on this mesh, whatever its rig; to be called once, before anything else."""
        self.motion.bind(mesh)

    def forward_map(self, points: Tensor, times: Tensor) -> tuple[Tensor, Tensor]:
        """Positions (V, N, 3) of surface points (N, 3) at times (V,), and Jacobians (V, N, 3, 3) of the way back."""
        return self.motion.forward_map(points, times)

    def move(self, points: Tensor, times: Tensor) -> Tensor:
        """The positions of `forward_map` alone, but for rounding."""
        return self.motion.move(points, times)
