"""Files that are never half written, and checksums of plain ones."""

import contextlib
import hashlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from to4d.errors import InputError

SUMS = "SHA256SUMS"  # in the folder of a finished run; `sha256sum -c` reads it too


def before(path: Path) -> Path:
    """Where the version of a file before the present one is kept."""
    return path.with_name(f"{path.name}.before")


def write_atomically(path: Path, data: bytes, keep: bool = False) -> None:
    """Write `data` to `path`; see `replacing`."""
    with replacing(path, keep) as temporary:
        temporary.write_bytes(data)


@contextlib.contextmanager
def replacing(path: Path, keep: bool = False) -> Iterator[Path]:
    """A file to write which then takes the place of `path`: all or nothing, and durable afterwards.

    What was there is kept as `before(path)` if `keep` says so.

    Raises:
        InputError: if the disk refuses; what was there stays.
    """
    temporary = path.with_name(f".{path.stem}.{os.getpid()}.tmp{path.suffix}")  # the ending tells some writers how
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        _sync(temporary)
        if keep and path.exists():
            path.replace(before(path))
        temporary.replace(path)
        _sync(path.parent)
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError(f"cannot write {path}: {reason}; free some space or choose another out=DIR") from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()


def unfinished(folder: Path) -> list[Path]:
    """What programs that were killed while they wrote have left in a folder, or below."""
    return list(folder.rglob(".*.tmp*"))


def sha256_of(path: Path) -> str:
    """Of a file's content, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(path: Path) -> None:
    """Make a file's content, or the names in a folder, durable."""
    handle = os.open(path, os.O_RDONLY)
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
