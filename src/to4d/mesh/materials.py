"""Colours, textures and UVs out of trimesh's visuals, all brought to unlit sRGB.

glTF stores base colour factors and vertex colours linearly and textures in sRGB; the other formats store sRGB
throughout. A product of factors is formed in sRGB, which is exact for a pure power curve. OBJ: where a `map_Kd` is
given, `Kd` is left out (exporters write arbitrary greys there, and viewers disagree).
"""

import hashlib
import logging
from dataclasses import dataclass, field
from typing import IO, Any, Literal, cast

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageFile
from trimesh.visual.material import PBRMaterial, SimpleMaterial

from to4d.disk.asset_folder import PICTURES
from to4d.errors import InputError
from to4d.types import Material

log = logging.getLogger(__name__)
AlphaMode = Literal["opaque", "mask", "blend"]

PLAIN = (0.8, 0.8, 0.8, 1.0)  # of a surface that says nothing about its colour


def srgb_from_linear(x: NDArray) -> NDArray:
    """IEC 61966-2-1, on [0, 1].

    >>> float(srgb_from_linear(np.array(0.2140)).round(2))
    0.5
    """
    x = np.clip(x, 0.0, 1.0)
    return np.where(x <= 0.0031308, 12.92 * x, 1.055 * np.maximum(x, 0.0031308) ** (1 / 2.4) - 0.055)


@dataclass
class MaterialTable:
    """Collects the materials of a scene; the same image or material is kept once."""

    linear: bool  # the file's colour factors are linear (glTF)
    texels_left: int
    found: list[Material] = field(default_factory=list)
    _by_image: dict[int, torch.Tensor | None] = field(default_factory=dict)
    _by_bytes: dict[bytes, torch.Tensor | None] = field(default_factory=dict)

    def index(self, visual: object) -> int:
        """The number of this visual's material."""
        material = self._read(getattr(visual, "material", None))
        for i, known in enumerate(self.found):
            if known.texture is material.texture and _plain_parts(known) == _plain_parts(material):
                return i
        self.found.append(material)
        return len(self.found) - 1

    def _read(self, source: object) -> Material:
        if isinstance(source, PBRMaterial):
            return self._read_pbr(source)
        if isinstance(source, SimpleMaterial):
            return self._read_simple(source)
        return Material()  # colours stand at the corners

    def _read_pbr(self, source: PBRMaterial) -> Material:
        factor = source.baseColorFactor
        color = np.ones(4) if factor is None else np.asarray(factor, float) / 255.0
        mode = cast(AlphaMode, str(source.alphaMode or "OPAQUE").lower())
        cutoff = 0.5 if source.alphaCutoff is None else float(source.alphaCutoff)
        texture = self._texture(source.baseColorTexture, str(source.name))
        rgba = self._color(color)
        return Material(str(source.name or ""), rgba, texture, mode, cutoff, bool(source.doubleSided))

    def _read_simple(self, source: SimpleMaterial) -> Material:
        texture = self._texture(source.image, str(source.name))
        given = "kd" in source.kwargs
        color = np.asarray(source.diffuse, float) / 255.0 if given else np.array(PLAIN)
        if texture is not None:
            color[:3] = 1.0
        color[3] = _dissolve(source.kwargs)
        see_through = color[3] < 1.0 or (texture is not None and bool((texture[..., 3] < 255).any()))
        return Material(str(source.name or ""), self._color(color), texture, "blend" if see_through else "opaque")

    def _color(self, rgba: NDArray) -> tuple[float, float, float, float]:
        rgb = srgb_from_linear(rgba[:3]) if self.linear else rgba[:3]
        red, green, blue, alpha = (round(float(x), 6) for x in (*rgb, rgba[3]))
        return red, green, blue, alpha

    def _texture(self, image: Image.Image | None, material: str) -> torch.Tensor | None:
        """Decode once; a broken image costs a warning, too many texels an error (before decoding)."""
        if image is None or (id(image) not in self._by_image and getattr(image, "fp", None) is None):
            return None  # trimesh paints a small grey image where a material is missing
        if id(image) not in self._by_image:
            content = _undecoded(image)  # equal files in different nodes decode to one texture
            if content not in self._by_bytes:
                self._count(image)
                self._by_bytes[content] = _decode(image, material)
            self._by_image[id(image)] = self._by_bytes[content]
        return self._by_image[id(image)]

    def _count(self, image: Image.Image) -> None:
        self.texels_left -= image.width * image.height
        if self.texels_left < 0:
            raise InputError(
                f"its textures (one has {image.width}x{image.height} texels) exceed the limit; scale them down"
            )


