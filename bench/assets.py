r"""Is the exported asset the user's own mesh, and does it play? Objects x prompts, one row each.

    make setup-tools
    TO4D_DATA=... TO4D_THREE=.../three \\
        python bench/assets.py --out DIR [--objects ...] [--motions ...] [setting=value ...]

    rest      largest distance of frame 0 from the input mesh, both ways, as a share of its size
    same      corners (places and texture coordinates), colours and textures of all materials: equal values or not
    errors, warnings    of the validator of Khronos
    PSNR      three.js in headless Chromium against our renders of the moved mesh: mean and least over frames and views
    arap, flips, edges, held    see docs/export.md

Finished cells are kept: the command resumes.
"""

import argparse
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from motion_matrix import animated, parsed
from PIL import Image
from scipy.spatial import cKDTree
from three_view import pictures, tests

from to4d.export.gltf.bake_motion import bake_motion
from to4d.export.gltf.build_document import world_from_asset
from to4d.export.gltf.document_vertices import weld_vertices
from to4d.export.panels import tiles, to_uint8
from to4d.gltf import animation as gltf_animation
from to4d.mesh import load_mesh
from to4d.metrics.identity import psnr
from to4d.protocols import Scene
from to4d.render.mesh_cpu import MeshRenderer
from to4d.runs.run import restore
from to4d.types import Material, Mesh
from to4d.viewpoints import Viewpoints, frame_times, render_views

khronos = tests("khronos")
OBJECTS = [
    *("gso/mario", "gso/unicorn", "gso/lion", "gso/hand_bell", "gso/spiderman"),
    *("data/q_horse", "data/q_frog", "data/q_snake", "data/q_houseplant", "data/robot_expressive"),  # several materials
]
MOTIONS = ["jumping", "growing"]
FRAMES, FPS = 48, 24.0  # of conf/export/glb.yaml
SHOWN = (0, 12, 24, 36, 47)
EXPORT = ("arap_energy", "flipped_triangles", "shortest_edge", "longest_edge", "exploding_triangles", "held_frames")
COLUMNS = ["object", "motion", "check", "materials", "rest", "same", "errors", "warnings", "PSNR", "least", *EXPORT]


def cell(name: str, motion: str, out: Path, settings: list[str]) -> dict:
    """Animate one object, unless that is done, and look at its asset; a row of the table."""
    folder = animated(name, motion, out, settings)
    found = folder / "asset_checks.json"
    if not found.exists():
        found.write_text(json.dumps(inspect(restore(folder), folder / "asset.glb", folder)))
    metrics = json.loads((folder / "metrics.json").read_text())
    row = json.loads(found.read_text()) | {key: metrics[f"export/{key}"] for key in EXPORT}
    return row | {"object": name, "motion": motion, "check": metrics["eval/motion_passed"]}


def inspect(scene: Scene, asset: Path, folder: Path) -> dict:
    """All that is asked of an asset."""
    mesh, issues = scene.reference.mesh, khronos.issues(asset)
    quality = against_ours(scene, asset, folder)
    return {
        "materials": len(mesh.materials),
        "rest": rest_error(mesh, asset),
        "same": same_appearance(mesh, in_world(load_mesh(asset, up="y"), mesh)),
        "errors": issues["numErrors"],
        "warnings": issues["numWarnings"],
        "PSNR": float(quality.mean()),
        "least": float(quality.min()),
    }


def rest_error(mesh: Mesh, asset: Path) -> float:
    """How far vertices of frame 0 are from those of the input and the other way round, as a share of its size."""
    player = gltf_animation.load_animation(asset)
    world = world_from_asset(mesh)
    first = player.poses(next(iter(player.clips)), np.zeros(1))[0] @ world[:3, :3].T + world[:3, 3]
    used = mesh.vertices.double().numpy()[np.unique(mesh.faces.numpy())]
    far = [cKDTree(a).query(b)[0].max() for a, b in ((first, used), (used, first))]
    return float(max(far) / np.linalg.norm(np.ptp(used, axis=0)))


def in_world(asset: Mesh, mesh: Mesh) -> Mesh:
    """A mesh that was read from the asset, where the input stands."""
    way = torch.from_numpy(world_from_asset(mesh)) @ torch.linalg.inv(asset.transform)
    return replace(asset, vertices=(asset.vertices.double() @ way[:3, :3].T + way[:3, 3]).float())


def same_appearance(mesh: Mesh, asset: Mesh) -> bool:
    """Whether each triangle has a twin with its places, texture coordinates, colours, and its material."""
    ours, theirs = corners(mesh), corners(asset)
    far, twin = cKDTree(theirs).query(ours)
    if len(ours) != len(theirs) or far.max() > 1e-4 or cKDTree(ours).query(theirs)[0].max() > 1e-4:
        return False
    pairs = {(int(a), int(b)) for a, b in zip(mesh.material, asset.material[torch.from_numpy(twin)], strict=True)}
    return all(alike(mesh.materials[a], asset.materials[b]) for a, b in pairs)


def corners(mesh: Mesh) -> np.ndarray:
    """(M, 27) what a triangle's corners have."""
    return torch.cat([mesh.vertices[mesh.faces], mesh.uv, mesh.color], -1).flatten(1).double().numpy()


def alike(a: Material, b: Material) -> bool:
    """Whether two materials look the same, to the last bit of their textures."""
    same = (a.texture is None) == (b.texture is None) and (a.texture is None or torch.equal(a.texture, b.texture))
    return same and a.alpha == b.alpha and np.allclose(a.color, b.color, atol=1e-5)


def against_ours(scene: Scene, asset: Path, folder: Path, size: int = 256) -> torch.Tensor:
    """(B, V) PSNR of what the browser shows against our renders of the moved mesh; both are kept as `browser.png`."""
    mesh, cameras = scene.reference.mesh, Viewpoints(size=size).cameras()
    rest = mesh.vertices.double().numpy()
    surface, numbers = weld_vertices(rest, mesh.faces.numpy())
    moves = bake_motion(scene.renderer.field, surface, frame_times(FRAMES), 0.0).moves
    moved = [replace(mesh, vertices=torch.from_numpy(rest + moves[k][numbers]).float()) for k in SHOWN]
    ours = torch.cat([render_views(MeshRenderer(each), cameras, torch.zeros(1)).rgb for each in moved], 1)
    theirs = pictures(asset, world_from_asset(mesh), cameras, [k / FPS for k in SHOWN])
    rows = torch.stack([theirs, ours], 1).flatten(0, 1)
    Image.fromarray(to_uint8(tiles(rows)).numpy()).save(folder / "browser.png")
    return psnr(theirs, ours)


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--objects", nargs="+", default=OBJECTS)
    parser.add_argument("--motions", nargs="+", default=MOTIONS)
    arguments, settings = parsed(parser)
    print(f"| {' | '.join(COLUMNS)} |\n" + "|---" * len(COLUMNS) + "|", flush=True)
    for name in arguments.objects:
        for motion in arguments.motions:
            row = cell(name, motion, arguments.out.resolve(), settings)
            print("| " + " | ".join(shown(row[key]) for key in COLUMNS) + " |", flush=True)


def shown(value: object) -> str:
    """A figure in three digits."""
    return f"{value:.3g}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    main()
