"""Compiled loops of the hash grid: forward, gradient of the table, gradient of the points.

A point in 4D is two cells in 3D, one at either time node: `slices` is 1 or 2, and one loop serves both.
"""

from typing import TYPE_CHECKING

import numpy as np

from to4d.kernels.threads import compiled, run_chunks

if TYPE_CHECKING:
    from to4d.kernels.hash_grid import HashLayout

BLOCK = 1024  # points; a block's features stay in the nearest cache while the levels take turns


def forward(points: np.ndarray, table: np.ndarray, layout: "HashLayout") -> np.ndarray:
    """(N, D), (rows, 2) -> (N, levels * 2)."""
    out = np.empty((len(points), layout.width), np.float32)
    run_chunks(_forward, len(points), BLOCK, points, table, *_arrays(layout), out)
    return out


def table_grad(points: np.ndarray, grad: np.ndarray, layout: "HashLayout") -> np.ndarray:
    """(N, D), (N, levels * 2) -> (rows, 2); one thread a level, so that nothing races and sums keep their order."""
    out = np.zeros((layout.rows, 2), np.float32)
    run_chunks(_table_grad, layout.levels, 1, points, grad, *_arrays(layout), out)
    return out


def points_grad(points: np.ndarray, table: np.ndarray, grad: np.ndarray, layout: "HashLayout") -> np.ndarray:
    """(N, D), (rows, 2), (N, levels * 2) -> (N, D); the time axis, if there is one, gets 0."""
    out = np.zeros(points.shape, np.float32)
    run_chunks(_points_grad, len(points), BLOCK, points, table, grad, *_arrays(layout), out)
    return out


def _arrays(layout: "HashLayout") -> tuple[np.ndarray, ...]:
    return layout.scale, layout.nodes, layout.multipliers, layout.offsets, layout.hashed


@compiled()
def _axis(x, scale, nodes, multiplier):
    """Share of the upper node, and the index parts of both nodes."""
    place = min(max(x, np.float32(0)), np.float32(1)) * scale + np.float32(0.5)
    low = int(place)
    high = min(low + 1, nodes - 1)
    return place - np.float32(low), min(low, nodes - 1) * multiplier, high * multiplier


@compiled()
def _corners(x0, x1, y0, y1, z0, z1, w, first, mask, hashed):
    """Rows of the eight corners of a cell, x fastest."""
    if hashed:
        return (
            first + ((x0 ^ y0 ^ z0 ^ w) & mask),
            first + ((x1 ^ y0 ^ z0 ^ w) & mask),
            first + ((x0 ^ y1 ^ z0 ^ w) & mask),
            first + ((x1 ^ y1 ^ z0 ^ w) & mask),
            first + ((x0 ^ y0 ^ z1 ^ w) & mask),
            first + ((x1 ^ y0 ^ z1 ^ w) & mask),
            first + ((x0 ^ y1 ^ z1 ^ w) & mask),
            first + ((x1 ^ y1 ^ z1 ^ w) & mask),
        )
    w += first
    return (
        x0 + y0 + z0 + w,
        x1 + y0 + z0 + w,
        x0 + y1 + z0 + w,
        x1 + y1 + z0 + w,
        x0 + y0 + z1 + w,
        x1 + y0 + z1 + w,
        x0 + y1 + z1 + w,
        x1 + y1 + z1 + w,
    )


@compiled()
def _cell(points, n, level, s, scale, nodes, multipliers, offsets, hashed):
    """The cell around a point at time node `s`: weight of that node, shares along x, y, z, rows of the corners."""
    fx, x0, x1 = _axis(points[n, 0], scale[level, 0], nodes[level, 0], multipliers[level, 0])
    fy, y0, y1 = _axis(points[n, 1], scale[level, 1], nodes[level, 1], multipliers[level, 1])
    fz, z0, z1 = _axis(points[n, 2], scale[level, 2], nodes[level, 2], multipliers[level, 2])
    weight, w = np.float32(1), 0
    if points.shape[1] == 4:
        ft, t0, t1 = _axis(points[n, 3], scale[level, 3], nodes[level, 3], multipliers[level, 3])
        weight, w = (ft, t1) if s == 1 else (np.float32(1) - ft, t0)
    mask = offsets[level + 1] - offsets[level] - 1
    return weight, fx, fy, fz, _corners(x0, x1, y0, y1, z0, z1, w, offsets[level], mask, hashed[level])


@compiled()
def _forward(chunk, start, stop, points, table, scale, nodes, multipliers, offsets, hashed, out):
    one = np.float32(1)
    for level in range(len(scale)):
        for n in range(start, stop):
            a, b = np.float32(0), np.float32(0)
            for s in range(points.shape[1] - 2):
                weight, fx, fy, fz, rows = _cell(points, n, level, s, scale, nodes, multipliers, offsets, hashed)
                x, y, z = (one - fx, fx), ((one - fy) * weight, fy * weight), (one - fz, fz)
                for k in range(2):
                    for j in range(2):
                        for i in range(2):
                            share = x[i] * y[j] * z[k]
                            row = rows[i + 2 * j + 4 * k]
                            a += share * table[row, 0]
                            b += share * table[row, 1]
            out[n, 2 * level] = a
            out[n, 2 * level + 1] = b


@compiled()
def _table_grad(level, start, stop, points, grad, scale, nodes, multipliers, offsets, hashed, out):
    one = np.float32(1)
    for n in range(len(points)):
        a, b = grad[n, 2 * level], grad[n, 2 * level + 1]
        if a == 0 and b == 0:
            continue
        for s in range(points.shape[1] - 2):
            weight, fx, fy, fz, rows = _cell(points, n, level, s, scale, nodes, multipliers, offsets, hashed)
            x, y, z = (one - fx, fx), ((one - fy) * weight, fy * weight), (one - fz, fz)
            for k in range(2):
                for j in range(2):
                    for i in range(2):
                        share = x[i] * y[j] * z[k]
                        row = rows[i + 2 * j + 4 * k]
                        out[row, 0] += share * a
                        out[row, 1] += share * b


@compiled()
def _points_grad(chunk, start, stop, points, table, grad, scale, nodes, multipliers, offsets, hashed, out):
    one = np.float32(1)
    for level in range(len(scale)):
        for n in range(start, stop):
            a, b = grad[n, 2 * level], grad[n, 2 * level + 1]
            gx, gy, gz = np.float32(0), np.float32(0), np.float32(0)
            for s in range(points.shape[1] - 2):
                weight, fx, fy, fz, rows = _cell(points, n, level, s, scale, nodes, multipliers, offsets, hashed)
                x, y, z = (one - fx, fx), (one - fy, fy), (one - fz, fz)
                for k in range(2):
                    for j in range(2):
                        for i in range(2):
                            row = rows[i + 2 * j + 4 * k]
                            value = weight * (a * table[row, 0] + b * table[row, 1])
                            gx += (2 * i - 1) * value * y[j] * z[k]
                            gy += (2 * j - 1) * value * x[i] * z[k]
                            gz += (2 * k - 1) * value * x[i] * y[j]
            out[n, 0] += gx * scale[level, 0]
            out[n, 1] += gy * scale[level, 1]
            out[n, 2] += gz * scale[level, 2]
