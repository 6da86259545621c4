"""Real meshes for the training clips, from the folder that the environment variable TO4D_DATA names.

The folder holds one directory a model and a MANIFEST.json (slug, category, primary file, up axis). Meshes are reduced
to about 3000 triangles with colours at vertices: enough for images of 64 x 64.
"""

import json
import os
from pathlib import Path

import numpy as np
import trimesh

from to4d.guidance.mini.data.shapes import ColouredMesh

HELD_OUT = (  # never trained on: the acceptance objects of the project and one of each family
    "gso_mario",
    "gso_hand_bell",
    "gso_unicorn",
    "gso_lion",
    "q_houseplant",
    "fox",
    "sunflower",
    "kaykit_candle_triple",
)
NOUNS = {
    "gso_mario": ("mario",),
    "gso_hand_bell": ("bell", "hand bell"),
    "gso_unicorn": ("unicorn",),
    "gso_lion": ("lion",),
    "q_houseplant": ("plant", "potted plant"),
    "fox": ("fox",),
    "sunflower": ("sunflower",),
    "kaykit_candle_triple": ("candle", "candles"),
    "gso_yoshi": ("yoshi", "dinosaur"),
    "gso_spiderman": ("spiderman", "hero"),
    "gso_tmnt_raphael": ("turtle", "ninja turtle"),
    "gso_android_panda": ("panda", "android"),
    "gso_rhino": ("rhino",),
    "gso_bald_eagle": ("eagle", "bird"),
    "gso_two_headed_dragon": ("dragon",),
    "gso_dino3": ("dinosaur",),
    "gso_therizinosaurus": ("dinosaur",),
    "gso_orca": ("orca", "whale"),
    "gso_turboprop": ("airplane", "plane"),
    "gso_bunny_racer": ("bunny", "rabbit"),
    "gso_train_porter": ("train", "locomotive"),
    "gso_dollhouse_lamp": ("lamp",),
    "gso_mini_excavator": ("excavator", "digger"),
    "kaykit_knight": ("knight",),
    "kaykit_mage": ("mage", "wizard"),
    "q_mech_george": ("robot", "mech"),
    "q_horse": ("horse",),
    "q_frog": ("frog",),
    "q_manta_ray": ("manta ray", "ray"),
    "q_snake": ("snake",),
    "robot_expressive": ("robot",),
    "kenney_platformer_hero": ("character", "hero"),
    "vintage_fan": ("fan",),
    "apple": ("apple", "fruit"),
    "spot_cow": ("cow",),
    "twisty_tree": ("tree",),
    "kaykit_jackolantern": ("pumpkin", "jackolantern"),
    "kaykit_lantern_standing": ("lantern",),
    "kaykit_burger": ("burger", "hamburger"),
    "q_tomato_growth": ("tomato", "tomato plant"),
}
MAX_FACES = 3000


def manifest() -> list[dict]:
    """The entries of TO4D_DATA's manifest; empty where the variable is not set."""
    folder = os.environ.get("TO4D_DATA")
    return json.loads((Path(folder) / "MANIFEST.json").read_text()) if folder else []


def cluster(mesh: ColouredMesh, cells: int) -> ColouredMesh:
    """Merge all vertices that share a cell of a grid with `cells` along the longest side; colours are averaged."""
    low, extent = mesh.vertices.min(0), np.ptp(mesh.vertices, axis=0).max()
    cell = np.minimum(((mesh.vertices - low) / extent * cells).astype(np.int64), cells - 1)
    _, number = np.unique(cell @ [1, cells, cells * cells], return_inverse=True)
    count = np.bincount(number)[:, None]
    merged = [
        np.stack([np.bincount(number, column) for column in values.T], -1) / count
        for values in (mesh.vertices, mesh.colors)
    ]
    faces = number[mesh.faces]
    a, b, c = faces.T
    faces = faces[(a != b) & (b != c) & (c != a)]
    _, first = np.unique(np.sort(faces, 1), axis=0, return_index=True)
    return ColouredMesh(merged[0], faces[np.sort(first)], merged[1])


def reduced(mesh: ColouredMesh) -> ColouredMesh:
    """The finest clustering of `mesh` with at most `MAX_FACES` triangles, or the mesh itself if it is small."""
    cells = 96
    result = mesh
    while len(result.faces) > MAX_FACES:
        result = cluster(mesh, cells)
        cells = int(cells * 0.85)
    return result


def _vertex_colors(part: trimesh.Trimesh) -> np.ndarray:
    """(N, 3) sRGB of one mesh: its texture, vertex colours or material colour."""
    visual = part.visual
    if visual.kind == "texture":
        material = visual.material
        image = getattr(material, "baseColorTexture", None) or getattr(material, "image", None)
        rgba = material.to_color(visual.uv) if image is not None and visual.uv is not None else material.main_color
    else:
        rgba = visual.vertex_colors
    return np.broadcast_to(np.asarray(rgba, float)[..., :3] / 255.0, (len(part.vertices), 3))


def load_asset(entry: dict) -> ColouredMesh:
    """One model of the manifest, y up, in its own units."""
    scene = trimesh.load(Path(os.environ["TO4D_DATA"]) / entry["slug"] / entry["primary"], process=False)
    parts = scene.dump() if isinstance(scene, trimesh.Scene) else [scene]
    parts = [part for part in parts if isinstance(part, trimesh.Trimesh) and len(part.faces)]
    offsets = np.cumsum([0] + [len(part.vertices) for part in parts])
    vertices = np.concatenate([part.vertices for part in parts])
    if entry["up_axis"] == "+Z":
        vertices = vertices[:, [0, 2, 1]] * [1.0, 1.0, -1.0]
    faces = np.concatenate([part.faces + offset for part, offset in zip(parts, offsets, strict=False)])
    return reduced(ColouredMesh(vertices, faces, np.concatenate([_vertex_colors(part) for part in parts])))


def load_assets(held_out: bool) -> dict[str, ColouredMesh]:
    """Slug -> mesh, either the models for training or those of `HELD_OUT`."""
    return {e["slug"]: load_asset(e) for e in manifest() if (e["slug"] in HELD_OUT) == held_out}
