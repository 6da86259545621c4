"""The first triangle in each pixel of a camera, without a search tree: for meshes that are elsewhere in every frame.

Rays from one eye through a grid of pixels are what a z-buffer answers. The test of a pixel is that of its own ray, in
homogeneous edge functions (Olano and Greer 1997): right for triangles of any slope, and for those that cross the plane
of the eye. Edges that triangles share are tested alike from both sides, so that nothing is seen between them.
"""

import math

import numpy as np
from numpy.typing import NDArray

from to4d.kernels.threads import compiled, run_chunks

ROWS = 64  # of pixels in a chunk
MARGIN = 1e-6  # pixels, of rounding


def first_hits(
    points: NDArray, faces: NDArray, view: tuple[float, float, float], start: NDArray
) -> tuple[NDArray, NDArray, NDArray, NDArray]:
    """The first triangle along each ray that is farther away than `start`.

    Args:
        points: (N, 3) float64 vertices in the camera's axes: x right, y up, looking along -z from the origin.
        faces: (M, 3) vertices of the triangles.
        view: distance of the picture's plane in heights of the picture, and how far rays are shifted right and down, in
            pixels: see `geometry.pixel_rays`.
        start: (H, W) float32 distances.

    Returns:
        The triangle, -1 where there is none (H, W), the weights of its second and third corner, and the distance along
        the ray (H, W) each.
    """
    triangle, u, v = np.full(start.shape, -1, np.int32), np.zeros_like(start), np.zeros_like(start)
    depth = np.full_like(start, np.inf)
    run_chunks(_scan, len(start), ROWS, points, faces, *view, start, triangle, u, v, depth)
    return triangle, u, v, depth


@compiled(fast=False)
def _span(a, b, c, low, high):
    """The first and last whole number between the least and the greatest of three, within [low, high]."""
    first, last = math.ceil(min(a, b, c) - MARGIN), math.floor(max(a, b, c) + MARGIN)
    return int(max(first, low)), int(min(last, high))


@compiled(fast=False)
def _box(a, b, c, focal, right, down, height, width, top, bottom):
    """First and last column, first and last row of the pixels that a triangle may cover."""
    if a[2] >= 0.0 and b[2] >= 0.0 and c[2] >= 0.0:
        return 0, -1, 0, -1
    if a[2] >= 0.0 or b[2] >= 0.0 or c[2] >= 0.0:
        return 0, width - 1, top, bottom - 1
    x, y, scale = 0.5 * width - 0.5 - right, 0.5 * height - 0.5 - down, height * focal
    first_row, last_row = _span(
        y + scale * a[1] / a[2], y + scale * b[1] / b[2], y + scale * c[1] / c[2], top, bottom - 1
    )
    first_column, last_column = _span(
        x - scale * a[0] / a[2], x - scale * b[0] / b[2], x - scale * c[0] / c[2], 0, width - 1
    )
    return first_column, last_column, first_row, last_row


@compiled(fast=False)
def _cross(a, b):
    return a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]


@compiled(fast=False)
def _dot(a, b):
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


@compiled(fast=False)
def _scan(chunk, top, bottom, points, faces, focal, right, down, start, triangle, u, v, depth):
    height, width = start.shape
    for face in range(len(faces)):
        a, b, c = points[faces[face, 0]], points[faces[face, 1]], points[faces[face, 2]]
        left, end, first, last = _box(a, b, c, focal, right, down, height, width, top, bottom)
        if left > end or first > last:
            continue
        to_a, to_b, to_c = _cross(b, c), _cross(c, a), _cross(a, b)
        volume = _dot(a, to_a)
        for row in range(first, last + 1):
            for column in range(left, end + 1):
                ray = (
                    (column + 0.5 + right - 0.5 * width) / height,
                    0.5 - (row + 0.5 + down) / height,
                    -focal,
                )
                of_a, of_b, of_c = _dot(to_a, ray), _dot(to_b, ray), _dot(to_c, ray)
                if volume < 0.0:
                    of_a, of_b, of_c = -of_a, -of_b, -of_c
                total = of_a + of_b + of_c
                if of_a < 0.0 or of_b < 0.0 or of_c < 0.0 or total <= 0.0:
                    continue
                distance = np.float32(abs(volume) / total * math.sqrt(_dot(ray, ray)))
                if start[row, column] < distance < depth[row, column]:
                    triangle[row, column], depth[row, column] = face, distance
                    u[row, column], v[row, column] = of_b / total, of_c / total
