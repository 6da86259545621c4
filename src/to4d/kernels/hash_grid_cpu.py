"""Compiled loops of the hash grid: forward, gradient of the table, gradient of the points.

A point in 4D is two cells in 3D, one at either time node: one loop over D - 2 cells serves both dimensions D.
"""

import numpy as np
from numba import float32, int32, uint64

from to4d.kernels.hash_layout import HashLayout
from to4d.kernels.threads import compiled, run_chunks

BLOCK = 1024  # points; a block's features stay in the nearest cache while the levels take turns


def forward(points: np.ndarray, table: np.ndarray, layout: HashLayout) -> np.ndarray:
    """(N, D), (rows, 2) -> (N, levels * 2)."""
    out = np.empty((len(points), layout.width), np.float32)
    run_chunks(_forward, len(points), BLOCK, points, table.reshape(-1), *_arrays(layout), out)
    return out


def table_grad(points: np.ndarray, grad: np.ndarray, layout: HashLayout) -> np.ndarray:
    """(N, D), (N, levels * 2) -> (rows, 2); one thread a level, so that nothing races and sums keep their order."""
    out = np.zeros((layout.rows, 2), np.float32)
    run_chunks(_table_grad, layout.levels, 1, points, grad, *_arrays(layout), out.reshape(-1))
    return out


def points_grad(points: np.ndarray, table: np.ndarray, grad: np.ndarray, layout: HashLayout) -> np.ndarray:
    """(N, D), (rows, 2), (N, levels * 2) -> (N, D); the time axis, if there is one, gets 0."""
    out = np.zeros(points.shape, np.float32)
    run_chunks(_points_grad, len(points), BLOCK, points, table.reshape(-1), grad, *_arrays(layout), out)
    return out


def _arrays(layout: HashLayout) -> tuple[np.ndarray, ...]:
    """As the loops want them: unsigned, in values of the flattened table instead of rows of two."""
    unsigned = (x.astype(np.uint64) for x in (layout.nodes, 2 * layout.multipliers, 2 * layout.offsets))
    return layout.scale, *unsigned, layout.hashed


@compiled()
def _axis(x, scale, nodes, multiplier):
    """Weight of the upper node, and the index parts of both nodes."""
    place = min(max(x, float32(0)), float32(1)) * scale + float32(0.5)
    whole = int32(place)  # conversions of unsigned numbers are slow
    low, last = uint64(whole), nodes - uint64(1)
    return place - float32(whole), low * multiplier, min(low + uint64(1), last) * multiplier


@compiled()
def _level(level, axes, scale, nodes, multipliers, offsets, hashed):
    """Parameters of a level, shared by all points."""
    mask = offsets[level + 1] - offsets[level] - uint64(2)
    x = (scale[level, 0], nodes[level, 0], multipliers[level, 0])
    y = (scale[level, 1], nodes[level, 1], multipliers[level, 1])
    z = (scale[level, 2], nodes[level, 2], multipliers[level, 2])
    t = (scale[level, axes - 1], nodes[level, axes - 1], multipliers[level, axes - 1])
    return x, y, z, t, offsets[level], mask, hashed[level]


@compiled()
def _cell(points, n, s, level):
    """The cell around a point at its time node `s`: the node's weight, fractions along axes, indices of the corners."""
    x, y, z, t, first, mask, hashed = level
    fx, x0, x1 = _axis(points[n, 0], x[0], x[1], x[2])
    fy, y0, y1 = _axis(points[n, 1], y[0], y[1], y[2])
    fz, z0, z1 = _axis(points[n, 2], z[0], z[1], z[2])
    weight, w = float32(1), uint64(0)
    if points.shape[1] == 4:
        ft, t0, t1 = _axis(points[n, 3], t[0], t[1], t[2])
        weight, w = (ft, t1) if s == 1 else (float32(1) - ft, t0)
    if hashed:
        a, b, c, d = y0 ^ z0 ^ w, y1 ^ z0 ^ w, y0 ^ z1 ^ w, y1 ^ z1 ^ w
        low = first + ((x0 ^ a) & mask), first + ((x0 ^ b) & mask), first + ((x0 ^ c) & mask), first + ((x0 ^ d) & mask)
        high = (
            first + ((x1 ^ a) & mask),
            first + ((x1 ^ b) & mask),
            first + ((x1 ^ c) & mask),
            first + ((x1 ^ d) & mask),
        )
        return weight, fx, fy, fz, low, high
    w += first
    a, b, c, d = y0 + z0 + w, y1 + z0 + w, y0 + z1 + w, y1 + z1 + w
    return weight, fx, fy, fz, (x0 + a, x0 + b, x0 + c, x0 + d), (x1 + a, x1 + b, x1 + c, x1 + d)


