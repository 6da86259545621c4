"""Small painted images for the bundled plant: (h, w, 3) floats in sRGB, first row at v = 1."""

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray


def tiling_noise(rng: Generator, height: int, width: int, cells: int, octaves: int = 4) -> NDArray:
    """Smooth noise (h, w) of mean 0 and standard deviation 1 that repeats in both directions."""
    total = np.zeros((height, width))
    for octave in range(octaves):
        count = cells * 2**octave
        lattice = np.pad(rng.standard_normal((count, count)).astype(np.float32), 2, mode="wrap")
        scale = (height // count, width // count)
        large = cv2.resize(lattice, (scale[1] * (count + 4), scale[0] * (count + 4)), interpolation=cv2.INTER_CUBIC)
        part = large[2 * scale[0] : 2 * scale[0] + height, 2 * scale[1] : 2 * scale[1] + width]
        total += part * 0.5**octave
    return (total - total.mean()) / total.std()


def mix(a: tuple | NDArray, b: tuple | NDArray, t: NDArray) -> NDArray:
    """(h, w, 3): colour a where t (h, w) is 0, b where it is 1."""
    t = np.clip(t, 0.0, 1.0)[..., None]
    return np.asarray(a) * (1.0 - t) + np.asarray(b) * t


def axes(height: int, width: int) -> tuple[NDArray, NDArray]:
    """Texel centres: u (1, w) to the right and v (h, 1) upward."""
    return (np.arange(width)[None] + 0.5) / width, 1.0 - (np.arange(height)[:, None] + 0.5) / height


def terracotta(rng: Generator, size: int = 512) -> NDArray:
    """Fired clay: cloudy, with the potter's rings and a pale bloom of lime near the foot."""
    _, v = axes(size, size)
    clouds, grain = tiling_noise(rng, size, size, 4), tiling_noise(rng, size, size, 64, 2)
    clay = mix((0.66, 0.31, 0.19), (0.85, 0.49, 0.32), 0.5 + 0.22 * clouds + 0.04 * grain)
    rings = 0.015 * np.sin(2 * np.pi * (v * 38 + 0.02 * clouds))
    lime = np.exp(-((v / 0.3) ** 2)) * (0.4 + 0.35 * tiling_noise(rng, size, size, 8))
    return mix(clay + rings[..., None], (0.88, 0.79, 0.70), 0.7 * lime)


def soil(rng: Generator, size: int = 256) -> NDArray:
    """Dark crumbs with a few pale grains."""
    crumbs = tiling_noise(rng, size, size, 32, 3)
    pale = tiling_noise(rng, size, size, 64, 1) > 2.4
    return mix(mix((0.12, 0.08, 0.05), (0.34, 0.24, 0.16), 0.5 + 0.3 * crumbs), (0.75, 0.70, 0.62), pale * 0.8)


def leaf(rng: Generator, size: int = 512) -> NDArray:
    """A midrib, arching side veins, and green that is deepest between them."""
    u, v = axes(size, size)
    across = np.abs(2.0 * u - 1.0)  # 0 at the midrib, 1 at the edge
    phase = 9.0 * (v - 0.22 * across**0.8)
    veins = np.exp(-(((phase - np.round(phase)) / 0.06) ** 2)) * (1.0 - 0.75 * across) * (across > 0.01)
    midrib = np.exp(-((across / (0.015 + 0.05 * (1.0 - v))) ** 2))
    quilt = np.cos(2 * np.pi * phase) * (1.0 - across)
    deep = 0.5 + 0.16 * tiling_noise(rng, size, size, 8) - 0.16 * quilt + 0.25 * (across - 0.5) + 0.2 * (v - 0.5)
    green = mix((0.09, 0.30, 0.10), (0.36, 0.60, 0.20), deep)
    green = mix(green, (0.62, 0.72, 0.33), 0.7 * np.clip((across - 0.93) / 0.07, 0, 1))
    return mix(green, (0.68, 0.80, 0.44), np.maximum(0.55 * veins, 0.9 * midrib))


def stem(rng: Generator, size: int = 128) -> NDArray:
    """Lengthwise fibres, woody at the foot and fresh at the top."""
    _, v = axes(size, size)
    fibres = tiling_noise(rng, size, size, 16, 2).mean(0, keepdims=True) + 0.25 * tiling_noise(rng, size, size, 8)
    woody = mix((0.36, 0.33, 0.17), (0.40, 0.60, 0.22), np.broadcast_to(1.6 * v, (size, size)))
    return woody * (1.0 + 0.05 * fibres)[..., None]


def petal(rng: Generator, size: int = 256) -> NDArray:
    """Cream at the heart, pink at the rim, with fine rays."""
    u, v = axes(size, size)
    rays = 0.07 * np.cos(2 * np.pi * 11.0 * (u - 0.5)) * (1.0 - np.abs(2 * u - 1)) + 0.05 * tiling_noise(
        rng, size, size, 8
    )
    blush = np.clip(1.5 * v - 0.15, 0, 1) + rays
    return mix(mix((0.99, 0.90, 0.62), (0.96, 0.52, 0.66), blush), (0.80, 0.16, 0.42), 1.6 * (v - 0.55) + rays)


def pollen(rng: Generator, size: int = 64) -> NDArray:
    """Yellow and orange grains."""
    return mix((0.93, 0.62, 0.10), (1.00, 0.88, 0.32), 0.5 + 0.5 * tiling_noise(rng, size, size, 16, 2))
