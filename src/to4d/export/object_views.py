"""How an object from a file stands: four views of it, before anything is trained on a mesh that lies on its side."""

from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont

from to4d.export.panels import to_uint8
from to4d.export.writer import write_image
from to4d.geometry import project
from to4d.protocols import ReferenceRenderer
from to4d.rig.orientation.axes import axis_name
from to4d.types import Mesh
from to4d.viewpoints import Viewpoints, render_views

NAMES = ("front", "left", "back", "right")
SIZE_PX, TITLE_PX, CAPTION_PX, MARGIN_PX = 200, 28, 22, 14
AXIS_COLOUR = (30, 130, 60)


def write_object_views(path: Path, reference: ReferenceRenderer) -> Path | None:
    """Write the picture of a mesh that comes from a file; None, and no picture, for any other."""
    if reference.mesh.source is None:
        return None
    return write_image(path, torch.from_numpy(np.array(draw_object_views(reference))))


def draw_object_views(reference: ReferenceRenderer) -> Image.Image:
    """The object from its front, left, back and right, each with the upward axis, below a title."""
    cameras = Viewpoints((0.0, 90.0, 180.0, 270.0), 10.0, fov_deg=25.0, size=SIZE_PX).cameras()
    views = to_uint8(render_views(reference, cameras, torch.zeros(1), antialias=1).rgb[:, 0]).numpy()
    canvas = Image.new("RGB", (len(NAMES) * SIZE_PX, TITLE_PX + SIZE_PX + CAPTION_PX), "white")
    draw = ImageDraw.Draw(canvas)
    draw.text(
        (MARGIN_PX, TITLE_PX / 2), title(reference.mesh), fill="black", font=ImageFont.load_default(13), anchor="lm"
    )
    ends = project(torch.tensor([[0.0, -0.5, 0.0], [0.0, 0.5, 0.0]]), cameras)
    for column, name in enumerate(NAMES):
        left = column * SIZE_PX
        canvas.paste(Image.fromarray(views[column]), (left, TITLE_PX))
        foot, top = ends[column][:, 1].tolist()
        _arrow(draw, left + MARGIN_PX, TITLE_PX + foot, TITLE_PX + top)
        middle = (left + SIZE_PX / 2, TITLE_PX + SIZE_PX + CAPTION_PX / 2)
        draw.text(
            middle, f"{name}, {90 * column}\N{DEGREE SIGN}", fill="black", font=ImageFont.load_default(13), anchor="mm"
        )
    return canvas


def title(mesh: Mesh) -> str:
    """Which of the file's axes are up and in front.

    >>> from to4d.objects.plant import load_plant
    >>> title(load_plant())
    'plant: up is y and the front is z of the file; to turn it: object.up=, object.front_deg='
    """
    rows = mesh.transform[:3, :3].numpy()
    up, front = axis_name(rows[1]), axis_name(rows[2])
    name = mesh.source.name if mesh.source else mesh.name
    toward = f"the front is {front}" if front else "the front is between the axes"
    return f"{name}: up is {up} and {toward} of the file; to turn it: object.up=, object.front_deg="


def _arrow(draw: ImageDraw.ImageDraw, x: float, foot: float, top: float) -> None:
    """The upward axis beside the object."""
    draw.line([(x, foot), (x, top)], fill=AXIS_COLOUR, width=2)
    draw.polygon([(x - 5, top + 9), (x + 5, top + 9), (x, top - 2)], fill=AXIS_COLOUR)
    draw.text((x + 7, top), "up", fill=AXIS_COLOUR, font=ImageFont.load_default(12), anchor="lm")