@compiled()
def _mix(a, b, fraction):
    return a + fraction * (b - a)


@compiled()
def _blend(table, feature, low, high, fx, fy, fz):
    """Trilinear interpolation of one feature."""
    a, b = (
        _mix(table[low[0] + feature], table[high[0] + feature], fx),
        _mix(table[low[1] + feature], table[high[1] + feature], fx),
    )
    c, d = (
        _mix(table[low[2] + feature], table[high[2] + feature], fx),
        _mix(table[low[3] + feature], table[high[3] + feature], fx),
    )
    return _mix(_mix(a, b, fy), _mix(c, d, fy), fz)


@compiled()
def _forward(chunk, start, stop, points, table, scale, nodes, multipliers, offsets, hashed, out):
    for number in range(len(scale)):
        level = _level(number, points.shape[1], scale, nodes, multipliers, offsets, hashed)
        for n in range(start, stop):
            first, second = float32(0), float32(0)
            for s in range(points.shape[1] - 2):
                weight, fx, fy, fz, low, high = _cell(points, n, s, level)
                first += weight * _blend(table, uint64(0), low, high, fx, fy, fz)
                second += weight * _blend(table, uint64(1), low, high, fx, fy, fz)
            out[n, 2 * number], out[n, 2 * number + 1] = first, second


@compiled()
def _add(out, place, weight, first, second):
    out[place] += weight * first
    out[place + uint64(1)] += weight * second


@compiled()
def _table_grad(number, start, stop, points, grad, scale, nodes, multipliers, offsets, hashed, out):
    one = float32(1)
    level = _level(number, points.shape[1], scale, nodes, multipliers, offsets, hashed)
    for n in range(len(points)):
        first, second = grad[n, 2 * number], grad[n, 2 * number + 1]
        if first == 0 and second == 0:
            continue
        for s in range(points.shape[1] - 2):
            weight, fx, fy, fz, low, high = _cell(points, n, s, level)
            area = ((one - fy) * (one - fz), fy * (one - fz), (one - fy) * fz, fy * fz)
            down, up = weight * (one - fx), weight * fx
            _add(out, low[0], down * area[0], first, second)
            _add(out, high[0], up * area[0], first, second)
            _add(out, low[1], down * area[1], first, second)
            _add(out, high[1], up * area[1], first, second)
            _add(out, low[2], down * area[2], first, second)
            _add(out, high[2], up * area[2], first, second)
            _add(out, low[3], down * area[3], first, second)
            _add(out, high[3], up * area[3], first, second)


@compiled()
def _points_grad(chunk, start, stop, points, table, grad, scale, nodes, multipliers, offsets, hashed, out):
    for number in range(len(scale)):
        level = _level(number, points.shape[1], scale, nodes, multipliers, offsets, hashed)
        for n in range(start, stop):
            for s in range(points.shape[1] - 2):
                weight, fx, fy, fz, (a, b, c, d), (e, f, g, h) = _cell(points, n, s, level)
                for feature in (uint64(0), uint64(1)):
                    up = weight * grad[n, 2 * number + int(feature)]
                    a0, b0, c0, d0 = table[a + feature], table[b + feature], table[c + feature], table[d + feature]
                    a1, b1, c1, d1 = table[e + feature], table[f + feature], table[g + feature], table[h + feature]
                    slope = _mix(_mix(a1 - a0, b1 - b0, fy), _mix(c1 - c0, d1 - d0, fy), fz)
                    out[n, 0] += up * scale[number, 0] * slope
                    a0, b0, c0, d0 = _mix(a0, a1, fx), _mix(b0, b1, fx), _mix(c0, c1, fx), _mix(d0, d1, fx)
                    out[n, 1] += up * scale[number, 1] * _mix(b0 - a0, d0 - c0, fz)
                    out[n, 2] += up * scale[number, 2] * (_mix(c0, d0, fy) - _mix(a0, b0, fy))
