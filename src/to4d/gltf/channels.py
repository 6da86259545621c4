"""The clips of a glTF 2.0 file: keys over time for single properties of nodes (appendix C)."""

from dataclasses import dataclass

import numpy as np

from to4d.errors import InputError
from to4d.gltf.arrays import Arrays

WIDTHS = {"translation": 3, "rotation": 4, "scale": 3, "weights": -1}


@dataclass(frozen=True)
class Channel:
    """One property of one node over time."""

    node: int
    path: str  # translation, rotation, scale or weights
    kind: str  # LINEAR, STEP or CUBICSPLINE
    times: np.ndarray  # (K,) seconds, growing
    values: np.ndarray  # (K, W); for CUBICSPLINE (K, 3, W): slope in, value, slope out

    def at(self, seconds: np.ndarray) -> np.ndarray:
        """(V, W) at the times (V,); the first and last key hold outside."""
        last = len(self.times) - 1
        left = np.clip(np.searchsorted(self.times, seconds, "right") - 1, 0, last)
        right = np.minimum(left + 1, last)
        gap = (self.times[right] - self.times[left])[:, None]
        share = np.clip((seconds - self.times[left])[:, None] / np.where(gap > 0, gap, 1.0), 0.0, 1.0)
        a, b = self.values[left], self.values[right]
        if self.kind == "STEP":
            return a
        if self.kind == "CUBICSPLINE":
            return _cubic(a, b, share, gap)
        return slerp(a, b, share) if self.path == "rotation" else a + (b - a) * share


def _cubic(a: np.ndarray, b: np.ndarray, share: np.ndarray, gap: np.ndarray) -> np.ndarray:
    """Hermite spline between the keys a and b (V, 3, W) that lie `gap` seconds (V, 1) apart."""
    square, cube = share**2, share**3
    ends = (2 * cube - 3 * square + 1) * a[:, 1] + (3 * square - 2 * cube) * b[:, 1]
    return ends + gap * ((cube - 2 * square + share) * a[:, 2] + (cube - square) * b[:, 0])


def slerp(a: np.ndarray, b: np.ndarray, share: np.ndarray) -> np.ndarray:
    """The shorter arc between unit quaternions a and b (V, 4) at `share` (V, 1)."""
    cos = np.sum(a * b, -1, keepdims=True)
    angle = np.arccos(np.clip(np.abs(cos), 0.0, 1.0))
    sin = np.sin(angle)
    near = sin < 1e-6
    sin = np.where(near, 1.0, sin)
    first = np.where(near, 1.0 - share, np.sin((1.0 - share) * angle) / sin)
    second = np.where(near, share, np.sin(share * angle) / sin)
    return first * a + np.where(cos < 0, -second, second) * b


def _read_channel(arrays: Arrays, channel: dict, sampler: dict) -> Channel:
    target, kind = channel["target"], sampler.get("interpolation", "LINEAR")
    if kind not in ("LINEAR", "STEP", "CUBICSPLINE"):
        raise InputError(f"its interpolation {kind!r} is none of LINEAR, STEP and CUBICSPLINE")
    times, values = arrays[sampler["input"]][:, 0], arrays[sampler["output"]]
    if not len(times) or (np.diff(times) < 0).any():
        raise InputError("the keys of a clip are not in the order of time")
    if type(target["node"]) is not int or not 0 <= target["node"] < len(arrays.header["nodes"]):
        raise InputError("a clip moves a node that is not there")
    per_key = 3 if kind == "CUBICSPLINE" else 1
    values = values.reshape(len(times) * per_key, -1)
    if WIDTHS[target["path"]] not in (-1, values.shape[1]):
        raise InputError(f"a clip has {values.shape[1]} numbers a key for a {target['path']}")
    if per_key == 3:
        values = values.reshape(len(times), 3, -1)
    return Channel(target["node"], target["path"], kind, times, values)


def read_clips(arrays: Arrays) -> dict[str, tuple[Channel, ...]]:
    """Clip name -> its channels. A clip without a name, or with one that is taken, is called by its number."""
    clips: dict[str, tuple[Channel, ...]] = {}
    for number, clip in enumerate(arrays.header.get("animations", ())):
        known = [c for c in clip["channels"] if "node" in c["target"] and c["target"]["path"] in WIDTHS]
        name = clip.get("name", str(number))
        channels = tuple(_read_channel(arrays, c, clip["samplers"][c["sampler"]]) for c in known)
        clips[f"{name} {number}" if name in clips else name] = channels
    return clips
