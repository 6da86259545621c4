"""What can be seen on the result page: the asset and the videos, inside the page as base64."""

import base64
import io
import json
from html import escape
from pathlib import Path

import av

from to4d.export.gltf.build_document import world_from_asset
from to4d.types import Mesh

VIEWS = {"0": "Colour", "1": "Depth", "2": "Normals", "3": "Mask"}  # the panels of a video, from left to right
SIDES = {"0": "Front", "90": "90°", "180": "180°", "270": "270°"}
HINT = (
    "Drag to turn, Shift and drag to move, double click to go back. Wheel (after a click), two fingers, + and - zoom."
)


def viewer(asset: Path, mesh: Mesh) -> str:
    """The 3D view with its controls, and what it shows."""
    sides = "".join(
        f'<button type="button" data-azimuth="{azimuth}" aria-label="look from {azimuth} degrees">{name}</button>'
        for azimuth, name in SIDES.items()
    )
    label = f"3D view of the moving {mesh.noun or mesh.name}: arrow keys turn it, plus and minus zoom, 0 goes back"
    return f"""<section class="stage" aria-label="The asset">
<canvas id="canvas" tabindex="0" role="img" aria-label="{escape(label)}"></canvas>
<p id="trouble" class="bad" role="alert" hidden></p>
<div class="bar">
<button type="button" id="play" aria-pressed="false">Play</button>
<input type="range" id="time" min="0" max="1" step="any" value="0" aria-label="Time">
<output id="clock" for="time">0.00 s</output>
<span class="group" role="group" aria-label="Sides">{sides}</span>
<label><input type="checkbox" id="light" checked> Light</label>
<button type="button" id="save">Save asset.glb</button>
</div>
<p class="hint soft">{HINT}</p>
<script type="application/octet-stream" id="asset">{base64.b64encode(asset.read_bytes()).decode()}</script>
<script type="application/json" id="world">{json.dumps(world_from_asset(mesh).T.reshape(-1).tolist())}</script>
</section>"""


def turntable(video: Path, why: str) -> str:
    """In place of the 3D view, where there is no asset."""
    shown = f'<video src="{data_uri("video/mp4", video.read_bytes())}" {poster(video)} loop muted autoplay playsinline '
    shown += 'controls aria-label="Turntable"></video>'
    return f'<section class="stage" aria-label="Turntable">{shown}<p class="hint soft">{escape(why)}</p></section>'


def views(folder: Path) -> str:
    """The videos of the fixed views, with buttons for their panels."""
    videos = sorted(folder.glob("[0-9][0-9][0-9].mp4"))
    if not videos:
        return '<section><h2>Views</h2><p class="none">no videos: the run had no export=[video]</p></section>'
    panels = "".join(
        f'<button type="button" data-panel="{number}" aria-pressed="{str(number == "0").lower()}">{name}</button>'
        for number, name in VIEWS.items()
    )
    return f"""<section aria-labelledby="views-title">
<div class="row"><h2 id="views-title">Views</h2><button type="button" id="videos" aria-pressed="false">Play</button>
<span class="group" role="group" aria-label="What the videos show">{panels}</span></div>
<div class="views">{"".join(_view(video) for video in videos)}</div>
</section>"""


def _view(video: Path) -> str:
    """A video, of which the page's style shows one panel."""
    name = f"{int(video.stem)}°"
    source = data_uri("video/mp4", video.read_bytes())
    element = f'<video src="{source}" {poster(video)} loop muted playsinline aria-label="view from {name}"></video>'
    return f'<figure class="view"><div class="crop">{element}</div><figcaption>{name}</figcaption></figure>'


def poster(video: Path) -> str:
    """The attributes `poster`, `width` and `height`: the first picture, small."""
    with av.open(str(video)) as container:
        image = next(container.decode(video=0)).to_image()
    data = io.BytesIO()
    image.save(data, "JPEG", quality=80)
    return f'width="{image.width}" height="{image.height}" poster="{data_uri("image/jpeg", data.getvalue())}"'


def data_uri(kind: str, data: bytes) -> str:
    """An address that holds what it points to.

    >>> data_uri("text/plain", b"hello")
    'data:text/plain;base64,aGVsbG8='
    """
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"
