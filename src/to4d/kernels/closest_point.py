"""The nearest points of moving triangle meshes: a bounding-volume hierarchy built once and refitted for each pose.

The tree halves the triangles of the rest pose along the longest axis of their centres; it is complete, so node n has
children 2 n + 1 and 2 n + 2. Closest points on triangles are those of Ericson, "Real-time collision detection" (2005),
5.1.5. On other devices than a CPU, and in float64, a twin in plain torch searches the triangles around the nearest of
evenly spread samples of the surface.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numba import float32
from scipy.spatial import KDTree
from torch import Tensor

from to4d.kernels.threads import compiled, run_chunks

LEAF = 4  # most triangles of a leaf
CHUNK = 4096  # points
CANDIDATES = 16  # triangles that the twin tries
MAX_PAIRS = 2**25  # distances in memory at a time


@dataclass(frozen=True)
class TriangleTree:
    """M triangles, and how to find the one nearest to a point."""

    faces: np.ndarray  # (M, 3) int64
    order: np.ndarray  # (M,) int64, triangles in the order of the leaves
    starts: np.ndarray  # (leaves + 1,) int64, where each leaf begins in `order`
    samples: Tensor  # (S,) int64, the triangles of samples of the surface
    places: Tensor  # (S, 3) barycentric, of the samples
    candidates: Tensor  # (S, CANDIDATES) int64, triangles near each sample

    @staticmethod
    def of(points: np.ndarray, faces: np.ndarray, spacing: float) -> "TriangleTree":
        """For triangles (M, 3) of points (N, 3) at rest; the twin's samples are at most about `spacing` apart."""
        order, starts = _halve(points[faces].mean(1))
        samples, places = _spread_samples(points, faces, spacing)
        near = KDTree((points[faces[samples]] * places[..., None]).sum(1))
        count = min(CANDIDATES, len(samples))
        found = near.query(near.data, count)[1].reshape(-1, count)
        tensors = (torch.from_numpy(np.ascontiguousarray(x)) for x in (samples, places, samples[found]))
        return TriangleTree(faces, order, starts, *tensors)


