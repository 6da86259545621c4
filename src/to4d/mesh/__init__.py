"""Any mesh file becomes a `Mesh`."""

from to4d.mesh.load import Y_FROM_Z, FileMesh, load_mesh, place_mesh

__all__ = ["Y_FROM_Z", "FileMesh", "load_mesh", "place_mesh"]