def _undecoded(image: Image.Image) -> bytes:
    """A digest of the file behind an image that Pillow has only opened."""
    file = cast(IO[bytes], cast(ImageFile.ImageFile, image).fp)
    file.seek(0)
    content = hashlib.sha256(file.read()).digest()
    file.seek(0)
    return content


def _decode(image: Image.Image, material: str) -> torch.Tensor | None:
    plain = "going on with its plain colour"
    if image.format not in PICTURES:
        log.warning("the texture of material %r is of the kind %s: %s", material, image.format, plain)
        return None
    try:
        return torch.from_numpy(np.array(image.convert("RGBA")))
    except Exception as error:  # Pillow's decoders raise many kinds
        log.warning("the texture of material %r cannot be decoded (%s): %s", material, error, plain)
        return None


def _dissolve(extras: dict) -> float:
    """Opacity by `d`, or by `Tr` = 1 - d."""
    try:
        if "d" in extras:
            return float(extras["d"][-1])
        return 1.0 - float(extras["tr"][-1]) if "tr" in extras else 1.0
    except (ValueError, IndexError):
        return 1.0


def _plain_parts(m: Material) -> tuple:
    return m.name, m.color, m.alpha, m.cutoff, m.double_sided


def corner_uv(visual: object, faces: NDArray) -> NDArray:
    """(M, 3, 2) float32, v up; zeros where the file has none."""
    uv = getattr(visual, "uv", None)
    if uv is None or len(uv) <= faces.max():
        return np.zeros((*faces.shape, 2), np.float32)
    uv = np.nan_to_num(np.asarray(uv, np.float32)[:, :2])
    return np.pad(uv, ((0, 0), (0, 2 - uv.shape[1])))[faces]  # OBJ lets v be left out, which is 0 then


def corner_color(visual: Any, faces: NDArray, linear: bool) -> NDArray:
    """(M, 3, 4) float32 sRGB; white where the file has none."""
    colors = getattr(visual, "vertex_attributes", {}).get("color")
    if colors is None and getattr(visual, "kind", None) in ("vertex", "face"):
        by_face = visual.kind == "face"
        colors = visual.face_colors if by_face else visual.vertex_colors
        corners = _unit(colors)[:, None].repeat(3, 1) if by_face else _unit(colors)[faces]
    elif colors is not None and len(colors) > faces.max():
        corners = _unit(colors)[faces]
    elif getattr(visual, "material", None) is None:
        corners = np.broadcast_to(np.array(PLAIN), (*faces.shape, 4)).copy()
        linear = False
    else:
        corners = np.ones((*faces.shape, 4))
    if linear:
        corners[..., :3] = srgb_from_linear(corners[..., :3])
    return corners.astype(np.float32)


def _unit(colors: NDArray) -> NDArray:
    """RGB or RGBA of any number type to (n, 4) floats in [0, 1]."""
    colors = np.asarray(colors)
    top = np.iinfo(colors.dtype).max if colors.dtype.kind in "ui" else 1.0
    rgba = np.ones((len(colors), 4))
    rgba[:, : colors.shape[1]] = np.clip(colors[:, :4] / top, 0.0, 1.0)
    return rgba
