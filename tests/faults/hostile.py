"""Files that nobody would write on purpose, each drawn from a number, and the loaders that have to bear them.

A loader returns, or raises `InputError`. All else is a finding: another exception, a crash, a hang, too much memory.
"""

import contextlib
import json
import logging
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from random import Random

import numpy as np
from omegaconf import OmegaConf
from safetensors.torch import save
from samples import TREE, animated, glb, samples

from to4d.disk.checkpoint import SCHEMA, checksum, flatten, load_tree
from to4d.disk.download import unpack
from to4d.errors import InputError
from to4d.gltf import animation as gltf_animation
from to4d.mesh import load_mesh
from to4d.rig.own.clip_maps import clip_maps
from to4d.rig.own.read import read_own_rig
from to4d.runs.settings import read_settings
from to4d.runs.trust import check_parts

NASTY = [0, -1, 1, 2, 3, 255, 65535, 2**31 - 1, 2**31, 2**32, 2**63, 2**64, 10**30, 5_000_000, 1e308, 1e-320, 0.5]
NASTY += [None, True, "", "x", "..", "../../etc/passwd", "data:,", "NaN", float("nan"), float("inf")]
NASTY += [[], {}, [[]], [0] * 40, {"tensor": "0"}, {"dict": [[1]]}, {"_target_": "os.system"}, "${oc.env:HOME}"]
WORDS = [b"nan", b"inf", b"-1", b"1e999", b"99999999999", b"0", b"\0", b"\n", b"/", b"..", b"{", b"[" * 2000]
WORDS += [b"*a", b"&a ", b"a: &b [1]\nc: *b\n"]
WORDS += [b"${oc.env:HOME}", b"!!python/object:os.system", b"f 1 2 3\n" * 50, b"mtllib ../x.mtl\n", b"# \xff\xfe", b'"']


def change_bytes(data: bytes, draw: Random) -> bytes:
    """Some bytes, numbers or slices of a file become others."""
    changed = bytearray(data)
    for _ in range(draw.choice([1, 1, 2, 4, 16])):
        change_once(changed, draw)
    return bytes(changed[: draw.randrange(len(changed) + 1)] if draw.random() < 0.1 else changed)


def change_once(data: bytearray, draw: Random) -> None:
    start, length = draw.randrange(len(data) + 1), draw.choice([1, 2, 4, 8, 64])
    old, new = slice(start, start + length), b""
    numbers, action = list(re.finditer(rb"-?\d[\d.]*", data)), draw.randrange(6)
    if action == 0 and start < len(data):
        old, new = slice(start, start + 1), bytes([data[start] ^ (1 << draw.randrange(8))])
    elif action == 1:
        new = draw.choice([b"\0", b"\xff", b"\x7f", b"\x80"]) * length
    elif action == 2:
        old, new = slice(start, start), bytes(data[draw.randrange(len(data) + 1) :][:length])
    elif action == 3 and numbers:
        old, new = slice(*draw.choice(numbers).span()), str(draw.choice(NASTY)).encode()
    elif action == 4:
        old, new = slice(start, start), draw.choice(WORDS)
    data[old] = new  # else cut out


def change_values(node: object, draw: Random) -> object:
    """JSON in which some values are others, or gone."""
    if draw.random() < 0.02:
        return draw.choice(NASTY)
    if isinstance(node, dict):
        return {key: change_values(value, draw) for key, value in node.items() if draw.random() > 0.01}
    return [change_values(value, draw) for value in node] if isinstance(node, list) else node


def rewritten(name: str, data: bytes, draw: Random) -> bytes | None:
    """The file with other values, as whole as before; None for kinds that have none."""
    if name.endswith(".glb"):
        header, blob = animated()
        return glb(change_values(header, draw), blob)
    if name in ("a.gltf", "config.yaml"):
        return json.dumps(change_values(json.loads(data), draw)).encode()
    if name == "a.safetensors":  # with the checksum that belongs to it
        tensors = {}
        body = json.dumps(change_values(flatten(TREE, tensors), draw))
        return save(tensors, {"schema": SCHEMA, "tree": body, "checksum": checksum(SCHEMA, body, tensors)})
    return None


def read_gltf(path: Path) -> None:
    with contextlib.suppress(InputError):
        load_mesh(path)
    animation = gltf_animation.load_animation(path)
    for clip in animation.clips:
        animation.poses(clip, np.array([0.0, 0.3, 2.0]))


def read_rig(path: Path) -> None:
    mesh = load_mesh(path, up="y", front_deg=0.0)
    rig = read_own_rig(mesh)
    if rig is not None:
        animation = gltf_animation.load_animation(path)
        for clip in animation.clips:
            clip_maps(rig, mesh, animation, clip, np.array([0.0, 0.3, 2.0]))


def read_config(path: Path) -> None:
    check_parts(OmegaConf.to_container(read_settings(path)))


def read_archive(path: Path) -> None:
    folder = path.parent / "unpacked"
    try:
        unpack(path, folder)
        assert not path.parent.parent.joinpath("a.obj").exists(), "outside"
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def read_picture(path: Path) -> None:
    mesh = path.parent / "pictured.obj"
    mesh.write_text("mtllib p.mtl\nv 0 0 0\nv 1 0 0\nv 0 1 0\nvt 0 0\nusemtl m\nf 1/1 2/1 3/1\n")
    (path.parent / "p.mtl").write_text(f"newmtl m\nmap_Kd {path.name}\n")
    load_mesh(mesh)


LOADERS: dict[str, Callable[[Path], object]] = {
    "mesh": load_mesh,
    "gltf": read_gltf,
    "rig": read_rig,
    "config": read_config,
    "checkpoint": load_tree,
    "archive": read_archive,
    "picture": read_picture,
}


class Trial:
    """The inputs of a loader, by number, in a folder of its own."""

    def __init__(self, loader: str, folder: Path) -> None:
        logging.disable(logging.WARNING)
        self.folder, self.load = folder / "in", LOADERS[loader]
        self.folder.mkdir()
        self.files = sorted(samples(self.folder)[loader].items())

    def __call__(self, number: int) -> None:
        """Read one; raises what the loader does that it should not."""
        path = self.write(number)
        with contextlib.suppress(InputError):
            self.load(path)

    def write(self, number: int) -> Path:
        """Make it."""
        draw, (name, data) = Random(number), self.files[number % len(self.files)]
        changed = rewritten(name, data, draw) if draw.random() < 0.6 else None
        path = self.folder / name
        path.write_bytes(change_bytes(data, draw) if changed is None else changed)
        return path
