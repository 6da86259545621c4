r"""Do files with skeletons of their own come back as they were, with a clip that everyone plays alike? A row a file.

    make setup-tools
    python bench/skeletons.py --out DIR FILE ...

Each joint that has a role swings by a sine, the root travels; no training.

    kept      nodes, meshes, skins, materials, textures, scenes and clips, names among them: equal in the JSON or not
    arrays    the bytes of all arrays and textures: equal or not
    old       the most that a vertex is off in old clips, as a share of the size
    rest      the same of the pose at rest
    pose      the same of the new clip, from inverse bind matrices and the world maps of the joints
    model     root mean square distance of the new clip from the model's own skinning (export/skin_error)
    errors    of the validator of Khronos, beyond those of the input; so are warnings
    blender, three    the most that a vertex is off in Blender and in three.js from where our player has it

Finished files are kept: the command resumes.
"""

import argparse
import json
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
from three_view import tests

from to4d.errors import InputError
from to4d.export.gltf.exporter import Glb
from to4d.gltf.animation import Animation, load_animation
from to4d.gltf.arrays import read_arrays
from to4d.mesh import load_mesh
from to4d.mesh.read import Limits
from to4d.rig.own.read import read_own_rig
from to4d.types import Prompt

blender, browser, khronos, rigged_field, threejs = map(
    tests, ("blender", "browser", "khronos", "rigged_field", "threejs")
)
CLIP, FRAMES, FPS = "swinging in a test", 24, 24.0
SHOWN = (0, 5, 11, 17, 23)
KEPT = ("nodes", "meshes", "skins", "materials", "textures", "samplers", "scenes", "scene", "cameras", "extensions")
CHECKS = ("joints", "clips", "kept", "arrays", "old", "rest", "pose", "model", "errors", "warnings")
COLUMNS = (*CHECKS, "blender", "three", "seconds")


def inspect(path: Path, out: Path, page: object | None) -> dict:
    """Export one file with a scripted motion, and ask all of the asset."""
    start, mesh = time.process_time(), load_mesh(path)
    rig = read_own_rig(mesh)
    if rig is None:
        return {"note": "no skin"}
    field = rigged_field.Rigged(mesh, rig, degrees=20.0)
    field.moving[[role == "other" for role in rig.roles]] = 0.0
    scene = SimpleNamespace(
        prompt=Prompt(CLIP, "thing"),
        reference=SimpleNamespace(mesh=mesh),
        renderer=SimpleNamespace(field=field),
    )
    figures = Glb(frames=FRAMES, fps=FPS)(scene, out)
    row = {"joints": len(rig.nodes), "model": figures["export/skin_error"]}
    row["seconds"] = round(time.process_time() - start, 2)
    asset = out / "asset.glb"
    return row | kept(path, asset) | poses(path, asset, field) | issues(path, asset) | viewers(asset, page)


def kept(source: Path, asset: Path) -> dict:
    """Whether all that the file had is there."""
    before, after = (read_arrays(path, Limits()) for path in (source, asset))
    old, new = before.header, after.header
    clips = len(old.get("animations", ()))
    same = all(old.get(key) == new.get(key) for key in KEPT)
    same &= new["animations"][:clips] == old.get("animations", []) and len(new["animations"]) == clips + 1
    arrays = [before[n].tobytes() == after[n].tobytes() for n in range(len(old.get("accessors", ())))]
    views = [image["bufferView"] for image in old.get("images", ()) if "bufferView" in image]
    pictures = [_view(before, number) == _view(after, number) for number in views]
    return {"kept": same, "arrays": all(arrays + pictures), "clips": clips}


def _view(arrays: object, number: int) -> bytes:
    """The bytes of a buffer view."""
    view = arrays.header["bufferViews"][number]
    start = view.get("byteOffset", 0)
    return arrays.buffers[view["buffer"]][start : start + view["byteLength"]]


def poses(source: Path, asset: Path, field: object) -> dict:
    """How far rest, old clips and the new clip are from what they should be."""
    before, after = load_animation(source), load_animation(asset)
    size = np.linalg.norm(np.ptp(before.vertices(), axis=0))
    pairs = zip(before.clips, after.clips, strict=False)
    old = [_gap(_played(before, a), _played(after, b)) for a, b in pairs]
    new = list(after.clips)[-1]
    wanted = [rigged_field.posed_input(source, field, frame / FRAMES) for frame in SHOWN]
    got = after.poses(new, np.array(SHOWN) / FPS)
    return {
        "old": max(old, default=0.0) / size,
        "rest": _gap(before.vertices(), after.vertices()) / size,
        "pose": _gap(np.stack(wanted), got) / size,
    }


def _played(animation: Animation, clip: str) -> np.ndarray:
    return animation.poses(clip, np.linspace(0.0, animation.duration(clip), 4))


def _gap(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.linalg.norm(a - b, axis=-1).max())


def issues(source: Path, asset: Path) -> dict:
    """Errors and warnings beyond those of the input."""
    before, after = khronos.issues(source), khronos.issues(asset)
    return {kind: after[key] - before[key] for kind, key in (("errors", "numErrors"), ("warnings", "numWarnings"))}


def viewers(asset: Path, page: object | None) -> dict:
    """How far what Blender and three.js show is from what our player shows."""
    animation = load_animation(asset)
    gaps = {"blender": blender.miss(asset, CLIP)[0] if blender.READY else None}
    if page is not None:
        seconds = np.array(SHOWN) / FPS
        theirs, ours = threejs.poses(page, asset, CLIP, seconds), animation.poses(CLIP, seconds)
        gaps["three"] = blender.apart(theirs, ours)
    return gaps


def shown(row: dict) -> str:
    """A row of the table."""
    if "note" in row:
        return row["note"]
    cells = [row.get(key) for key in COLUMNS]
    return " ".join(f"{x:9.1e}" if isinstance(x, float) and 0 < x < 0.01 else f"{x!s:>9}" for x in cells)


def main() -> None:
    """Print a row a file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    print(f"{'':40}", *(f"{name:>9}" for name in COLUMNS))
    arguments.out.mkdir(parents=True, exist_ok=True)
    with browser.Browser(arguments.out / "profile") as page:
        for path in arguments.files:
            found = arguments.out / path.stem / "row.json"
            if not found.exists():
                found.parent.mkdir(exist_ok=True)
                try:
                    row = inspect(path, found.parent, page)
                except InputError as error:
                    row = {"note": str(error)}
                found.write_text(json.dumps(row))
            print(f"{path.stem:40}", shown(json.loads(found.read_text())), flush=True)


if __name__ == "__main__":
    main()