def closest_points(
    tree: TriangleTree, poses: Tensor, points: Tensor, which: Tensor, reach: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """The nearest points on the triangles of poses.

    Args:
        tree: of the triangles.
        poses: (T, N, 3) vertices.
        points: (P, 3).
        which: (P,) int64, the pose that each is compared with; neighbours of one pose are found sooner.
        reach: (P,) distance beyond which none is looked for.

    Returns:
        Triangles (P,) int64, -1 if there is none within reach, and barycentric coordinates (P, 3) of the nearest
        points, which are 0 where these are on an edge or a corner.
    """
    if points.device.type != "cpu" or points.dtype != torch.float32:
        return closest_points_twin(tree, poses, points, which, reach)
    corners = poses.detach().contiguous().numpy()
    leaves = len(tree.starts) - 1
    boxes = np.empty((len(corners), 2 * leaves - 1, 6), np.float32)
    run_chunks(_refit, len(corners), 1, corners, tree.faces, tree.order, tree.starts, boxes)
    face, place = np.empty(len(points), np.int64), np.empty((len(points), 3), np.float32)
    limit = np.full(len(points), np.inf, np.float32) if reach is None else reach.square().numpy()
    inputs = points.detach().contiguous().numpy(), which.numpy(), limit, corners, tree.faces, tree.order, tree.starts
    run_chunks(_search, len(points), CHUNK, *inputs, boxes, face, place)
    return torch.from_numpy(face), torch.from_numpy(place)


@torch.no_grad()
def closest_points_twin(
    tree: TriangleTree, poses: Tensor, points: Tensor, which: Tensor, reach: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """The same in plain torch; where samples are far apart, a triangle that is nearly the nearest."""
    device = points.device
    faces = torch.from_numpy(tree.faces).to(device)
    samples, places, candidates = (x.to(device) for x in (tree.samples, tree.places.to(points), tree.candidates))
    face, place = which.new_empty(len(points)), points.new_empty(len(points), 3)
    for pose, vertices in enumerate(poses):
        spread = (vertices[faces[samples]] * places[..., None]).sum(1)
        for mine in (which == pose).nonzero()[:, 0].split(max(1, MAX_PAIRS // max(len(spread), 1))):
            near = candidates[torch.cdist(points[mine], spread).argmin(1)]
            corners = vertices[faces[near]]
            each = barycentric_of_closest(points[mine, None], corners)
            away = (points[mine, None] - (corners * each[..., None]).sum(-2)).square().sum(-1)
            best = away.argmin(1, keepdim=True)
            place[mine] = each.gather(1, best[..., None].expand(-1, -1, 3))[:, 0]
            face[mine] = near.gather(1, best)[:, 0]
            if reach is not None:
                face[mine[away.amin(1) >= reach[mine].square()]] = -1
    return face, place


def barycentric_of_closest(points: Tensor, corners: Tensor) -> Tensor:
    """Barycentric coordinates (..., 3) of the points of triangles (..., 3, 3) nearest to points (..., 3)."""
    a, b, c = corners.unbind(-2)
    sides = torch.stack([_on_segment(points, *pair) for pair in ((a, b), (b, c), (c, a))])
    zero = torch.zeros_like(sides[0])
    edges = (1 - sides[0], sides[0], zero), (zero, 1 - sides[1], sides[1]), (sides[2], zero, 1 - sides[2])
    tries = torch.stack([_in_plane(points, a, b, c), *(torch.stack(edge, -1) for edge in edges)])
    off = (points - (tries[..., None] * corners).sum(-2)).square().sum(-1)
    inside = (tries[0] >= 0).all(-1)
    best = torch.where(inside, 0, off[1:].argmin(0) + 1)
    return tries.gather(0, best[None, ..., None].expand(1, *tries.shape[1:]))[0]


def _on_segment(points: Tensor, start: Tensor, end: Tensor) -> Tensor:
    way = end - start
    return (((points - start) * way).sum(-1) / way.square().sum(-1).clamp_min(1e-20)).clamp(0, 1)


def _in_plane(points: Tensor, a: Tensor, b: Tensor, c: Tensor) -> Tensor:
    """Those of the foot of the perpendicular; -1 where a triangle has no area."""
    e, f, way = b - a, c - a, points - a
    ee, ef, ff, we, wf = ((x * y).sum(-1) for x, y in ((e, e), (e, f), (f, f), (way, e), (way, f)))
    area = ee * ff - ef * ef
    v, w = (ff * we - ef * wf) / area, (ee * wf - ef * we) / area
    found = torch.stack([1 - v - w, v, w], -1)
    return torch.where((area > 1e-12 * ee * ff)[..., None], found, -1.0)


def _halve(centres: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The order of triangles (M,) by leaves of a complete tree, and where each of its leaves begins."""
    order, starts = np.arange(len(centres)), np.array([0, len(centres)])
    while np.diff(starts).max() > LEAF:
        node = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
        here = centres[order]
        size = np.maximum.reduceat(here, starts[:-1]) - np.minimum.reduceat(here, starts[:-1])
        along = np.take_along_axis(here, size.argmax(1)[node][:, None], 1)[:, 0]
        order = order[np.lexsort((along, node))]
        starts = np.append(np.stack([starts[:-1], (starts[:-1] + starts[1:] + 1) // 2], 1).ravel(), starts[-1])
    return order, starts


def _spread_samples(points: np.ndarray, faces: np.ndarray, spacing: float) -> tuple[np.ndarray, np.ndarray]:
    """Triangles (S,) and barycentric coordinates (S, 3): the centres of n^2 parts of each triangle."""
    corners = points[faces]
    longest = np.linalg.norm(corners - corners[:, [1, 2, 0]], axis=2).max(1)
    parts = np.clip(np.ceil(longest / spacing), 1, 64).astype(np.int64)
    samples, places = [], []
    for n in np.unique(parts):
        i, j = (x.ravel() for x in np.meshgrid(np.arange(n), np.arange(n), indexing="ij"))
        up = np.stack([i, j], 1)[i + j < n] + 1 / 3
        down = np.stack([i, j], 1)[i + j < n - 1] + 2 / 3
        first = np.concatenate([up, down]) / n
        mine = np.flatnonzero(parts == n)
        samples.append(np.repeat(mine, len(first)))
        places.append(np.tile(np.column_stack([first, 1 - first.sum(1)]), (len(mine), 1)))
    return np.concatenate(samples), np.concatenate(places).astype(np.float32)


@compiled()
def _refit(chunk, start, stop, poses, faces, order, starts, boxes):
    """The boxes of all nodes (nodes, 6) in poses `start` to `stop`: low and high corners."""
    leaves = len(starts) - 1
    for t in range(start, stop):
        for leaf in range(leaves):
            box = boxes[t, leaves - 1 + leaf]
            box[:3], box[3:] = np.inf, -np.inf
            for place in range(starts[leaf], starts[leaf + 1]):
                for corner in range(3):
                    for axis in range(3):
                        x = poses[t, faces[order[place], corner], axis]
                        box[axis], box[3 + axis] = min(box[axis], x), max(box[3 + axis], x)
        for node in range(leaves - 2, -1, -1):
            for axis in range(3):
                one, other = boxes[t, 2 * node + 1], boxes[t, 2 * node + 2]
                boxes[t, node, axis] = min(one[axis], other[axis])
                boxes[t, node, 3 + axis] = max(one[3 + axis], other[3 + axis])


@compiled()
def _box_distance(box, x, y, z):
    """Squared."""
    zero = float32(0)
    a = max(max(box[0] - x, x - box[3]), zero)
    b = max(max(box[1] - y, y - box[4]), zero)
    c = max(max(box[2] - z, z - box[5]), zero)
    return a * a + b * b + c * c


@compiled()
def _weights(d1, d2, d3, d4, d5, d6):
    """Barycentric coordinates by Ericson's regions, from the products of the edges with the ways to the corners."""
    zero, one = float32(0), float32(1)
    if d1 <= 0 and d2 <= 0:
        return one, zero, zero
    if d3 >= 0 and d4 <= d3:
        return zero, one, zero
    if d6 >= 0 and d5 <= d6:
        return zero, zero, one
    vc, vb, va = d1 * d4 - d3 * d2, d5 * d2 - d1 * d6, d3 * d6 - d5 * d4
    if vc <= 0 and d1 >= 0 and d3 <= 0:
        v = d1 / (d1 - d3)
        return one - v, v, zero
    if vb <= 0 and d2 >= 0 and d6 <= 0:
        w = d2 / (d2 - d6)
        return one - w, zero, w
    if va <= 0 and d4 >= d3 and d5 >= d6:
        w = (d4 - d3) / ((d4 - d3) + (d5 - d6))
        return zero, one - w, w
    total = va + vb + vc
    v, w = vb / total, vc / total
    return one - v - w, v, w


@compiled()
def _try_triangle(vertices, face, x, y, z):
    """Squared distance of a triangle, and the barycentric coordinates of its nearest point."""
    a, b, c = vertices[face[0]], vertices[face[1]], vertices[face[2]]
    d1, d2, d3, d4, d5, d6 = float32(0), float32(0), float32(0), float32(0), float32(0), float32(0)
    at = (x, y, z)
    for k in range(3):
        ab, ac = b[k] - a[k], c[k] - a[k]
        ap, bp, cp = at[k] - a[k], at[k] - b[k], at[k] - c[k]
        d1, d2, d3 = d1 + ab * ap, d2 + ac * ap, d3 + ab * bp
        d4, d5, d6 = d4 + ac * bp, d5 + ab * cp, d6 + ac * cp
    u, v, w = _weights(d1, d2, d3, d4, d5, d6)
    far = float32(0)
    for k in range(3):
        off = at[k] - (u * a[k] + v * b[k] + w * c[k])
        far += off * off
    return far, u, v, w


@compiled()
def _try_leaf(vertices, faces, order, first, end, x, y, z, best, found, u, v, w):
    """The nearest so far: squared distance, triangle and barycentric coordinates, with those of a leaf."""
    for k in range(first, end):
        far, i, j, m = _try_triangle(vertices, faces[order[k]], x, y, z)
        if far < best:
            best, found, u, v, w = far, order[k], i, j, m
    return best, found, u, v, w


@compiled()
def _search_one(x, y, z, limit, last, vertices, faces, order, starts, boxes, todo, ways):
    """The nearest triangle, or -1, and barycentric coordinates; `last` is tried first."""
    leaves = len(starts) - 1
    best, u, v, w = _try_triangle(vertices, faces[last], x, y, z)
    found = last
    if best >= limit:
        best, found = limit, -1
    count, todo[0], ways[0] = 1, 0, _box_distance(boxes[0], x, y, z)
    while count:
        count -= 1
        node = todo[count]
        if ways[count] >= best:
            continue
        if node >= leaves - 1:
            first, end = starts[node - leaves + 1], starts[node - leaves + 2]
            best, found, u, v, w = _try_leaf(vertices, faces, order, first, end, x, y, z, best, found, u, v, w)
            continue
        near, far = 2 * node + 1, 2 * node + 2
        way, longer = _box_distance(boxes[near], x, y, z), _box_distance(boxes[far], x, y, z)
        if way > longer:
            near, far, way, longer = far, near, longer, way
        todo[count], ways[count], todo[count + 1], ways[count + 1] = far, longer, near, way
        count += 2
    return found, u, v, w


@compiled()
def _search(chunk, start, stop, points, which, limit, poses, faces, order, starts, boxes, face, place):
    todo, ways = np.empty(64, np.int64), np.empty(64, np.float32)
    last = order[0]
    for n in range(start, stop):
        x, y, z, pose = points[n, 0], points[n, 1], points[n, 2], which[n]
        found, u, v, w = _search_one(
            x, y, z, limit[n], last, poses[pose], faces, order, starts, boxes[pose], todo, ways
        )
        face[n], place[n, 0], place[n, 1], place[n, 2] = found, u, v, w
        last = found if found >= 0 else last
