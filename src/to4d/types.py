"""The data that flows between parts. Read this file first, then `to4d.protocols`: what a part must do.

Shape letters, used all over the project:

    B     views in a batch        V     frames in a clip
    H, W  image pixels            h, w  latent pixels
    N     points or rays          L     prompt tokens           Q     tokens of the first frame
    M     triangles               C     latent channels
    J     joints of a rig         K     joints that move one vertex

World axes are right-handed, y up. The object is centred and fits in a sphere (radius 0.55 by default) inside the
field's box [-1, 1]^3. Azimuth 0 looks at the front (+z), azimuth 90 degrees at the object from +x.
Images are channel-last floats in [0, 1], sRGB and unlit, over white. Angles are radians, unless a name ends in `_deg`.
Time runs over [0, 1); t = 0 is the input object and frame i of a clip stands at about i/V.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor


def check_shape(name: str, x: Tensor, shape: tuple[int | None, ...]) -> None:
    """Raise if the last axes of `x` are not `shape`; `None` stands for any size."""
    tail = tuple(x.shape[-len(shape) :])
    if len(tail) < len(shape) or any(want not in (None, got) for want, got in zip(shape, tail, strict=True)):
        raise ValueError(f"{name} must end in {shape}, got {tuple(x.shape)}")


@dataclass(frozen=True)
class Material:
    """An unlit surface: its colour is `color` x texture x the mesh's corner colour, multiplied in sRGB."""

    name: str = ""
    color: tuple[float, float, float, float] = (1.0, 1.0, 1.0, 1.0)  # RGBA
    texture: Tensor | None = None  # (h, w, 4) uint8 RGBA, alpha not premultiplied, first row at v = 1
    alpha: Literal["opaque", "mask", "blend"] = "opaque"
    cutoff: float = 0.5  # of `mask`: holes where alpha is below
    double_sided: bool = True  # kept for export; the renderers always show both sides


@dataclass(frozen=True)
class Mesh:
    """The input object in world units, with everything needed to draw it."""

    vertices: Tensor  # (N, 3) float32
    faces: Tensor  # (M, 3) int64, counter-clockwise from outside
    uv: Tensor  # (M, 3, 2) float32 of each corner, u right, v up; repeats beyond [0, 1]
    color: Tensor  # (M, 3, 4) float32 RGBA of each corner
    material: Tensor  # (M,) int64 into `materials`
    materials: tuple[Material, ...]
    transform: Tensor  # (4, 4) float64, from the file's coordinates to the world
    name: str = "mesh"
    noun: str | None = None  # the word that names the object in a prompt, if known
    source: Path | None = None  # the file it came from

    def __post_init__(self) -> None:
        count = len(self.faces)
        check_shape("Mesh.vertices", self.vertices, (3,))
        check_shape("Mesh.uv", self.uv, (count, 3, 2))
        check_shape("Mesh.color", self.color, (count, 3, 4))
        check_shape("Mesh.material", self.material, (count,))

    def content_key(self) -> str:
        """A hash of all that is visible (not of names or paths): equal keys draw equal pictures."""
        digest = hashlib.sha256()
        for x in (self.vertices, self.faces, self.uv, self.color, self.material):
            digest.update(f"{x.dtype}{tuple(x.shape)}".encode() + x.contiguous().numpy().tobytes())
        for m in self.materials:
            shape = None if m.texture is None else tuple(m.texture.shape)
            digest.update(repr((m.color, m.alpha, m.cutoff, shape)).encode())
            digest.update(b"" if m.texture is None else m.texture.contiguous().numpy().tobytes())
        return digest.hexdigest()


BODIES = ("biped", "quadruped", "bird", "fish", "snake", "insect", "stem", "thing")
"""Body classes of rigs. A stem bends as plants and candles do; a thing moves as a whole."""


