"""Materials of other formats as glTF materials, their textures as files."""

import io
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from to4d.export.gltf.source import mime_type
from to4d.gltf.document import Document
from to4d.types import Material

UNLIT = "KHR_materials_unlit"


@dataclass(frozen=True)
class TexturedMaterial:
    """A material with its texture as an encoded image file."""

    material: Material
    image: bytes | None


def add_material(document: Document, textured: TexturedMaterial, unlit: bool) -> None:
    """A glTF material that is rough and not metal, or unlit."""
    source = textured.material
    color = [*linear_from_srgb(np.array(source.color[:3])).tolist(), source.color[3]]
    surface: dict[str, Any] = {"baseColorFactor": color, "metallicFactor": 0.0, "roughnessFactor": 1.0}
    if textured.image is not None:
        view = document.add_view(textured.image)
        image = document.add("images", {"bufferView": view, "mimeType": mime_type(textured.image)})
        surface["baseColorTexture"] = {"index": document.add("textures", {"source": image})}
    material: dict[str, Any] = {"pbrMetallicRoughness": surface, "alphaMode": source.alpha.upper()}
    material |= {"name": source.name} if source.name else {}
    material |= {"alphaCutoff": source.cutoff} if source.alpha == "mask" else {}
    material |= {"doubleSided": source.double_sided}
    document.add("materials", material | ({"extensions": {UNLIT: {}}} if unlit else {}))


def linear_from_srgb(x: np.ndarray) -> np.ndarray:
    """IEC 61966-2-1, on [0, 1].

    >>> float(linear_from_srgb(np.array(0.5)).round(3))
    0.214
    """
    return np.where(x <= 0.04045, x / 12.92, ((x + 0.055) / 1.055) ** 2.4)


def image_file(image: Image.Image | None) -> bytes | None:
    """The PNG or JPEG behind an image that Pillow has only opened."""
    file = getattr(image, "fp", None)
    if file is None:
        return None
    file.seek(0)
    data = file.read()
    file.seek(0)
    return {"image/png": plain_png, "image/jpeg": bytes}.get(mime_type(data), lambda _: None)(data)


def plain_png(data: bytes) -> bytes:
    """The same pixels without what glTF forbids to heed: colour profiles and the pixels' size."""
    kept, place = [data[:8]], 8
    while place + 8 <= len(data):
        end = place + 12 + int.from_bytes(data[place : place + 4])
        if data[place + 4 : place + 8] not in (b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"pHYs"):
            kept.append(data[place:end])
        place = end
    return b"".join(kept)


def encode_texture(material: Material) -> bytes | None:
    """The texture as PNG, without an alpha channel that says nothing."""
    if material.texture is None:
        return None
    pixels = material.texture.numpy()
    file = io.BytesIO()
    Image.fromarray(pixels if (pixels[..., 3] < 255).any() else pixels[..., :3]).save(file, "PNG")
    return file.getvalue()
