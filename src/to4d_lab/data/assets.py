"""Real meshes for the training clips, from the folder that the environment variable TO4D_DATA names.

The folder holds one directory a model and a MANIFEST.json (slug, category, primary file, up axis). Meshes are reduced
to about 3000 triangles with colours at vertices: enough for images of 64 x 64.
"""

import json
import os
from pathlib import Path

import numpy as np
import trimesh
from trimesh.visual import ColorVisuals, TextureVisuals

from to4d.gltf.animation import Animation, load_animation
from to4d.mesh.materials import srgb_from_linear
from to4d_lab.data.coloured import ColouredMesh

HELD_OUT = (  # never trained on: the acceptance objects of the project and one of each family
    "gso_mario",
    "gso_hand_bell",
    "gso_unicorn",
    "gso_lion",
    "gso_rhino",
    "gso_spiderman",
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


def cells_of(vertices: np.ndarray, cells: int) -> np.ndarray:
    """(N,) which group each vertex is in: all that share a cell of a grid with `cells` along the longest side."""
    low, extent = vertices.min(0), np.ptp(vertices, axis=0).max()
    cell = np.minimum(((vertices - low) / extent * cells).astype(np.int64), cells - 1)
    return np.unique(cell @ [1, cells, cells * cells], return_inverse=True)[1]


def averaged(values: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """(..., N, C) -> (..., G, C): the mean over each group."""
    order = np.argsort(groups, kind="stable")
    starts = np.searchsorted(groups[order], np.arange(groups.max() + 1))
    return np.add.reduceat(values[..., order, :], starts, axis=-2) / np.bincount(groups)[:, None]


def merged(mesh: ColouredMesh, groups: np.ndarray) -> ColouredMesh:
    """Each group of vertices becomes one; triangles that collapse or repeat go."""
    faces = groups[mesh.faces]
    a, b, c = faces.T
    faces = faces[(a != b) & (b != c) & (c != a)]
    _, first = np.unique(np.sort(faces, 1), axis=0, return_index=True)
    return ColouredMesh(averaged(mesh.vertices, groups), faces[np.sort(first)], averaged(mesh.colors, groups))


def cluster(mesh: ColouredMesh, cells: int) -> ColouredMesh:
    """Merge all vertices that share a cell of a grid with `cells` along the longest side."""
    return merged(mesh, cells_of(mesh.vertices, cells))


def reduction(mesh: ColouredMesh) -> np.ndarray:
    """(N,) groups of vertices: the finest clustering with at most `MAX_FACES` triangles; each alone if few enough."""
    groups, cells = np.arange(len(mesh.vertices)), 96
    faces = len(mesh.faces)
    while faces > MAX_FACES:
        groups = cells_of(mesh.vertices, cells)
        faces = len(merged(mesh, groups).faces)
        cells = int(cells * 0.85)
    return groups


def reduced(mesh: ColouredMesh) -> ColouredMesh:
    """`mesh` with at most `MAX_FACES` triangles."""
    return merged(mesh, reduction(mesh))


def _vertex_colors(part: trimesh.Trimesh, linear: bool) -> np.ndarray:
    """(N, 3) sRGB of one mesh: texture, colour factor and vertex colours; glTF has the last two `linear`."""
    visual, shape = part.visual, (len(part.vertices), 3)
    tone = srgb_from_linear if linear else np.asarray
    if isinstance(visual, ColorVisuals):
        return np.broadcast_to(tone(visual.vertex_colors[..., :3] / 255.0), shape)
    assert isinstance(visual, TextureVisuals)  # trimesh has no third kind
    material = visual.material
    image = getattr(material, "baseColorTexture", None) or getattr(material, "image", None)
    textured = image is not None and visual.uv is not None
    factor = getattr(material, "baseColorFactor", None) if textured else material.main_color
    colors = np.ones(shape) if factor is None else np.broadcast_to(tone(np.asarray(factor)[:3] / 255.0), shape)
    painted = visual.vertex_attributes.get("color")
    if painted is not None:
        top = np.iinfo(painted.dtype).max if painted.dtype.kind in "ui" else 1.0
        colors = colors * tone(painted[:, :3] / top)
    return colors * material.to_color(visual.uv)[:, :3] / 255.0 if textured else colors


def asset_path(entry: dict) -> Path:
    """Where the model's file is."""
    return Path(os.environ["TO4D_DATA"]) / entry["slug"] / entry["primary"]


def gltf_colors(path: Path, animation: Animation) -> np.ndarray:
    """(N, 3) sRGB at the vertices of an animated file, in its own order."""
    parts = list(trimesh.load_scene(path, process=False).geometry.values())
    numbers = sorted({(piece.mesh, piece.primitive) for piece in animation.primitives})
    colors = dict(zip(numbers, (_vertex_colors(part, True) for part in parts), strict=True))
    return np.concatenate([colors[piece.mesh, piece.primitive] for piece in animation.primitives])


def _load_posed(path: Path) -> ColouredMesh:
    """The rest pose of an animated file, skins included."""
    animation = load_animation(path)
    return ColouredMesh(animation.vertices(), animation.faces, gltf_colors(path, animation))


def _load_still(path: Path) -> ColouredMesh:
    scene = trimesh.load(path, process=False)
    parts = scene.dump() if isinstance(scene, trimesh.Scene) else [scene]
    parts = [part for part in parts if isinstance(part, trimesh.Trimesh) and len(part.faces)]
    offsets = np.cumsum([0] + [len(part.vertices) for part in parts])
    faces = np.concatenate([part.faces + offset for part, offset in zip(parts, offsets, strict=False)])
    vertices = np.concatenate([part.vertices for part in parts])
    linear = path.suffix in (".glb", ".gltf")
    return ColouredMesh(vertices, faces, np.concatenate([_vertex_colors(part, linear) for part in parts]))


def upright(points: np.ndarray, up_axis: str) -> np.ndarray:
    """(..., 3) with y up."""
    return points[..., [0, 2, 1]] * [1.0, 1.0, -1.0] if up_axis == "+Z" else points


def load_whole(entry: dict) -> ColouredMesh:
    """One model of the manifest with all its vertices, y up, in its own units."""
    mesh = (_load_posed if entry["has_animation"] else _load_still)(asset_path(entry))
    return ColouredMesh(upright(mesh.vertices, entry["up_axis"]), mesh.faces, mesh.colors)


def load_asset(entry: dict) -> ColouredMesh:
    """One model of the manifest, reduced, y up, in its own units."""
    return reduced(load_whole(entry))