@dataclass(frozen=True)
class Rig:
    """A skeleton in the rest pose of a mesh, and how much each vertex follows each joint.

    Roles say what a joint moves: `root`, `spine`, `neck`, `head`, `jaw`, `tail`, `stem`, `other`, and with `_L` or `_R`
    (the object's own sides) `leg` and `arm` of bipeds and birds, `hindleg` and `foreleg` of quadrupeds, `leg1` (front)
    to `leg4` of insects, `wing`, `fin`, `ear`. Joints of one role form a chain, in which `ranks` count from the body.
    """

    joints: Tensor  # (J, 3) float32 positions at rest in world units; parents stand before their children
    parents: tuple[int, ...]  # of each joint; -1: the root, which is joint 0
    names: tuple[str, ...]
    roles: tuple[str, ...]
    ranks: tuple[int, ...]  # place in the chain of the role, from 0
    influences: Tensor  # (N, K) int64, the joints that each vertex of the mesh follows
    weights: Tensor  # (N, K) float32 at least 0; rows add up to 1
    body: str  # one of `BODIES`
    confidence: float  # in [0, 1]
    source: Literal["own", "found"]
    nodes: tuple[int, ...] = ()  # of an own rig: the joints' nodes in the glTF file
    rest_offsets: Tensor | None = None  # (N, K, 3) float32 from a vertex to where each of its joints alone puts it at
    # rest, world units; their mean by `weights` is 0. None: the rest pose is the bind pose, and all of them are 0

    def __post_init__(self) -> None:
        count = len(self.parents)
        check_shape("Rig.joints", self.joints, (count, 3))
        check_shape("Rig.weights", self.weights, tuple(self.influences.shape))
        if self.rest_offsets is not None:
            check_shape("Rig.rest_offsets", self.rest_offsets, (*self.influences.shape, 3))
        if any(len(x) != count for x in (self.names, self.roles, self.ranks)):
            raise ValueError("Rig.names, roles and ranks must have one entry for each joint")
        if self.parents[0] != -1 or any(not 0 <= parent < joint for joint, parent in enumerate(self.parents) if joint):
            raise ValueError(f"Rig.parents must begin with the root and name parents before children: {self.parents}")
        if self.body not in BODIES:
            raise ValueError(f"Rig.body must be one of {BODIES}, got {self.body!r}")


@dataclass(frozen=True)
class Cameras:
    """B cameras of one image size, OpenGL axes (x right, y up, looking along -z)."""

    pose: Tensor  # (B, 4, 4) camera to world
    fov: Tensor  # (B,) vertical field of view
    size: tuple[int, int]  # (H, W)
    offset: Tensor | None = None  # (B, 2) shift of every ray in its pixel, (right, down) in pixels; None is the centre

    def __post_init__(self) -> None:
        check_shape("Cameras.pose", self.pose, (4, 4))
        check_shape("Cameras.fov", self.fov, (len(self.pose),))
        if self.offset is not None:
            check_shape("Cameras.offset", self.offset, (len(self.pose), 2))

    def to(self, device: torch.device) -> "Cameras":
        """The same cameras on `device`."""
        offset = None if self.offset is None else self.offset.to(device)
        return Cameras(self.pose.to(device), self.fov.to(device), self.size, offset)

    def map_tensors(self, change: Callable[[Tensor], Tensor]) -> "Cameras":
        """The cameras with `change` applied to every tensor (B, ...)."""
        offset = None if self.offset is None else change(self.offset)
        return Cameras(change(self.pose), change(self.fov), self.size, offset)


@dataclass(frozen=True)
class Rays:
    """Rays from a camera centre; `directions` have unit length."""

    origins: Tensor  # (..., 3)
    directions: Tensor  # (..., 3)


