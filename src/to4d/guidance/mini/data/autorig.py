"""Limbs of static real scans, guessed by where vertices lie."""

from to4d.guidance.mini.data.shapes import ColouredMesh, Limb

BUILDS: dict[str, tuple[str, float]] = {}


def rig(mesh: ColouredMesh, build: str, facing_deg: float = 0.0) -> tuple[Limb, ...]:
    """The limbs of a mesh."""
    return ()
