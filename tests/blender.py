"""What Blender's own importer makes of assets: `python tests/blender.py outputs/robot/asset.glb ...`

It needs Blender as a Python module (bpy: some 400 MB, for one version of Python), which `make setup-tools` installs.
Blender plays the file in a process of its own; what it shows is compared with our own player of clips.
"""

import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

import numpy as np

READY = find_spec("bpy") is not None
MISSING = "needs bpy, which is for one version of Python: make setup-tools"
FRAMES = 5


def play(path: Path, out: Path, clip: str) -> None:
    """In Blender: import a file, play a clip, and write where vertices are, (F, N, 3) in the file's axes.

    Of a file with several clips, Blender keeps each as a track of the same name at everything that it moves.
    """
    import bpy

    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.ops.import_scene.gltf(filepath=str(path))
    scene, actions = bpy.context.scene, bpy.data.actions
    own = bpy.data.collections.get("glTF_not_exported")  # what it draws bones with
    things = [thing for thing in scene.objects if thing.type == "MESH" and not (own and thing.name in own.objects)]
    tracks = [(owner, track) for owner in animated(scene) for track in owner.animation_data.nla_tracks]
    for owner in {owner for owner, _ in tracks}:
        owner.animation_data.action = None
    for owner, track in tracks:
        if track.name == clip:
            owner.animation_data.action = track.strips[0].action
            owner.animation_data.action_slot = track.strips[0].action_slot
    playing = [owner.animation_data.action for owner in animated(scene) if owner.animation_data.action]
    last = max(action.frame_range[1] for action in playing)
    frames, poses = np.linspace(0, last, FRAMES).round().astype(int), []
    for frame in frames:
        scene.frame_set(int(frame))
        graph = bpy.context.evaluated_depsgraph_get()
        poses.append(np.concatenate([world(thing.evaluated_get(graph)) for thing in things]))
    materials = sorted(material.name for material in bpy.data.materials)
    clips = sorted({track.name for _, track in tracks} or {action.name for action in actions})
    np.savez(out, seconds=frames / scene.render.fps, poses=poses, materials=materials, clips=clips)


def animated(scene: object) -> list:
    """All that a clip can move: objects and their shapes."""
    owners = [*scene.objects, *(thing.data.shape_keys for thing in scene.objects if thing.type == "MESH")]
    return [owner for owner in owners if owner is not None and owner.animation_data is not None]


def world(thing: object) -> np.ndarray:
    """(N, 3) vertices of an object of Blender, whose z is up, in glTF's axes."""
    local = np.empty(3 * len(thing.data.vertices), np.float32)
    thing.data.vertices.foreach_get("co", local)
    matrix = np.array(thing.matrix_world)
    points = local.reshape(-1, 3) @ matrix[:3, :3].T + matrix[:3, 3]
    return np.stack([points[:, 0], points[:, 2], -points[:, 1]], -1)


def imported(path: Path, clip: str) -> dict:
    """What `play` writes: `seconds` (F,), `poses` (F, N, 3), `materials`, `clips`."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "played.npz"
        command = [sys.executable, __file__, "--play", str(path), str(out), clip]
        subprocess.run(command, check=True, capture_output=True)
        return dict(np.load(out))


def miss(path: Path, clip: str | None = None) -> tuple[float, float, list[str]]:
    """How far what Blender shows of a clip is from our player's at most, and how far it moves; as shares of the size.

    Also the names of its clips.
    """
    from to4d.gltf.animation import load_animation

    animation = load_animation(path)
    clip = clip or list(animation.clips)[-1]
    played = imported(path, clip)
    ours = animation.poses(clip, played["seconds"])
    moved = np.linalg.norm(ours - ours[:1], axis=-1).max() / np.linalg.norm(np.ptp(ours[0], axis=0))
    return apart(played["poses"], ours), float(moved), played["clips"].tolist()


def apart(theirs: np.ndarray, ours: np.ndarray) -> float:
    """How far vertices in two players, (V, N, 3) and (V, M, 3), are from each other at most, as a share of the size.

    They are recognised by where they are at all times, whatever their order.
    """
    from scipy.spatial import KDTree

    a, b = (np.concatenate(list(each), -1) for each in (theirs, ours))
    gap = max(KDTree(x).query(y)[0].max() for x, y in ((a, b), (b, a)))
    return float(gap / np.linalg.norm(np.ptp(ours[0], axis=0)))


def main() -> None:
    """Print a line a file; fail if Blender shows one otherwise than we do."""
    if sys.argv[1:2] == ["--play"]:
        play(Path(sys.argv[2]), Path(sys.argv[3]), sys.argv[4])
        return
    if not READY:
        sys.exit(MISSING)
    found = {name: miss(Path(name)) for name in sys.argv[1:]}
    for name, (gap, moved, clips) in found.items():
        print(f"{name}: off by {gap:.1e} of its size, moves by {moved:.2f}, clips {', '.join(clips)}")
    sys.exit(any(gap > 1e-5 for gap, _, _ in found.values()))


if __name__ == "__main__":
    main()
