"""A finished run measured again under the paper's protocol, with whatever measures are asked for."""

import hashlib
import logging
import platform
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, replace
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from to4d.errors import NotComputed
from to4d.export.panels import to_uint8
from to4d.export.writer import write_image
from to4d.metrics.renders import EvaluationRenders
from to4d.viewpoints import Viewpoints

FPS = 8  # of the protocol; at another rate VBench's rules would look at other frames
PACKAGES = ("to4d", "torch", "numpy", "scipy", "opencv-python-headless", "open_clip_torch", "safetensors")
log = logging.getLogger(__name__)


def evaluate(renders: EvaluationRenders, measures: Mapping[str, Callable]) -> tuple[EvaluationRenders, dict]:
    """Measure what was seen once.

    Returns:
        What was seen, in colours of 8 bits, which is what lossless files hold; and the figures by name. One that is
        not computed is null, and `eval/notes` says why.
    """
    renders = in_bytes(renders)
    figures: dict[str, Any] = {}
    notes: dict[str, str] = {}
    for name, measure in measures.items():
        try:
            found: dict[str, Any] = dict(measure(renders))
        except NotComputed as error:
            log.warning("%s is not computed: %s", name, error.reason)
            found = {f"eval/{key}": None for key in error.names}
            found["eval/notes"] = {f"eval/{key}": error.reason for key in error.names}
        notes |= found.pop("eval/notes", {})
        figures |= found
    return renders, figures | {"eval/notes": notes}


def in_bytes(renders: EvaluationRenders) -> EvaluationRenders:
    """The same with every colour rounded to one of 256 values."""
    clips, mesh = (
        replace(render, rgb=to_uint8(render.rgb).float() / 255.0) for render in (renders.clips, renders.mesh)
    )
    return replace(renders, clips=clips, mesh=mesh)


def write_frames(renders: EvaluationRenders, folder: Path) -> None:
    """Write `<azimuth>/<frame>.png` and `mesh/<azimuth>.png`: what other programs measure, a folder a clip."""
    for earlier in [*folder.glob("[0-9][0-9][0-9]/*.png"), *folder.glob("mesh/*.png")]:  # other views, or more frames
        earlier.unlink()
    digits = max(2, len(str(len(renders.times) - 1)))
    for name, clip, (still,) in zip(
        renders.names, to_uint8(renders.clips.rgb), to_uint8(renders.mesh.rgb), strict=True
    ):
        write_image(folder / "mesh" / f"{name}.png", still)
        for i, frame in enumerate(clip):
            write_image(folder / name / f"{i:0{digits}d}.png", frame)


def recipe(sources: Iterable[Path], views: Viewpoints, frames: int, measures: Mapping[str, Any]) -> dict[str, Any]:
    """How the figures were made: of which files, from which views, by what."""
    return {
        "model_sha256": checksum(sources),
        "views": asdict(views) | {"azimuths_deg": list(views.azimuths_deg)},
        "frames": frames,
        "fps": FPS,
        "measures": {name: measure.recipe() for name, measure in measures.items()},
        "packages": {"python": platform.python_version()} | {name: v for name in PACKAGES if (v := installed(name))},
        "date": str(date.today()),
    }


def checksum(files: Iterable[Path]) -> str:
    """SHA-256 of the contents of files, one after the other."""
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()


def installed(package: str) -> str | None:
    """The version of a package, if it is there.

    >>> installed("no-such-package")
    """
    try:
        return version(package)
    except PackageNotFoundError:
        return None
