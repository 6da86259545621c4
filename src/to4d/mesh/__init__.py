"""Any mesh file becomes a `Mesh`."""

from to4d.mesh.load import Y_FROM_Z, Surface, load_mesh, place

__all__ = ["Y_FROM_Z", "Surface", "load_mesh", "place"]