@dataclass(frozen=True)
class Render:
    """Images of a renderer, at any leading shape: (B,) for stills, (B, V) for clips. None: was not requested."""

    rgb: Tensor  # (..., H, W, 3) over a white background
    opacity: Tensor  # (..., H, W, 1)
    depth: Tensor  # (..., H, W, 1) along the ray, weighted by opacity: 0 where nothing is
    normal: Tensor | None = None  # (..., H, W, 3) world axes, weighted by opacity
    relief: Tensor | None = None  # (..., H, W, 1) see `to4d.geometry.relief`
    azimuth_deg: Tensor | None = None  # (B,) of the cameras

    def __post_init__(self) -> None:
        for name, channels in (("rgb", 3), ("opacity", 1), ("depth", 1), ("normal", 3), ("relief", 1)):
            if getattr(self, name) is not None:
                check_shape(f"Render.{name}", getattr(self, name), (*self.rgb.shape[:-1], channels))

    def at(self, frame: int) -> "Render":
        """The still at `frame` of a clip: (B, V, H, W, c) -> (B, H, W, c)."""
        normal = None if self.normal is None else self.normal[:, frame]
        return Render(self.rgb[:, frame], self.opacity[:, frame], self.depth[:, frame], normal)

    def repeat(self, frames: int) -> "Render":
        """A clip of one frame as one of so many that are all alike and share memory."""
        rgb, opacity, depth = (x.expand(-1, frames, -1, -1, -1) for x in (self.rgb, self.opacity, self.depth))
        normal = None if self.normal is None else self.normal.expand(-1, frames, -1, -1, -1)
        return Render(rgb, opacity, depth, normal)


@dataclass(frozen=True)
class Prompt:
    """What should happen, and the word(s) in it that name the object."""

    text: str
    noun: str
    negative: str = ""  # the negative prompt: guidance leads away from it


@dataclass(frozen=True)
class AttentionMaps:
    """Cross-attention probabilities of one layer of a prior's network, mean over heads, at the layer's resolution."""

    noun: Tensor  # (B, V, h', w') to the prompt tokens that name the object
    image: Tensor  # (B, V, Q, h', w') to each token of the first frame: they add up to 1


@dataclass(frozen=True)
class Denoised:
    """A prior's prediction of the clean clip x0 behind a noised one. None and (): the prior does not predict it."""

    clean: Tensor  # (B, C, V, h, w)
    attention: Tensor | None  # (B, V, h, w) cross-attention to the noun, maximum 1 per clip
    backward_flow: Tensor | None = None  # (B, V, 3, h, w) see `Score.backward_flow`
    attention_maps: tuple[AttentionMaps, ...] = ()  # of all layers, in the network's order
    forward_flow: Tensor | None = None  # (B, V, 3, h, w) see `Score.forward_flow`


@dataclass(frozen=True)
class Score:
    """What a distillation step gets from the prior for a clip, in the prior's latent space. Flow is in image units.

    The axes of flow are right, down, towards the camera; an image is 2 units wide and high.
    """

    latents: Tensor  # (B, C, V, h, w), attached to the render
    clean: Tensor  # (B, C, V, h, w), detached: the prior's x0
    gradient: Tensor  # (B, C, V, h, w), detached: what to subtract from the latents, times w(t)
    attention: Tensor | None  # (B, V, h, w) to the prompt's noun, in [0, 1]
    opacity: Tensor  # (B, V, h, w) of the clip, detached, pooled to latent pixels
    timestep: int  # of the prior's schedule, for the log
    backward_flow: Tensor | None = None  # (B, V, 3, h, w) from each pixel of each frame to its source in frame 0
    attention_maps: tuple[AttentionMaps, ...] = ()  # see `Denoised.attention_maps`
    forward_flow: Tensor | None = None  # (B, V, 3, h, w) from each pixel of frame 0 to where it is in each frame
    cameras: Cameras | None = None  # of the clip


def generator_at(seed: int, step: int, stream: str = "") -> torch.Generator:
    """The random generator of one step, on the CPU: a resumed run, or one on another device, draws the same numbers.

    Args:
        seed: of the run.
        step: of the phase.
        stream: a name, such as that of the phase; streams of one step are independent.
    """
    digest = hashlib.blake2b(f"{seed}/{stream}/{step}".encode(), digest_size=8).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest, "little") >> 1)
