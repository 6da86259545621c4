"""three.js with its glTF loader, as trimesh ships it for its own HTML viewer: MIT licence, release 140."""

import io
import re
import zipfile
from functools import cache
from importlib.metadata import version

from trimesh import resources

from to4d.errors import InputError

LIBRARY = re.compile(r"<script>(/\*\*\s+\* @license.*?THREE\.GLTFLoader=GLTFLoader;\}\)\(\);)", re.DOTALL)


@cache
def three_js() -> str:
    """A classic script (0.7 MB) that defines `THREE` and `THREE.GLTFLoader`, with its licence on top.

    Raises:
        InputError: if the installed trimesh ships another viewer.
    """
    with zipfile.ZipFile(io.BytesIO(resources.get_bytes("templates/viewer.zip"))) as archive:
        template = archive.read("viewer.html.template").decode()
    if (found := LIBRARY.search(template)) is None:
        raise InputError(
            f"trimesh {version('trimesh')} ships no three.js that the page knows; install trimesh>=4.8.3,<6"
        )
    return found[1]
