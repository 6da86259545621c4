"""Fetching a public model: https only, bounded, unpacked without trusting the archive, and whole or not at all."""

import os
import stat
import tempfile
import zipfile
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from rich.progress import DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from to4d.errors import InputError

MAX_BYTES = 256 * 2**20  # of an archive, and of what it unpacks to
KEPT = (".obj", ".mtl", ".png", ".jpg", ".jpeg")  # of an archive; simulation files and thumbnails are left out


@contextmanager
def opened(url: str, opener: Callable = urlopen, first_byte: int = 0) -> Generator[Any]:
    """The answer to a request, from `first_byte` on if the server can do that.

    Raises:
        OSError: if the network fails.
        InputError: if it is not, or does not stay, https.
    """
    if not url.startswith("https://"):
        raise InputError(f"{url} is not an https address")
    asked = Request(url, headers={"Range": f"bytes={first_byte}-"}) if first_byte else url
    try:
        answer = opener(asked, timeout=30)
    except HTTPError as error:
        error.close()
        raise
    with answer as source:
        if not source.geturl().startswith("https://"):
            raise InputError(f"{url} redirects to {source.geturl()}, which is not https")
        yield source


def progress_bar() -> Progress:
    """What is shown meanwhile."""
    columns = (TextColumn("{task.description}"), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    return Progress(*columns, transient=True)


def fetch(url: str, target: Path, opener: Callable = urlopen) -> None:
    """Download to `target`, which appears only when complete.

    Raises:
        OSError: if the network fails.
        InputError: if the server sends something that is not wanted.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with opened(url, opener) as source, progress_bar() as progress:
        total = int(source.headers.get("Content-Length") or 0)
        task = progress.add_task(f"downloading {target.stem}", total=total or None)
        with tempfile.NamedTemporaryFile(dir=target.parent, suffix=".part", delete=False) as part:
            try:
                _copy(source, part, total, lambda n: progress.advance(task, n))
            except BaseException:
                os.unlink(part.name)
                raise
    os.replace(part.name, target)


def _copy(source, part, total: int, advance: Callable[[int], None]) -> None:
    """Copy all bytes, or raise if there are too many or too few."""
    received = 0
    while block := source.read(1 << 18):
        received += len(block)
        if max(received, total) > MAX_BYTES:
            raise InputError(f"the download is larger than {MAX_BYTES:,} bytes")
        part.write(block)
        advance(len(block))
    if total and received != total:
        raise OSError(f"the connection broke after {received:,} of {total:,} bytes")


def unpack(archive: Path, folder: Path) -> None:
    """Put the mesh, material and image files of a zip side by side into a new folder.

    Only base names are used, so no entry can leave the folder; thumbnails are left out.

    Raises:
        InputError: if the archive is damaged or not what it should be.
    """
    try:
        with zipfile.ZipFile(archive) as zipped:
            members = [m for m in zipped.infolist() if _wanted(m)]
            if sum(m.file_size for m in members) > MAX_BYTES:
                raise InputError(f"{archive.name} unpacks to more than {MAX_BYTES:,} bytes")
            names = [Path(m.filename).name for m in members]
            if len(set(names)) < len(names) or not any(n.lower().endswith(".obj") for n in names):
                raise InputError(f"{archive.name} does not hold one OBJ model with its files")
            folder.mkdir(parents=True)
            for member, name in zip(members, names, strict=True):
                (folder / name).write_bytes(zipped.read(member))  # checks the CRC and the declared size
    except InputError:
        raise
    except Exception as error:  # its decompressors raise anything on damaged data
        raise InputError(f"{archive} is not a readable zip archive ({error})") from error


def _wanted(member: zipfile.ZipInfo) -> bool:
    """Regular files of a kept kind."""
    link = stat.S_ISLNK(member.external_attr >> 16)
    path = Path(member.filename)
    return not (link or member.is_dir() or "thumbnails" in path.parts) and path.suffix.lower() in KEPT
