"""Seconds and memory that a rig takes, from small meshes to two million triangles.

    python bench/found_rig.py [mesh.glb ...]

Without arguments: a horse of capsules at several numbers of triangles. Kernels are compiled first and not counted.
"""

import resource
import sys
import time
from pathlib import Path

import numpy as np

from to4d.mesh import load_mesh
from to4d.rig.found import find_rig

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from capsule_bodies import quadruped


def measure(name: str, vertices: np.ndarray, faces: np.ndarray) -> None:
    """Print one line."""
    wall, cpu = time.perf_counter(), time.process_time()
    rig = find_rig(vertices, faces)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"{name:30s} {len(faces):9,d} triangles  {rig.body:10s} {wall:5.2f} s  {cpu:5.2f} s of CPU  {memory:.2f} GB")


def main(paths: list[str]) -> None:
    """Measure the meshes at `paths`, or the horse."""
    body = quadruped(8)
    find_rig(body.vertices, body.faces)
    for path in paths:
        mesh = load_mesh(path)
        measure(Path(path).name, mesh.vertices.double().numpy(), mesh.faces.numpy())
    for sides in () if paths else (16, 64, 200, 310):
        body = quadruped(sides)
        measure(f"horse with {sides} sides", body.vertices, body.faces)


if __name__ == "__main__":
    main(sys.argv[1:])
