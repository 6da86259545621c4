"""Fetching a large file: goes on where it stopped, and only a file of the right size and hash is kept."""

import logging
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any
from urllib.error import HTTPError
from urllib.request import urlopen

from rich.progress import Progress, TaskID

from to4d.disk.download import opened, progress_bar
from to4d.disk.files import sha256_of
from to4d.errors import InputError

log = logging.getLogger(__name__)
BLOCK, TRIES = 1 << 20, 8
NOTHING_LEFT = 416  # the answer to a request that starts where the file ends


@dataclass(frozen=True)
class Claim:
    """What a file should be; None is not known."""

    size: int | None = None
    sha256: str | None = None  # or its first digits


def fetch_large(url: str, target: Path, claim: Claim, opener: Callable = urlopen, pause_seconds: float = 2.0) -> str:
    """Download to `target`, which appears only when it is what was claimed.

    What is there stays when the connection breaks, beside the target; it is gone on with if it is of the same claim.

    Returns:
        The file's SHA-256.

    Raises:
        OSError: if the network fails again and again.
        InputError: if the file is not what was claimed.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f"{target.name}.{(claim.sha256 or 'unknown')[:12]}.part")
    with progress_bar() as progress:
        task = progress.add_task(f"downloading {target.name}", total=claim.size)
        for left in reversed(range(TRIES)):
            try:
                _go_on(url, part, claim, opener, progress, task)
                break
            except OSError as error:
                if not left or _refused(error):
                    raise
                log.info("%s; going on from %s bytes", error, f"{_size(part):,}")
                time.sleep(pause_seconds)
    found = _check(part, claim, url)
    os.replace(part, target)
    return found


def _go_on(url: str, part: Path, claim: Claim, opener: Callable, progress: Progress, task: TaskID) -> None:
    """Add to `part` what it lacks.

    Raises:
        OSError: if the connection breaks, or fails.
        InputError: if more comes than was claimed.
    """
    have = _size(part)
    if have and have == claim.size:
        return
    try:
        with opened(url, opener, have) as source, part.open("ab") as out:
            if have and not _continues(source, have):
                have = out.truncate(0)
            length = source.headers.get("Content-Length")
            total = claim.size or (have + int(length) if length else None)
            progress.update(task, completed=have, total=total)
            have += _copy(source, out, None if total is None else total - have, lambda n: progress.advance(task, n))
    except HTTPError as error:
        if error.code != NOTHING_LEFT:
            raise
        part.unlink()  # longer than the file: of something else
        raise OSError("what was here is not the beginning of the file") from error
    if total is not None and have < total:
        raise OSError(f"the connection broke after {have:,} of {total:,} bytes")


def _copy(source: IO[bytes], out: IO[bytes], most: int | None, advance: Callable[[int], None]) -> int:
    """Copy all bytes, and count them.

    Raises:
        InputError: if there are more than `most`.
    """
    count = 0
    while block := source.read(BLOCK):
        count += len(block)
        if most is not None and count > most:
            raise InputError(f"the server sends more than the {most:,} bytes that were expected")
        out.write(block)
        advance(len(block))
    return count


def _continues(source: Any, have: int) -> bool:
    """Whether the server did as asked, and sends what comes after the first `have` bytes."""
    return source.status == 206 and (source.headers.get("Content-Range") or "").startswith(f"bytes {have}-")


def _check(part: Path, claim: Claim, url: str) -> str:
    """The file's SHA-256; a file that is not what was claimed is deleted.

    Raises:
        InputError: if it is not.
    """
    found = Claim(_size(part), sha256_of(part))
    right = {"size": claim.size in (None, found.size), "sha256": found.sha256.startswith(claim.sha256 or "")}
    for name, same in right.items():
        wanted, got = getattr(claim, name), getattr(found, name)
        if not same:
            part.unlink()
            raise InputError(
                f"what {url} sent has {name} {got}, but should have {wanted}: damaged, or another file; it is deleted"
            )
    return found.sha256


def _refused(error: OSError) -> bool:
    """Whether asking again would give the same answer."""
    return isinstance(error, HTTPError) and error.code < 500


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
