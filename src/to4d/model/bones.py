"""A static field seen through a motion of bones in the user's own mesh."""

from torch import Tensor

from to4d.errors import InputError
from to4d.model.bone_motion import BoneMotion
from to4d.model.deform import Deform
from to4d.types import Mesh, Rig


class Bones(Deform):
    """A `Deform` by the joints of a rig, whose forward map is known exactly; see `protocols.RiggedField`."""

    motion: BoneMotion

    def bind(self, mesh: Mesh, rig: Rig | None) -> None:
        """Move this mesh by its rig; to be called once, before anything else.

        Raises:
            InputError: if there is no rig.
        """
        if rig is None:
            raise InputError("model=bones needs a skeleton: say rig=found, or rig.body=quadruped, ...; or model=nodes")
        self.rig = rig
        self.motion.bind(mesh, rig)

    def forward(self, points: Tensor, times: Tensor) -> tuple[Tensor, Tensor]:
        """(N, 3), (N,) -> density (N,), rgb (N, 3)."""
        near, rest = self.motion.origins(points, times)
        density, rgb = self.static(rest, times[near])
        empty, black = points.new_zeros(len(points)), points.new_zeros(len(points), 3)
        return empty.index_copy(0, near, density), black.index_copy(0, near, rgb)

    def density(self, points: Tensor, times: Tensor) -> Tensor:
        """(N, 3), (N,) -> (N,)."""
        near, rest = self.motion.origins(points, times)
        return points.new_zeros(len(points)).index_copy(0, near, self.static.density(rest, times[near]))

    def joint_maps(self, times: Tensor) -> Tensor:
        """(T,) -> (T, J, 3, 4): similarity transforms of the world from rest to each time, one for each joint."""
        return self.motion.joint_maps(times)

    def forward_map(self, points: Tensor, times: Tensor) -> tuple[Tensor, Tensor]:
        """Positions (V, N, 3) of surface points (N, 3) at times (V,), and Jacobians (V, N, 3, 3) of the way back."""
        return self.motion.forward_map(points, times)

    def move(self, points: Tensor, times: Tensor) -> Tensor:
        """The positions of `forward_map` alone."""
        return self.motion.move(points, times)
