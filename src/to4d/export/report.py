"""The result page: everything about a finished run in one file, which opens anywhere and asks for nothing else."""

import base64
import hashlib
import json
import os
import platform
import shlex
from dataclasses import dataclass
from datetime import date
from html import escape
from importlib.metadata import version
from pathlib import Path
from string import Template
from typing import Any, ClassVar
from urllib.parse import quote

import yaml

from to4d.disk.files import write_atomically
from to4d.export import report_media
from to4d.export.report_curves import charts, read_log
from to4d.export.report_figures import ASSET, MORE, key_figures, motion_table, table, verdict
from to4d.types import Exporter, Scene

PAGE = Path(__file__).parent / "page"
DOCS = Path(__file__).parents[3] / "docs"  # where the code is a check-out
SCRIPTS = ("matrix.js", "gltf.js", "viewer.js", "page.js")
PACKAGES = ("to4d", "torch", "lightning", "hydra-core", "numpy")


@dataclass(frozen=True)
class Report(Exporter):
    """Writes `report.html` from the files in a run's folder; what is not there is left out, and the page says so.

    Args:
        run: the folder of the run; where None, the one that is written to.
        asset_mb: a larger asset is not put inside the page.
    """

    run: str | None = None
    asset_mb: float = 100.0
    after_metrics: ClassVar[bool] = True  # called last: it reads metrics.json and what other exporters wrote

    def __call__(self, scene: Scene, out: Path) -> list[Path]:
        """Write below the folder `out`; returns what was written."""
        folder, path = Path(self.run or out), Path(out) / "report.html"
        metrics = json.loads(_text(folder / "metrics.json") or "{}")
        settings = yaml.safe_load(_text(folder / "config.yaml") or "{}")
        style, script = _text(PAGE / "style.css"), "\n".join(_text(PAGE / name) for name in SCRIPTS)
        page = whole_page(
            _text(PAGE / "page.html"),
            style,
            script,
            title=escape(scene.prompt.text),
            kicker=kicker(scene, settings),
            verdict=verdict(metrics),
            stage=self.stage(scene, folder) + report_media.views(folder / "views"),
            figures=figures(metrics),
            curves=curves(folder / "log", list(settings.get("phase") or {})),
            rerun=rerun(folder),
            footer=footer(path.parent),
        )
        write_atomically(path, page.encode())
        return [path]

    def stage(self, scene: Scene, folder: Path) -> str:
        """The asset in a 3D view; else the turntable; else why there is neither."""
        asset, video = folder / "asset.glb", folder / "turntable.mp4"
        why = "No asset.glb: that needs model=deform or nodes, and export=[glb]."
        if asset.is_file() and asset.stat().st_size <= 1e6 * self.asset_mb:
            return report_media.viewer(asset, scene.reference.mesh)
        if asset.is_file():
            why = f"asset.glb has more than {self.asset_mb:g} MB, so it is not in this page (export.report.asset_mb)."
        if video.is_file():
            return report_media.turntable(video, why)
        return f'<section class="stage"><p class="hint none">{escape(why)}</p></section>'


def kicker(scene: Scene, settings: dict[str, Any]) -> str:
    """What was animated, by what."""
    mesh = getattr(scene.reference, "mesh", None)
    parts = [scene.prompt.noun]
    if mesh is not None:
        parts.append(mesh.name if mesh.source is None else "/".join(Path(mesh.source).parts[-2:]))
    for key in ("model", "guidance"):
        if target := (settings.get(key) or {}).get("_target_"):
            parts.append(f"{key} {target.rpartition('.')[2]}")
    parts.append(f"seed {settings.get('seed', 'unknown')}")
    return escape(" · ".join(dict.fromkeys(parts)))


def figures(metrics: dict[str, Any]) -> str:
    """All numbers."""
    tables = [table("More about the motion", MORE, metrics), table("The asset", ASSET, metrics)]
    return key_figures(metrics) + motion_table(metrics) + "".join(tables)


def curves(folder: Path, phases: list[str]) -> str:
    """The charts of the run's phases, and which phases have none."""
    log = read_log(folder)
    if not log.phases:
        return '<p class="none">no curves: nothing was trained, or the run had no logger=[csv]</p>'
    absent = [escape(phase) for phase in phases if phase not in log.phases]
    note = f"Not logged: {', '.join(absent)}, which another run had done before (cache)." if absent else ""
    return f'{charts(log)}<p class="soft">{note}</p>'


def rerun(folder: Path) -> str:
    """The command line, and the resolved configuration."""
    overrides = yaml.safe_load(_text(folder / ".hydra" / "overrides.yaml") or "null")
    text = _text(folder / "config.yaml")
    if overrides is None:
        how = "<p>This run was started from Python, not from a command line; its settings are below.</p>"
    else:
        command = shlex.join(["python", "train.py", *map(str, overrides), "out=outputs/again"])
        how = f"<p>The same run once more:</p><pre><code>{escape(command)}</code></pre>"
    export = escape(shlex.join(["python", "export.py", f"run={folder}", "format=report"]))
    how += f"<p>This page once more, from the same run:</p><pre><code>{export}</code></pre>"
    return f"{how}<details><summary>All settings</summary><pre>{escape(text) or 'no config.yaml'}</pre></details>"


def footer(folder: Path) -> str:
    """Versions, and where to read on."""
    versions = ", ".join([f"Python {platform.python_version()}", *(f"{name} {version(name)}" for name in PACKAGES)])
    links = ", ".join(_document(name, folder) for name in ("export.md", "metrics.md", "objects.md", "mini_prior.md"))
    return f"<p>Read on: {links}.</p><p>Written on {date.today()} with {escape(versions)}.</p>"


def _document(name: str, folder: Path) -> str:
    """A link from `folder` to a page of the documentation, where that is on this computer; else its name."""
    if not (DOCS / name).is_file():
        return f"docs/{name}"
    return f'<a href="{quote(Path(os.path.relpath(DOCS / name, folder.resolve())).as_posix())}">docs/{name}</a>'


def whole_page(body: str, style: str, script: str, **parts: str) -> str:
    """One file for any browser.

    Args:
        body: a template of what stands between head and foot.
        style: its looks.
        script: all that may run in it.
        parts: HTML for the names in the template and in the frame: title, kicker, verdict, footer.
    """
    inside = Template(body).substitute(parts)
    own = {"policy": policy(style, script), "style": style, "script": script, "body": inside}
    return Template(_text(PAGE / "frame.html")).substitute(parts | own)


def policy(style: str, script: str) -> str:
    """What a browser may do for this page: run its one script, nothing that came in with a prompt; load nothing."""

    def digest(text: str) -> str:
        return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"

    return (
        f"default-src 'none'; script-src {digest(script)}; style-src {digest(style)}; img-src data:; media-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _text(path: Path) -> str:
    """A text file; empty if there is none."""
    return path.read_text(encoding="utf-8") if path.is_file() else ""
