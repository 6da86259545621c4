"""A z-buffer rasteriser for moving triangle meshes: vertex attributes to images, one thread, numba.

It makes the embedded prior's training clips and previews of meshes; it has no gradients. Attributes are
interpolated linearly in image space, which is exact for triangles of constant depth and close for small ones.
"""

import numba
import numpy as np


@numba.njit(cache=True, nogil=True)
def _draw(corners, values, depth, image):
    """One triangle: corners (3, 3) as (right px, down px, depth), values (3, A), onto depth (S, S), image (S, S, A)."""
    size, channels = depth.shape[0], values.shape[1]
    x0, y0, x1, y1, x2, y2 = corners[0, 0], corners[0, 1], corners[1, 0], corners[1, 1], corners[2, 0], corners[2, 1]
    area = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)
    if abs(area) < 1e-9 or min(corners[0, 2], corners[1, 2], corners[2, 2]) <= 1e-3:
        return
    left, right = max(int(np.ceil(min(x0, x1, x2) - 0.5)), 0), min(int(np.floor(max(x0, x1, x2) - 0.5)), size - 1)
    top, bottom = max(int(np.ceil(min(y0, y1, y2) - 0.5)), 0), min(int(np.floor(max(y0, y1, y2) - 0.5)), size - 1)
    for row in range(top, bottom + 1):
        for column in range(left, right + 1):
            x, y = column + 0.5, row + 0.5
            a = ((x1 - x) * (y2 - y) - (x2 - x) * (y1 - y)) / area
            b = ((x2 - x) * (y0 - y) - (x0 - x) * (y2 - y)) / area
            c = 1.0 - a - b
            if a < -1e-6 or b < -1e-6 or c < -1e-6:
                continue
            z = a * corners[0, 2] + b * corners[1, 2] + c * corners[2, 2]
            if z < depth[row, column]:
                depth[row, column] = z
                for k in range(channels):
                    image[row, column, k] = a * values[0, k] + b * values[1, k] + c * values[2, k]


@numba.njit(cache=True, nogil=True)
def _draw_all(screen, faces, attributes, depth, image):
    corners = np.empty((3, 3), np.float64)
    values = np.empty((3, attributes.shape[2]), np.float64)
    for frame in range(screen.shape[0]):
        for face in range(faces.shape[0]):
            for j in range(3):
                corners[j] = screen[frame, faces[face, j]]
                values[j] = attributes[frame, faces[face, j]]
            _draw(corners, values, depth[frame], image[frame])


def rasterize(
    screen: np.ndarray, faces: np.ndarray, attributes: np.ndarray, size: int
) -> tuple[np.ndarray, np.ndarray]:
    """Draw V frames of a mesh, nearest surface first.

    Args:
        screen: (V, N, 3) vertices as (right, down) in pixels and depth; the centre of pixel (0, 0) is (0.5, 0.5).
            Triangles that touch depth 0 are left out.
        faces: (M, 3) vertex numbers; both sides are drawn.
        attributes: (V, N, A) what to interpolate.
        size: S, the images are S x S.

    Returns:
        image (V, S, S, A), 0 where nothing is, and depth (V, S, S), infinity where nothing is; both float32.
    """
    frames, _, channels = attributes.shape
    depth = np.full((frames, size, size), np.inf, np.float32)
    image = np.zeros((frames, size, size, channels), np.float32)
    _draw_all(
        np.ascontiguousarray(screen, np.float32),
        np.ascontiguousarray(faces, np.int32),
        np.ascontiguousarray(attributes, np.float32),
        depth,
        image,
    )
    return image, depth


def box_filter(image: np.ndarray, factor: int) -> np.ndarray:
    """Box-filter (V, S, S, A) to (V, S / factor, S / factor, A)."""
    steps, zero = range(factor), np.zeros((), image.dtype)  # sums of slices: four times as fast as a mean over two axes
    rows = sum((image[:, step::factor] for step in steps), zero)
    return sum((rows[:, :, step::factor] for step in steps), zero) / factor**2
