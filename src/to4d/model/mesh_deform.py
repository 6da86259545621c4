"""The static field seen through a motion of the user's own mesh."""

from torch import Tensor

from to4d.model.deform import Deform
from to4d.types import Mesh


class MeshDeform(Deform):
    """A `Deform` whose motion (`nodes.Nodes`) lives on a mesh and knows where each place of it goes."""

    def bind(self, mesh: Mesh) -> None:
        """Be the double of this mesh; to be called once, before anything else."""
        self.motion.bind(mesh)

    def moved(self, points: Tensor, times: Tensor) -> tuple[Tensor, Tensor]:
        """Where points (N, 3) of the mesh are at times (V,): (V, N, 3), and slopes (V, N, 3, 3) of the way back."""
        return self.motion.moved(points, times)
