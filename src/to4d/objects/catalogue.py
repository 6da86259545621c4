"""Named objects: found in `TO4D_DATA`, in the cache, or, for Google Scanned Objects, at their public home.

Google Scanned Objects (Downs et al., ICRA 2022, arXiv 2204.11918): CC-BY 4.0, z up, front -y.
"""

import logging
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from to4d.disk.download import MAX_BYTES, download, unpack
from to4d.disk.folders import cache_folder, data_folder
from to4d.errors import InputError
from to4d.mesh import load_mesh
from to4d.types import Mesh

log = logging.getLogger(__name__)

GSO_URL = "https://fuel.gazebosim.org/1.0/GoogleResearch/models/{}.zip"


def load_gso(model: str, folder: str, noun: str, radius: float = 0.55, front_deg: float | str = 0.0) -> Mesh:
    """A Google Scanned Object.

    Args:
        model: its name in the collection.
        folder: its folder's name in `TO4D_DATA`.
        noun: the word that names the object in prompts.
        radius: of the bounding sphere, in world units.
        front_deg: azimuth of its front once upright, which is turned to 0; `auto` finds it.

    Raises:
        InputError: if it is not on this machine and cannot be fetched.
    """

    def load(path: Path) -> Mesh:
        return load_mesh(path, noun, "z", radius, front_deg)

    data, cached = data_folder(), cache_folder() / "objects" / model
    if data is not None and (data / folder).is_dir():
        return load(_only_obj(data / folder))
    if cached.is_dir():
        try:
            return load(_only_obj(cached))
        except InputError as error:
            log.warning("the cached copy in %s is damaged (%s) and is replaced", cached, error)
            shutil.rmtree(cached)
    _install(model, folder, cached, load)
    return load(_only_obj(cached))


def load_data(
    folder: str, file: str, noun: str, up: str = "auto", radius: float = 0.55, front_deg: float | str = "auto"
) -> Mesh:
    """An object of the user's own collection `TO4D_DATA`: the mesh `file` in `folder`; for the rest see `load_mesh`.

    Raises:
        InputError: if there is no such collection or object.
    """
    data = data_folder()
    if data is None:
        raise InputError(
            f"the object {folder!r} is read from a folder of yours: set TO4D_DATA to the folder that holds "
            f"{folder}/{file}; or use a mesh directly with object=file object.path=..."
        )
    if not (data / folder).is_dir():
        here = sorted(p.name for p in data.iterdir() if p.is_dir()) if data.is_dir() else []
        raise InputError(f"TO4D_DATA={data} holds no folder {folder!r}; it holds {', '.join(here) or 'nothing'}")
    return load_mesh(data / folder / file, noun, up, radius, front_deg)


def _only_obj(folder: Path) -> Path:
    """The OBJ file of a model's folder."""
    found = sorted(folder.rglob("*.obj"))
    if len(found) != 1:
        raise InputError(f"{folder} should hold one OBJ file, but holds {len(found)}")
    return found[0]


def _install(model: str, folder: str, cached: Path, load: Callable[[Path], Mesh]) -> None:
    """Fetch, unpack and try the model, then move it into the cache in one step.

    A zip that the user put beside the cache's folder is taken instead of the network.
    """
    archive = cached.with_name(f"{model}.zip")
    if not archive.is_file():
        try:
            download(GSO_URL.format(model), archive, max_bytes=MAX_BYTES)
        except OSError as error:
            raise InputError(
                f"the object {folder!r} is not on this machine, and fetching it failed ({error});\n"
                f"either download {GSO_URL.format(model)} and put it at {archive},\n"
                f"or set TO4D_DATA to a folder that holds {folder}/model.obj, or use the bundled object=gso/plant"
            ) from error
    with tempfile.TemporaryDirectory(dir=cached.parent) as scratch:
        fresh = Path(scratch) / model
        try:
            unpack(archive, fresh)
            load(_only_obj(fresh))
        except InputError as error:
            raise InputError(f"{archive} is no usable model ({error}); delete it and try again") from error
        os.replace(fresh, cached)
    archive.unlink()
