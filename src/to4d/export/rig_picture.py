"""A rig at a glance: its skeleton from two sides, its weights in colours, and each limb bent."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont

from to4d.export.rig_drawing import COLOURS, draw_bent, draw_skeleton, draw_weights, role_colour
from to4d.export.writer import write_image
from to4d.geometry import orbit, project
from to4d.protocols import Exporter, Scene
from to4d.types import Cameras, Mesh, Rig

ELEVATION_DEG, DISTANCE, WIDE_DEG = 12.0, 3.0, 30.0
FRONT_DEG, SIDE_DEG = 35.0, 90.0
COLUMNS = 8  # of bent limbs at most
TITLE_PX, CAPTION_PX = 44, 22


@dataclass(frozen=True)
class RigPicture(Exporter):
    """Writes `rig.png`; nothing for a scene without a rig.

    Args:
        size: of each of the three large pictures in pixels; the limbs have half of it at most.
    """

    size: int = 400

    def __call__(self, scene: Scene, out: Path) -> None:
        """Draw and write below the folder `out`."""
        if scene.rig is not None:
            write_rig_picture(Path(out) / "rig.png", scene.reference.mesh, scene.rig, self.size)


def write_rig_picture(path: Path, mesh: Mesh, rig: Rig, size: int = 400) -> Path:
    """Write the picture of a rig."""
    return write_image(path, torch.from_numpy(np.array(draw_rig(mesh, rig, size))))


def draw_rig(mesh: Mesh, rig: Rig, size: int) -> Image.Image:
    """A title; the skeleton from two sides and the weights; each limb bent by 25 degrees, with its role's name."""
    limbs = limbs_of(rig)
    rows = -(-len(limbs) // COLUMNS)
    columns = -(-len(limbs) // max(rows, 1))
    small = min(size // 2, 3 * size // max(columns, 1))
    height = TITLE_PX + CAPTION_PX + size + rows * (small + CAPTION_PX)
    canvas = Image.new("RGB", (3 * size, height), "white")
    ImageDraw.Draw(canvas).text((14, 12), title(mesh, rig), fill="black", font=ImageFont.load_default(20))
    front, side = camera(mesh, FRONT_DEG, size, 1.1), camera(mesh, SIDE_DEG, size, 1.1)
    large = {
        "skeleton": draw_skeleton(mesh, rig, front),
        "from its left": draw_skeleton(mesh, rig, side),
        "weights": draw_weights(mesh, rig, front),
    }
    for column, (name, picture) in enumerate(large.items()):
        _paste(canvas, picture, (column * size, TITLE_PX), name, (90, 90, 90))
    for number, role in enumerate(limbs):
        row, column = divmod(number, columns)
        place = (column * small, TITLE_PX + size + CAPTION_PX + row * (small + CAPTION_PX))
        picture = draw_bent(mesh, rig, role, camera(mesh, limb_azimuth_deg(role), small, 1.25))
        _paste(canvas, picture, place, role, role_colour(role))
    return canvas


def limbs_of(rig: Rig) -> list[str]:
    """The roles that are drawn bent, in the order of `COLOURS`, left before right."""
    kinds = list(COLOURS)
    return sorted({*rig.roles} - {"root", "other"}, key=lambda role: (kinds.index(role.partition("_")[0]), role))


def title(mesh: Mesh, rig: Rig) -> str:
    """What it is, and how sure."""
    count = len(rig.parents)
    source = "the file's own rig" if rig.source == "own" else "found"
    parts = [mesh.noun or mesh.name, rig.body, f"confidence {rig.confidence:.2f}", source]
    return "   \u00b7   ".join([*parts, "1 joint" if count == 1 else f"{count} joints"])


def limb_azimuth_deg(role: str) -> float:
    """Where a limb that bends is seen well."""
    kind, _, side = role.partition("_")
    azimuth = 25.0 if kind in ("arm", "wing", "fin", "ear", "stem", "head", "neck") else 65.0
    return -azimuth if side == "R" else azimuth


def camera(mesh: Mesh, azimuth_deg: float, size: int, margin: float) -> Cameras:
    """One camera, at a scale at which all of an object is seen from front and side, with room around it for limbs."""

    def looking(azimuth: float, fov_deg: float) -> Cameras:
        return orbit(torch.tensor([azimuth]), ELEVATION_DEG, DISTANCE, fov_deg, (size, size))

    seen = torch.cat([project(mesh.vertices, looking(azimuth, WIDE_DEG)) for azimuth in (FRONT_DEG, SIDE_DEG)])
    part = (seen / size - 0.5).abs().max() * 2 * margin
    fov = 2 * torch.atan(part * torch.tensor(WIDE_DEG / 2).deg2rad().tan())
    return looking(azimuth_deg, float(fov.rad2deg()))


def _paste(
    canvas: Image.Image, picture: Image.Image, place: tuple[int, int], name: str, colour: tuple[int, int, int]
) -> None:
    """A picture at a place (left, top), its name below."""
    canvas.paste(picture, place)
    middle = (place[0] + picture.width / 2, place[1] + picture.height + CAPTION_PX / 2 - 4)
    ImageDraw.Draw(canvas).text(middle, name, fill=colour, font=ImageFont.load_default(14), anchor="mm")
