"""File locks: one process works in a run's folder, and one makes a result that runs share.

The operating system frees a lock when its process ends, however it ends.
"""

import logging
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from to4d.errors import InputError

log = logging.getLogger(__name__)


@contextmanager
def run_lock(folder: Path) -> Generator[None]:
    """Lock a run's folder, which is made if there is none.

    Raises:
        InputError: if another process holds the lock, or it cannot be written to.
    """
    lock = _lock(folder / ".lock", f"choose another out=DIR than {folder}")
    try:
        lock.acquire(timeout=0.3)  # outlasts a look of `is_locked`
    except Timeout:
        raise InputError(
            f"another process is at work in {folder}; wait until it ends, or choose another out=DIR"
        ) from None
    try:
        yield
    finally:
        lock.release()


def is_locked(folder: Path) -> bool:
    """Whether a process holds the lock of a run's folder now."""
    if not (folder / ".lock").exists():
        return False
    try:
        with FileLock(folder / ".lock", timeout=0):
            return False
    except Timeout:
        return True


@contextmanager
def build_lock(path: Path | None) -> Generator[None]:
    """Lock a shared file while it is made, after any other process has made it; no lock if `path` is None.

    Raises:
        InputError: if its folder cannot be written to.
    """
    if path is None:
        yield
        return
    lock = _lock(path.with_suffix(".lock"), "set TO4D_CACHE to another folder, or say cache=false")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        log.info("another run is making %s, which this one needs too; waiting for it", path)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _lock(path: Path, advice: str) -> FileLock:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}; {advice}") from error
    return FileLock(path)
