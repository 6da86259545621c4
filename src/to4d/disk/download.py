"""Downloads of small public files by pooch: over https, complete and of the known checksum, or not there at all."""

import logging
import stat
import sys
import zipfile
from pathlib import Path
from typing import Any

import pooch
from requests import Response

from to4d.errors import InputError

MAX_BYTES = 256 * 2**20  # of an archive, and of what it unpacks to
KEPT = (".obj", ".mtl", ".png", ".jpg", ".jpeg")  # of an archive; simulation files and thumbnails are left out
SECURE = ("https://", "http://127.0.0.1:")  # as browsers do, trust this computer itself

pooch.get_logger().setLevel(logging.WARNING)


def download(url: str, target: Path, sha256: str | None = None, max_bytes: float = float("inf")) -> None:
    """Download to `target`, which appears only when it is complete and has this SHA-256.

    Raises:
        OSError: if the network fails.
        InputError: if an address is not https, the file is another one, or the server announces more than `max_bytes`.
    """

    def check(response: Response, **_: object) -> None:
        if not response.url.startswith(SECURE):
            raise InputError(f"{url} redirects to {response.url}, which is not https")
        if int(response.headers.get("Content-Length", 0)) > max_bytes:
            raise InputError(f"{url} is larger than {max_bytes:,} bytes")

    if not url.startswith(SECURE):
        raise InputError(f"{url} is not an https address")
    # Any: pooch states another type of downloaders than its own has
    downloader: Any = pooch.HTTPDownloader(sys.stderr.isatty(), 1 << 20, timeout=30, hooks={"response": check})
    try:
        pooch.retrieve(url, sha256, target.name, target.parent, downloader=downloader)
    except (InputError, OSError):
        raise
    except ValueError as error:  # pooch's word for another checksum
        raise InputError(f"{url} sent a file that does not have SHA-256 {sha256}: damaged, or another file") from error


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
