"""Files that are never half written, and checksums of plain ones."""

import contextlib
import hashlib
import os
import re
import secrets
from collections.abc import Generator, Mapping
from pathlib import Path

from to4d.errors import InputError

SUMS = "SHA256SUMS"  # in the folder of a finished run; `sha256sum -c` reads it too
TEMPORARY = re.compile(r"\..*\.to4d-(\d+)-[0-9a-f]{8}\.tmp(\.[^.]+)?")  # its group is the process that writes it


def backup_path(path: Path) -> Path:
    """Where the previous version of a file is kept."""
    return path.with_name(f"{path.name}.before")


def temporary_path(path: Path) -> Path:
    """A new hidden name beside `path` to write to first; it keeps the suffix, by which some writers choose a format."""
    return path.with_name(f".{path.stem}.to4d-{os.getpid()}-{secrets.token_hex(4)}.tmp{path.suffix}")


def write_atomically(path: Path, data: bytes, keep: bool = False) -> None:
    """Write `data` to `path`; see `replacing`."""
    with replacing(path, keep) as temporary:
        temporary.write_bytes(data)


@contextlib.contextmanager
def replacing(path: Path, keep: bool = False) -> Generator[Path]:
    """A file to write which then takes the place of `path`: all or nothing, and durable afterwards.

    If `keep`, the version that it replaces stays as `backup_path(path)`.

    Raises:
        InputError: if the disk refuses; what was there stays.
    """
    temporary = temporary_path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        _sync(temporary)
        if keep and path.exists():
            path.replace(backup_path(path))
        temporary.replace(path)
        _sync(path.parent)
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError(f"cannot write {path}: {reason}; free some space or choose another out=DIR") from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()


def stale_temporaries(folder: Path) -> list[Path]:
    """Files in a folder, not below it, that processes which no longer run have left half written by `replacing`.

    The caller writes nothing there yet: in a container, an earlier process often had the number of this one.
    """
    if not folder.is_dir():
        return []
    found = [(path, TEMPORARY.fullmatch(path.name)) for path in sorted(folder.iterdir())]
    return [path for path, ours in found if ours and not _is_alive(int(ours[1])) and path.is_file()]


def sha256_of(path: Path) -> str:
    """Of a file's content, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _is_alive(process: int) -> bool:
    """Whether another process of this number runs on this machine."""
    if process == os.getpid():
        return False
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass  # it is another user's
    return True


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
    recorded = [line.split()[0] for line in noted if line.endswith(f"  {path.name}")]
    if recorded and recorded != [hashlib.sha256(data).hexdigest()]:
        raise InputError(
            f"{path} has changed since the run wrote it; put it back as it was, or delete it and {SUMS} beside it, and "
            "start the run again with the same settings"
        )
    return data
