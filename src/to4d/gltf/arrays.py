"""The arrays of a glTF 2.0 file (sections 3.5, 3.6): buffers, accessors, sparse and normalised ones."""

import base64
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from to4d.disk.asset_folder import AssetFolder, Limits
from to4d.errors import InputError
from to4d.gltf.header import read_header

NUMBERS: dict[int, Any] = {
    5120: np.int8,
    5121: np.uint8,
    5122: np.int16,
    5123: np.uint16,
    5125: np.uint32,
    5126: np.float32,
}
WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT4": 16}


def _binary_chunk(path: Path) -> bytes:
    """What follows the JSON of a .glb file."""
    with path.open("rb") as file:
        file.seek(12)
        file.seek(20 + int.from_bytes(file.read(4), "little"))
        size, kind = (int.from_bytes(file.read(4), "little") for _ in range(2))
        if kind != 0x004E4942:  # "BIN"
            raise InputError("it has no second chunk that holds binary data")
        return file.read(size)


def _buffer(path: Path, uri: str | None, limits: Limits) -> bytes:
    if uri is None:
        return _binary_chunk(path)
    if uri.startswith("data:"):
        return base64.b64decode(uri.partition(",")[2])
    return AssetFolder(path.parent.resolve(), limits).get(uri)


@dataclass(frozen=True)
class Arrays:
    """The header of a file and its binary data."""

    header: dict[str, Any]
    buffers: tuple[bytes, ...]
    max_bytes: int = Limits().file_bytes  # of one array

    def _view(self, where: dict, kind: int, count: int, width: int) -> np.ndarray:
        """(count, width) raw numbers; numpy refuses what lies outside the buffer."""
        view = self.header["bufferViews"][where["bufferView"]]
        start = view.get("byteOffset", 0) + where.get("byteOffset", 0)
        size = np.dtype(NUMBERS[kind]).itemsize
        data = self.buffers[view["buffer"]]
        return np.ndarray((count, width), NUMBERS[kind], data, start, (view.get("byteStride", width * size), size))

    def __getitem__(self, number: int) -> np.ndarray:
        """Accessor `number` as (count, width): float64 where it holds reals, all finite, else its own integers."""
        return self.read(number)

    def read(self, number: int, finite: bool = True) -> np.ndarray:
        """As above; `finite=False` lets numbers through that are not finite."""
        accessor = self.header["accessors"][number]
        kind, count, width = accessor["componentType"], accessor["count"], WIDTHS[accessor["type"]]
        if count * width * 8 > self.max_bytes:  # one without data costs the file nothing
            raise InputError(f"its array {number} of {count:,} x {width} numbers is more than the limits allow")
        values = np.zeros((count, width), NUMBERS[kind])
        if "bufferView" in accessor:
            values = self._view(accessor, kind, count, width)
        if "sparse" in accessor:
            sparse = accessor["sparse"]
            values = values.copy()
            places = self._view(sparse["indices"], sparse["indices"]["componentType"], sparse["count"], 1)[:, 0]
            values[places] = self._view(sparse["values"], kind, sparse["count"], width)
        if accessor.get("normalized") and kind != 5126:
            return np.maximum(values / float(np.iinfo(NUMBERS[kind]).max), -1.0)
        if finite and kind == 5126 and not np.isfinite(values).all():
            raise InputError(f"its array {number} holds numbers that are not finite")
        return values.astype(np.float64) if kind == 5126 else values


def read_arrays(path: Path, limits: Limits) -> Arrays:
    """The header and all buffers of a .gltf or .glb file; nothing outside its folder is opened."""
    if path.stat().st_size > limits.file_bytes:
        raise InputError(f"the file has more than {limits.file_bytes:,} bytes")
    header = read_header(path, limits.faces)
    buffers = tuple(_buffer(path, each.get("uri"), limits) for each in header.get("buffers", []))
    return Arrays(header, buffers, limits.file_bytes)
