"""Reading 3D files safely: every byte a mesh file refers to passes through one guarded door.

Nothing outside the file's own folder is opened, nothing is fetched, and image headers are checked before decoding.
"""

import io
import logging
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from urllib.parse import unquote

import trimesh
from PIL import Image
from trimesh.resolvers import Resolver

from to4d.errors import InputError
from to4d.gltf_header import check_gltf

log = logging.getLogger(__name__)

FORMATS = ("glb", "gltf", "obj", "ply", "off", "stl")
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

    def get(self, name: str) -> bytes:
        """The bytes of a file that the mesh refers to."""
        path = self._find(str(name).strip().strip('"').replace("\\", "/"))
        if path is None:
            self.missing.append(str(name))
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


def _is_mesh(path: Path) -> bool:
    return path.suffix.lower().lstrip(".") in FORMATS


def find_file(path: str | Path) -> Path:
    """The file at `path`, or an error that suggests its nearest neighbours."""
    path = Path(path).expanduser()
    if path.is_file():
        return path
    if path.is_dir():
        meshes = ", ".join(sorted(p.name for p in path.iterdir() if _is_mesh(p)))
        raise InputError(f"{path} is a folder, not a mesh file; it holds {meshes or 'no mesh'}")
    near = sorted(p.name for p in path.parent.iterdir() if _is_mesh(p)) if path.parent.is_dir() else []
    close = get_close_matches(path.name, near, n=3) or near[:3]
    hint = f"; did you mean {' or '.join(close)}?" if close else f"; {path.parent} holds no mesh"
    raise InputError(f"there is no mesh file {path}{hint}")


def read_scene(path: Path, limits: Limits) -> trimesh.Scene:
    """All meshes of the file with their node transforms, textures still undecoded.

    Raises:
        InputError: for an unsupported, oversized, unreadable or untrustworthy file.
    """
    kind = path.suffix.lower().lstrip(".")
    if kind not in FORMATS:
        raise InputError(f"{path.name}: cannot read '.{kind}' files; convert the mesh to one of {', '.join(FORMATS)}")
    size = path.stat().st_size
    if not 0 < size <= limits.file_bytes:
        raise InputError(f"{path.name} has {size:,} bytes; it must have between 1 and {limits.file_bytes:,}")
    folder = AssetFolder(path.parent.resolve(), limits)
    try:
        if kind in ("glb", "gltf"):
            check_gltf(path, limits.faces)
        with path.open("rb") as file:
            scene = trimesh.load_scene(file, file_type=kind, resolver=folder, process=False)
    except InputError as error:
        raise InputError(f"{path.name}: {error}") from error
    except Exception as error:  # trimesh and its parsers raise anything on broken files
        lost = f" (missing beside it: {', '.join(folder.missing)})" if folder.missing else ""
        raise InputError(f"cannot read {path.name} as {kind}: {type(error).__name__}: {error}{lost}") from error
    if folder.refused:
        raise InputError(f"{path.name} refers to {folder.refused[0]}; put its files beside it and use relative paths")
    for name in dict.fromkeys(folder.missing):
        log.warning("%s refers to %r, which is missing: going on with the plain material colour", path.name, name)
    return scene
