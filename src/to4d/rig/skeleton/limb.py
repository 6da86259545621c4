"""A limb: a region of the solid with a path through its middle."""

from dataclasses import dataclass

from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Limb:
    """A region of the solid that moves about its base."""

    role: str
    region: NDArray  # (n,) bool
    path: NDArray  # (P,) voxels in the middle of the flesh, from the body's centre to the tip
    start: int  # the first of them that belongs to the limb

    @property
    def kind(self) -> str:
        """The role without its side."""
        return self.role.removesuffix("_L").removesuffix("_R")
