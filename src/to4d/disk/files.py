"""Files that are never half written, and checksums of plain ones."""

import contextlib
import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

from to4d.errors import InputError

SUMS = "SHA256SUMS"  # in the folder of a finished run; `sha256sum -c` reads it too


def before(path: Path) -> Path:
    """Where the version of a file before the present one is kept."""
    return path.with_name(f"{path.name}.before")


def write_atomically(path: Path, data: bytes, keep: bool = False) -> None:
    """Write `data` to `path`, all or nothing, and durable when this returns; `keep` what was there as `before(path)`.

    Raises:
        InputError: if the disk refuses; what was there stays.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if keep and path.exists():
            path.replace(before(path))
        temporary.replace(path)
        _sync(path.parent)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise InputError(f"cannot write {path}: {error.strerror}; free some space or choose another out=DIR") from None


def _sync(folder: Path) -> None:
    """Make names in a folder durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_sums(folder: Path, files: Mapping[str, bytes]) -> None:
    """Note what files of a folder hold, or are going to."""
    lines = [f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in files.items()]
    write_atomically(folder / SUMS, "".join(lines).encode())


def read_checked(path: Path) -> bytes:
    """A file; one that `write_sums` noted is as it was then.

    Raises:
        InputError: if it has changed since, or cannot be read.
    """
    try:
        data, sums = path.read_bytes(), path.parent / SUMS
        noted = sums.read_text(errors="replace").splitlines() if sums.exists() else []
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from None
    told = [line.split()[0] for line in noted if line.endswith(f"  {path.name}")]
    if told and told != [hashlib.sha256(data).hexdigest()]:
        raise InputError(
            f"{path} has changed since the run wrote it; put it back as it was, or delete it and {SUMS} beside it, and "
            "start the run again with the same settings"
        )
    return data
