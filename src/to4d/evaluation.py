"""A finished run measured again under the paper's protocol, with whatever measures are asked for."""

import hashlib
import logging
import platform
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from to4d.errors import NotComputed
from to4d.export.panels import to_uint8
from to4d.export.writer import write_image
from to4d.metrics.seen import Seen, see
from to4d.types import Scene
from to4d.viewpoints import Viewpoints

FPS = 8  # of the protocol; at another rate VBench's rules would look at other frames
PACKAGES = ("to4d", "torch", "numpy", "scipy", "opencv-python-headless", "open_clip_torch", "safetensors")
log = logging.getLogger(__name__)


def evaluate(scene: Scene, views: Viewpoints, frames: int, measures: Mapping[str, Callable]) -> tuple[Seen, dict]:
    """Look once and measure.

    Returns:
        What was seen, in colours of 8 bits, which is what lossless files hold; and the figures by name. One that is
        not computed is null, and `eval/notes` says why.
    """
    seen = in_bytes(see(scene, views, frames))
    figures: dict[str, Any] = {}
    notes: dict[str, str] = {}
    for name, measure in measures.items():
        try:
            found = measure(seen)
        except NotComputed as error:
            log.warning("%s is not computed: %s", name, error.reason)
            found = {f"eval/{key}": None for key in error.names}
            found["eval/notes"] = {f"eval/{key}": error.reason for key in error.names}
        notes |= found.pop("eval/notes", {})
        figures |= found
    return seen, figures | {"eval/notes": notes}


def in_bytes(seen: Seen) -> Seen:
    """The same with every colour rounded to one of 256 values."""
    clips, mesh = (replace(render, rgb=to_uint8(render.rgb).float() / 255.0) for render in (seen.clips, seen.mesh))
    return replace(seen, clips=clips, mesh=mesh)


def write_frames(seen: Seen, folder: Path) -> None:
    """Write `<azimuth>/<frame>.png` and `mesh/<azimuth>.png`: what other programs measure, a folder a clip."""
    for name, clip, (still,) in zip(seen.names, to_uint8(seen.clips.rgb), to_uint8(seen.mesh.rgb), strict=True):
        write_image(folder / "mesh" / f"{name}.png", still)
        for i, frame in enumerate(clip):
            write_image(folder / name / f"{i:02d}.png", frame)


def recipe(run: Path, views: Viewpoints, frames: int, measures: Mapping[str, Callable]) -> dict[str, Any]:
    """How the figures were made: of which model, seen how, by what."""
    return {
        "model_sha256": hashlib.sha256((run / "model.safetensors").read_bytes()).hexdigest(),
        "views": asdict(views) | {"azimuths_deg": list(views.azimuths_deg)},
        "frames": frames,
        "fps": FPS,
        "measures": {name: measure.recipe() for name, measure in measures.items()},
        "packages": {"python": platform.python_version()} | {name: v for name in PACKAGES if (v := installed(name))},
        "date": str(date.today()),
    }


def installed(package: str) -> str | None:
    """The version of a package, if it is there.

    >>> installed("no-such-package")
    """
    try:
        return version(package)
    except PackageNotFoundError:
        return None
