"""Forget the arrays of a glTF document that nothing refers to any more."""

from collections.abc import Iterator
from typing import Any

from to4d.gltf.document import Document, put_list

KNOWN = ("KHR_materials_", "KHR_texture_", "EXT_texture_", "KHR_mesh_quantization", "KHR_lights_punctual")
"""Extensions that refer to no accessor and no buffer view of their own."""


def prune(document: Document) -> None:
    """Forget accessors and buffer views that nothing refers to any more."""
    header = document.header
    kept = _renumber(list(_accessor_references(header)), header.get("accessors", []))
    put_list(header, "accessors", kept)
    places = list(_view_references(header))
    numbers = sorted({place[key] for place, key in places})
    document.views = [document.views[number] for number in numbers]
    put_list(header, "bufferViews", _renumber(places, header.get("bufferViews", [])))


def _renumber(places: list[tuple[dict, str]], items: list) -> list:
    """Those of `items` that are referred to; the references, (dict, key) each, are changed to their new numbers."""
    used = sorted({place[key] for place, key in places})
    new = {old: number for number, old in enumerate(used)}
    for place, key in places:
        place[key] = new[place[key]]
    return [items[old] for old in used]


def _accessor_references(header: dict[str, Any]) -> Iterator[tuple[dict, str]]:
    for mesh in header.get("meshes", []):
        for part in mesh["primitives"]:
            yield from ((part["attributes"], name) for name in part["attributes"])
            if "indices" in part:
                yield part, "indices"


def _view_references(header: dict[str, Any]) -> Iterator[tuple[dict, str]]:
    for accessor in header.get("accessors", []):
        sparse = accessor.get("sparse", {})
        yield from ((part, "bufferView") for part in (accessor, *sparse.values()) if _refers(part))
    yield from ((image, "bufferView") for image in header.get("images", []) if "bufferView" in image)


def _refers(part: Any) -> bool:
    return isinstance(part, dict) and "bufferView" in part
