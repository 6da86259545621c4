"""The result page: everything about a finished run in one HTML file, which works offline."""

import json
import os
import platform
import shlex
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import quote

import yaml

from to4d.disk.files import write_atomically
from to4d.export.page import metric_descriptions as descriptions
from to4d.export.page.charts import line_charts
from to4d.export.page.embedded_asset import embed_asset
from to4d.export.page.media import embed_png, embed_video
from to4d.export.page.template import HERE, STYLE, render_page
from to4d.export.page.threejs import three_js
from to4d.export.page.training_log import read_log
from to4d.protocols import Exporter, Scene

DOCS = Path(__file__).parents[4] / "docs"  # where the code is a check-out
SCRIPTS = ("viewer.js", "controls.js", "page.js")
PACKAGES = ("to4d", "torch", "lightning", "hydra-core", "numpy")


@dataclass(frozen=True)
class ResultPage(Exporter):
    """Writes `report.html` from the files in a run's folder; what is not there is left out, and the page says so.

    Args:
        run: the folder of the run; where None, the one that is written to.
        asset_mb: a larger asset is not put inside the page.
    """

    run: str | None = None
    asset_mb: float = 100.0
    after_metrics: ClassVar[bool] = True

    def __call__(self, scene: Scene, out: Path) -> None:
        """Write below the folder `out`."""
        folder, path = Path(self.run or out), Path(out) / "report.html"
        config = _text(folder / "config.yaml")
        settings = yaml.safe_load(config or "{}")
        asset, turntable = embed_asset(folder / "asset.glb", scene.reference.mesh, self.asset_mb), None
        if not asset.data and (folder / "turntable.mp4").is_file():
            turntable = embed_video(folder / "turntable.mp4")
        page = render_page(
            "result.html",
            style=STYLE,
            scripts=scripts(with_viewer=bool(asset.data)),
            prompt=scene.prompt.text,
            kicker=kicker(scene, settings),
            asset=asset,
            turntable=turntable,
            videos={int(p.stem): embed_video(p) for p in sorted((folder / "views").glob("[0-9][0-9][0-9].mp4"))},
            object_views=embed_png(folder / "object_views.png"),
            rig_picture=embed_png(folder / "rig.png"),
            config=config,
            **measured(json.loads(_text(folder / "metrics.json") or "{}")),
            **training(folder / "log", list(settings.get("phase") or {})),
            **commands(folder),
            **provenance(path.parent),
        )
        write_atomically(path, page.encode())


def scripts(with_viewer: bool) -> list[str]:
    """What runs in the page; three.js only if there is an asset to show."""
    own = "\n".join(_text(HERE / "static" / name) for name in SCRIPTS)
    return [three_js(), own] if with_viewer else [own]


def kicker(scene: Scene, settings: dict[str, Any]) -> list[str]:
    """What was animated, by what."""
    mesh = scene.reference.mesh
    parts = [scene.prompt.noun, mesh.name if mesh.source is None else "/".join(Path(mesh.source).parts[-2:])]
    for key in ("model", "guidance"):
        if target := (settings.get(key) or {}).get("_target_"):
            parts.append(f"{key} {target.rpartition('.')[2]}")
    parts.append(f"seed {settings.get('seed', 'unknown')}")
    return list(dict.fromkeys(parts))


def measured(metrics: dict[str, Any]) -> dict[str, Any]:
    """All numbers, for the template."""
    groups = {"More about the motion": descriptions.MOTION_METRICS, "The asset": descriptions.ASSET_METRICS}
    return {
        "motion": descriptions.motion_check(metrics),
        "key_metrics": [metric.formatted(metrics) for metric in descriptions.KEY_METRICS],
        "tables": {title: [metric.formatted(metrics) for metric in group] for title, group in groups.items()},
    }


def training(folder: Path, phases: list[str]) -> dict[str, Any]:
    """The charts of the run's phases, and which phases have none, for the template."""
    log = read_log(folder)
    return {"charts": line_charts(log), "cached_phases": [phase for phase in phases if phase not in log.phases]}


def commands(folder: Path) -> dict[str, str | None]:
    """The command lines that make the run and the page again, for the template."""
    overrides = yaml.safe_load(_text(folder / ".hydra" / "overrides.yaml") or "null")
    train = None
    if overrides is not None:
        train = shlex.join(["python", "train.py", *map(str, overrides), "out=outputs/again"])
    return {
        "train_command": train,
        "export_command": shlex.join(["python", "export.py", f"run={folder}", "format=report"]),
    }


def provenance(folder: Path) -> dict[str, Any]:
    """Versions, and links from `folder` to the documentation where that is on this computer, for the template."""
    versions = [f"Python {platform.python_version()}", *(f"{name} {version(name)}" for name in PACKAGES)]
    names = ("export.md", "metrics.md", "objects.md", "mini_prior.md")
    return {
        "documents": {name: _document_link(name, folder) for name in names},
        "date": date.today(),
        "versions": ", ".join(versions),
    }


def _document_link(name: str, folder: Path) -> str | None:
    """A relative link from `folder` to a page of the documentation; None if that is not on this computer."""
    if not (DOCS / name).is_file():
        return None
    return quote(Path(os.path.relpath(DOCS / name, folder.resolve())).as_posix())


def _text(path: Path) -> str:
    """A text file; empty if there is none."""
    return path.read_text(encoding="utf-8") if path.is_file() else ""
