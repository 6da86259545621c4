"""Reading 3D files safely: what is too big, unknown or not to be trusted is refused before it is parsed."""

import io
import logging
from difflib import get_close_matches
from pathlib import Path

import trimesh

from to4d.disk.asset_folder import AssetFolder, Limits
from to4d.errors import InputError
from to4d.gltf.document import read_document
from to4d.gltf.header import read_header
from to4d.gltf.rest import count_shaped, put_to_rest

log = logging.getLogger(__name__)

FORMATS = ("glb", "gltf", "obj", "ply", "off", "stl")


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
    """All meshes of the file with their node transforms, textures still undecoded; skins and morph targets at rest.

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
        scene = _parse(path, kind, limits, folder)
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


def _parse(path: Path, kind: str, limits: Limits, folder: AssetFolder) -> trimesh.Scene:
    """What trimesh makes of the file. It knows no skins, so those of a glTF file are applied before."""
    shaped = count_shaped(read_header(path, limits.faces)) if kind in ("glb", "gltf") else 0
    if shaped > 3 * limits.faces:
        raise InputError(f"skins shape {shaped:,} vertices, more than the limit of {limits.faces:,} faces allows")
    if shaped:
        document = read_document(path, limits)
        put_to_rest(document)
        return trimesh.load_scene(io.BytesIO(document.binary()), file_type="glb", resolver=folder, process=False)
    with path.open("rb") as file:
        return trimesh.load_scene(file, file_type=kind, resolver=folder, process=False)
