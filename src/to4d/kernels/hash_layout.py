"""Where the values of a multi-resolution hash grid lie in memory: tiny-cuda-nn's rules, stated once."""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

PRIMES = (1, 2654435761, 805459861, 3674653429)  # as in tiny-cuda-nn
FEATURES = 2  # values a node


@dataclass(frozen=True)
class HashLayout:
    """Where the nodes of every level lie in one table of (`rows`, 2) values.

    A level with resolution r has its nodes at (x * (r - 1) + 0.5), as in tiny-cuda-nn, and is dense where it fits into
    2^log2_rows nodes, else hashed. The last node of an axis is repeated beyond the border (tiny-cuda-nn wraps there).
    """

    levels: int
    log2_rows: int
    base: tuple[int, ...]  # (D,) coarsest resolution of every axis
    finest: tuple[int, ...]  # (D,) finest resolution of every axis

    def __post_init__(self) -> None:
        if len(self.base) != len(self.finest) or len(self.base) not in (3, 4):
            raise ValueError(f"a hash grid has 3 or 4 axes, got base {self.base} and finest {self.finest}")
        if self.levels < 1 or min(self.base) < 2 or any(f < b for b, f in zip(self.base, self.finest, strict=True)):
            raise ValueError(f"a hash grid needs levels >= 1 and 2 <= base <= finest, got {self}")

    @cached_property
    def scale(self) -> np.ndarray:
        """(levels, D) float32: grid cells along every axis, not rounded."""
        step = np.arange(self.levels) / max(1, self.levels - 1)
        base, finest = np.array(self.base, float), np.array(self.finest, float)
        return (base * (finest / base) ** step[:, None] - 1.0).astype(np.float32)

    @cached_property
    def nodes(self) -> np.ndarray:
        """(levels, D) int64: nodes along every axis."""
        return np.ceil(self.scale - 1e-4).astype(np.int64) + 1

    @cached_property
    def offsets(self) -> np.ndarray:
        """(levels + 1,) int64: the first row of every level; a level's rows are a multiple of 8."""
        fit = [min(-(-math.prod(map(int, n)) // 8) * 8, 2**self.log2_rows) for n in self.nodes]
        return np.concatenate([[0], np.cumsum(fit)]).astype(np.int64)

    @cached_property
    def hashed(self) -> np.ndarray:
        """(levels,) bool: whether a level has fewer rows than nodes."""
        return np.array([math.prod(map(int, n)) > 2**self.log2_rows for n in self.nodes])

    @cached_property
    def multipliers(self) -> np.ndarray:
        """(levels, D) int64: strides of a dense level, primes of a hashed one."""
        strides = np.concatenate([np.ones((self.levels, 1)), np.cumprod(self.nodes, 1)[:, :-1]], 1).astype(np.int64)
        return np.where(self.hashed[:, None], np.array(PRIMES[: len(self.base)]), strides)

    @property
    def rows(self) -> int:
        """Nodes of all levels together."""
        return int(self.offsets[-1])

    @property
    def width(self) -> int:
        """Features of a point."""
        return self.levels * FEATURES
