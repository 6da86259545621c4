"""Any mesh file becomes a `Mesh`."""

from to4d.mesh.load import FileMesh, convention_of, load_mesh, place_mesh

__all__ = ["FileMesh", "convention_of", "load_mesh", "place_mesh"]
