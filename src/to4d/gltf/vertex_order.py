"""Which vertex of a glTF file each vertex of a loaded mesh is."""

import numpy as np
from numpy.typing import NDArray

from to4d.errors import InputError
from to4d.gltf.animation import Animation
from to4d.types import Mesh


def vertex_order(mesh: Mesh, animation: Animation) -> NDArray:
    """(N,) where each vertex of the mesh is among those of the file.

    Both hold the file's primitives one after the other, each with its own vertex order, but maybe in another order of
    primitives; the mesh has only those vertices that triangles use. A primitive is recognised by its triangles; of
    several equal ones the nearest is taken.

    Raises:
        InputError: if its vertices are not those of the file.
    """
    starts = np.cumsum([0, *(len(primitive.points) for primitive in animation.primitives)])
    used = [np.unique(primitive.faces, return_inverse=True) for primitive in animation.primitives]
    corners = [np.sort(inverse.reshape(-1, 3), 1) for _, inverse in used]
    rest, faces = to_world(mesh, animation.vertices()), mesh.faces.numpy()
    left, found, first, face = set(range(len(used))), [], 0, 0
    while left:
        fits = [i for i in left if _is_here(corners[i], faces[face : face + len(corners[i])] - first)]
        if not fits:
            raise InputError(f"the vertices of {mesh.name} are not those of its file")
        places = {i: starts[i] + used[i][0] for i in fits}
        best = min(fits, key=lambda i: _distance(mesh, rest[places[i]], first))
        found.append(places[best])
        first, face = first + len(places[best]), face + len(corners[best])
        left.remove(best)
    return np.concatenate(found)


def _is_here(corners: NDArray, there: NDArray) -> bool:
    """Whether triangles of the mesh are those of a primitive, wherever they begin."""
    return corners.shape == there.shape and bool((corners == np.sort(there, 1)).all())


def _distance(mesh: Mesh, points: NDArray, first: int) -> float:
    """Mean distance of points from as many vertices of the mesh, from `first` on."""
    return float(np.abs(points - mesh.vertices[first : first + len(points)].numpy()).mean())


def to_world(mesh: Mesh, points: NDArray) -> NDArray:
    """Points (..., 3) in the file's coordinates as the run places them."""
    transform = mesh.transform.numpy()
    return points @ transform[:3, :3].T + transform[:3, 3]
