"""Files that are never half written."""

import contextlib
import os
from pathlib import Path

from to4d.errors import InputError


def write_atomically(path: Path, data: bytes) -> None:
    """Write `data` to `path`, all or nothing, and durable when this returns."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise InputError(f"cannot write {path}: {error.strerror}; free some space or choose another out=DIR") from None
