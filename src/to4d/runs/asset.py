"""The files that a finished run has made, for scripts and notebooks."""

import html
import importlib
import json
import sys
import webbrowser
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from to4d.disk.files import read_checked
from to4d.errors import BROKEN, InputError


@dataclass(frozen=True)
class Asset:
    """What a finished run has made.

    In a notebook it shows itself as its page: the moving asset to turn and play, videos, metrics.

    Attributes:
        folder: of the run; docs and README list its files.
        metrics: what `metrics.json` holds, such as `eval/psnr`.
    """

    folder: Path
    metrics: dict[str, Any] = field(repr=False)

    @property
    def best(self) -> Path:
        """The folder with page and videos: of several seeds (`n_seeds=4`) that of the best, else the run's own."""
        clips = self.metrics.get("clips", {})
        return self.folder / next((clip["best"] for clip in clips.values()), "")

    @property
    def glb(self) -> Path:
        """The animated mesh as glTF, for Blender, engines and browsers.

        Raises:
            InputError: if the run did not export one.
        """
        return existing(self.folder / "asset.glb", "glb")

    @property
    def page(self) -> Path:
        """The HTML page of the run, which is one file and needs no network.

        Raises:
            InputError: if the run did not export one.
        """
        return existing(self.best / "report.html", "report")

    @property
    def videos(self) -> dict[str, Path]:
        """The MP4 files by name: "000", "090" ..., the azimuths in degrees, and "turntable"; empty without any."""
        return {path.stem: path for path in (*sorted(self.best.glob("views/*.mp4")), *self.best.glob("turntable.mp4"))}

    def show(self) -> None:
        """Show the page, in the notebook where there is one, else in the browser.

        Raises:
            InputError: if the run did not export one.
        """
        page = self.page
        if "ipykernel" in sys.modules:
            importlib.import_module("IPython.display").display(self)
        else:
            webbrowser.open(page.resolve().as_uri())

    def _repr_html_(self) -> str:
        """The page in a frame of its own, which cannot reach the notebook around it."""
        path = self.best / "report.html"
        if not path.is_file():
            return f"<code>{html.escape(repr(self))}</code>"
        page = html.escape(path.read_text(encoding="utf-8"))
        style = "width: 100%; height: 800px; border: 0"
        return f'<iframe sandbox="allow-scripts allow-downloads" style="{style}" srcdoc="{page}"></iframe>'


def load_asset(folder: Path) -> Asset:
    """The files of a finished run.

    Raises:
        InputError: if there is none in the folder, or its `metrics.json` is damaged.
    """
    path = folder / "metrics.json"
    if not path.is_file():
        raise InputError(f"{folder} holds no finished run (it has no {path.name})")
    try:
        return Asset(folder, dict(json.loads(read_checked(path))))
    except BROKEN as error:
        raise error if isinstance(error, InputError) else InputError(f"{path} is damaged: {error}") from None


def existing(path: Path, option: str) -> Path:
    """The path.

    Raises:
        InputError: if no exporter has written it.
    """
    if not path.is_file():
        raise InputError(f"{path} was not exported; to4d-export run={path.parent} format={option} makes it")
    return path
