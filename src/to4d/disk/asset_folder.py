"""The folder of a mesh file: every byte that the file refers to passes through one guarded door.

Nothing outside the file's own folder is opened, nothing is fetched, and image headers are checked before decoding.
"""

import io
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote

from PIL import Image
from trimesh.resolvers import Resolver

from to4d.errors import InputError

PICTURES = ("PNG", "JPEG", "WEBP", "BMP", "TGA", "GIF", "TIFF")  # Pillow knows others, and programs that read them


@dataclass(frozen=True)
class Limits:
    """How big an asset may be; more is refused before it can fill the memory."""

    faces: int = 2_000_000
    texels: int = 64 * 2**20  # of all textures together
    file_bytes: int = 512 * 2**20  # of the file, and of each file it refers to


@dataclass
class AssetFolder(Resolver):
    """The folder of a mesh file, as trimesh sees it. Notes what was refused or missing, for trimesh swallows errors."""

    root: Path
    limits: Limits
    refused: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)

    def get(self, key: str) -> bytes:
        """The bytes of a file that the mesh refers to."""
        name = str(key)
        path = self._find(name.strip().strip('"').replace("\\", "/"))
        if path is None:
            self.missing.append(name)
            raise FileNotFoundError(name)
        if path.stat().st_size > self.limits.file_bytes:
            self._refuse(name, f"has {path.stat().st_size:,} bytes, more than {self.limits.file_bytes:,}")
        data = path.read_bytes()
        if path.suffix.lower() in Image.registered_extensions() and not _is_image(data):
            self.missing.append(f"{name} (a readable image)")
        return data

    def _find(self, name: str) -> Path | None:
        """The file behind a reference as written, URL-decoded, or after MTL options (`-s 1 1 1 wood.png`)."""
        for candidate in dict.fromkeys([name, unquote(name), name.split()[-1] if name.split() else name]):
            if "://" in candidate or candidate.lower().startswith("file:"):
                self._refuse(name, "is a network or file address")
            path = (self.root / candidate).resolve()
            if not path.is_relative_to(self.root):
                self._refuse(name, "lies outside the folder of the mesh")
            if path.is_file():
                return path
        return None

    def _refuse(self, name: str, why: str) -> None:
        self.refused.append(f"{str(name)!r}, which {why}")
        raise InputError(self.refused[-1])

    def write(self, name: str, data: bytes) -> None:
        """Never: assets are only read."""
        raise PermissionError(name)

    def namespaced(self, namespace: str) -> "AssetFolder":
        """Never needed by the formats we read."""
        raise NotImplementedError(namespace)

    def keys(self) -> list[str]:
        """Names of the files in the folder."""
        return [str(path.relative_to(self.root)) for path in self.root.rglob("*") if path.is_file()]


def _is_image(data: bytes) -> bool:
    """Whether the header can be read; nothing is decoded."""
    try:
        Image.open(io.BytesIO(data), formats=PICTURES).close()
    except Exception:  # Pillow's plugins raise many kinds
        return False
    return True
