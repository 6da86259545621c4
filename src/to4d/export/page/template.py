"""Pages from Jinja templates: one self-contained HTML file each, in which everything foreign is escaped."""

import base64
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from to4d.export.page.formatting import format_number

HERE = Path(__file__).parent
STYLE = (HERE / "static" / "style.css").read_text(encoding="utf-8")  # of every page


def render_page(template: str, style: str, scripts: Sequence[str], folders: Sequence[Path] = (), **values: Any) -> str:
    """A page as HTML.

    Args:
        template: name of a template that extends `base.html`.
        style: CSS.
        scripts: classic scripts, the only ones that may run in the page.
        folders: where to look for templates before this package's own.
        values: what the template shows; strings are escaped.
    """
    environment = Environment(
        loader=FileSystemLoader([*folders, HERE / "templates"]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"number": format_number, "px": "{:.1f}".format}
    own = {"style": Markup(style), "scripts": [Markup(script) for script in scripts]}
    return environment.get_template(template).render(values | own | {"policy": content_policy(style, scripts)})


def content_policy(style: str, scripts: Sequence[str]) -> str:
    """The page's Content-Security-Policy: these scripts and this style by their hashes, and nothing from outside."""
    allowed = " ".join(_digest(script) for script in scripts)
    return (
        f"default-src 'none'; script-src {allowed}; style-src {_digest(style)}; img-src data: blob:; media-src data:; "
        "connect-src blob:; base-uri 'none'; form-action 'none'"  # three.js reads the asset's textures as blobs
    )


def _digest(text: str) -> str:
    return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"
