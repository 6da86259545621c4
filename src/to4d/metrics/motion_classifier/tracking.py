"""Silhouette and optical flow of a clip, in coordinates of the object in frame 0; colours are not kept.

The coordinates are the object's bounding box, and a canvas around it: a square of twice its longer side. Lengths are in
half longer sides, so that the features of large and small objects are alike.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor

FINE = 96  # pixels a side in which flow is looked for
CANVAS, BOX = 16, 8  # cells a side
SHARE = 0.01  # of an outline's mass, left out at each end: a stray pixel is no edge


@dataclass(frozen=True)
class TrackedClips:
    """Silhouettes and optical flow of N clips."""

    outline: Tensor  # (N, V, 16, 16) share of each cell of the canvas that is covered
    steps: Tensor  # (N, V, 2, 16, 16) flow (right, down) from the frame before, where that is covered, on the canvas
    tracks: Tensor  # (N, V, 2, 8, 8) flow (right, down) from frame 0, on the object's box
    body: Tensor  # (N, 8, 8) share of each cell of the box that is covered in frame 0

    def __len__(self) -> int:
        return len(self.body)

    def __getitem__(self, rows: Tensor | slice) -> "TrackedClips":
        return self._each(lambda x: x[rows])

    def mirrored(self) -> "TrackedClips":
        """TrackedClips in a mirror: left is right."""
        across = self.steps.new_tensor([-1.0, 1.0])[:, None, None]
        flipped = self._each(lambda x: x.flip(-1))
        return TrackedClips(flipped.outline, flipped.steps * across, flipped.tracks * across, flipped.body)

    def _each(self, change: Callable[[Tensor], Tensor]) -> "TrackedClips":
        return TrackedClips(change(self.outline), change(self.steps), change(self.tracks), change(self.body))


def concatenate(parts: Iterable[TrackedClips]) -> TrackedClips:
    """One after the other."""
    columns = zip(*((x.outline, x.steps, x.tracks, x.body) for x in parts), strict=True)
    return TrackedClips(*(torch.cat(column) for column in columns))


def silhouettes(frames: np.ndarray) -> np.ndarray:
    """How much each pixel of (V, S, S, 3) differs from the corners of frame 0, (V, S, S) in [0, 1]."""
    corners = np.median(frames[0][[0, 0, -1, -1], [0, -1, 0, -1]], 0)
    return np.clip((np.abs(frames - corners).max(-1) - 0.04) * 8.0, 0.0, 1.0)


def extent(mass: np.ndarray) -> tuple[float, float]:
    """From where to where a mass (S,) lies, in pixels.

    >>> extent(np.array([0.0, 1.0, 1.0, 0.0]))
    (1.02, 2.98)
    """
    below = np.concatenate([[0.0], np.cumsum(mass) / max(mass.sum(), 1e-6)])
    ends = np.interp([SHARE, 1.0 - SHARE], below, np.arange(len(below)))
    return float(ends[0]), float(ends[1])


def cell_coverage(low: float, high: float, cells: int, size: int) -> np.ndarray:
    """(cells, size) how much of each pixel lies in each of the cells between two places.

    >>> cell_coverage(1.0, 4.0, 2, 4)
    array([[0. , 1. , 0.5, 0. ],
           [0. , 0. , 0.5, 1. ]])
    """
    edges, pixels = np.linspace(low, high, cells + 1)[:, None], np.arange(size)
    return np.clip(np.minimum(edges[1:], pixels + 1) - np.maximum(edges[:-1], pixels), 0.0, None)


def pool_cells(pictures: np.ndarray, shares: list[np.ndarray]) -> np.ndarray:
    """Sums over cells of (..., S, S), by the `shares` of columns and of rows that `cell_coverage` gives."""
    columns, rows = shares
    return rows @ pictures @ columns.T


def optical_flows(frames: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Flow (right, down) in pixels of (V, S, S, 3) from the frame before and from frame 0, each (V, S, S, 2).

    Dense inverse search (Kroeger et al. 2016). What is followed from frame 0 starts from where it was a frame ago.
    """
    size, third = frames.shape[1], np.full(3, 85.0, np.float32)
    grey = [(x @ third).clip(0.0, 255.0).astype(np.uint8) for x in frames]
    grey = [cv2.resize(x, (FINE, FINE), interpolation=cv2.INTER_CUBIC) for x in grey]
    search: Any = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)  # whose stubs want a flow to start from
    search.setFinestScale(1)
    steps = [search.calc(now, later, None) for now, later in zip(grey[:-1], grey[1:], strict=True)]
    tracks = steps[:1]
    for later in grey[2:]:
        tracks.append(search.calc(grey[0], later, tracks[-1].copy()))
    still = np.zeros_like(steps[0])
    return tuple(
        np.stack([cv2.resize(x, (size, size), interpolation=cv2.INTER_AREA) for x in [still, *found]]) * (size / FINE)
        for found in (steps, tracks)
    )


def track_clip(frames: np.ndarray) -> TrackedClips:
    """One clip (V, S, S, 3) in [0, 1]."""
    outline, size = silhouettes(frames), frames.shape[1]
    sides = [extent(outline[0].sum(axis)) for axis in (0, 1)]
    half = 0.5 * max(8.0, *(high - low for low, high in sides))
    middles = [0.5 * (low + high) for low, high in sides]
    wide = [cell_coverage(middle - 2.0 * half, middle + 2.0 * half, CANVAS, size) for middle in middles]
    close = [cell_coverage(low, high, BOX, size) for low, high in sides]
    steps, tracks = (flow.transpose(0, 3, 1, 2) / np.float32(half) for flow in optical_flows(frames))
    before = np.concatenate([outline[:1], outline[:-1]])[:, None]
    left, body = pool_cells(before, wide), pool_cells(outline[0], close)
    cell = np.prod([high - low for low, high in sides]) / BOX**2
    parts = (
        pool_cells(outline, wide) / (4.0 * half / CANVAS) ** 2,
        pool_cells(before * steps, wide) / (left + 1e-2) * np.clip(10.0 * left, 0.0, 1.0),
        pool_cells(outline[0] * tracks, close) / (body + 1e-2),
        body / (cell + 1e-3),
    )
    return TrackedClips(*(torch.from_numpy(part[None]).half() for part in parts))


def track_clips(clips: np.ndarray) -> TrackedClips:
    """Clips (N, V, S, S, 3): numbers in [0, 1], or bytes."""
    most = np.float32(255.0 if clips.dtype == np.uint8 else 1.0)
    return concatenate(track_clip(clip.astype(np.float32) / most) for clip in clips)
