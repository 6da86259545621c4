"""The data that flows between parts, and what a part must do. Read this file first.

Shape letters, used all over the project:

    B     views in a batch        V     frames in a clip
    H, W  image pixels            h, w  latent pixels
    N     points or rays          L     prompt tokens           Q     tokens of the first frame
    M     triangles               C     latent channels

World axes are right-handed, y up. The object is centred and fits in a sphere (radius 0.55 by default) inside the
field's box [-1, 1]^3. Azimuth 0 looks at the front (+z), azimuth 90 degrees at the object from +x.
Images are channel-last floats in [0, 1], sRGB and unlit, over white. Angles are radians, unless a name ends in `_deg`.
Time runs over [0, 1); t = 0 is the input object and frame i of a clip stands at about i/V.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol

import torch
from torch import Generator, Tensor, nn

NEGATIVE_PROMPT, IMAGE_SCALE, LOOKS = "negative prompts", "a guidance of the image alone", "attention layer by layer"
RELIEF, VIEW = "the relief of the first frame", "where the camera stands"
SEVERAL = "several priors by turns"


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

    def each(self, change: Callable[[Tensor], Tensor]) -> "Cameras":
        """The cameras whose tensors (B, ...) are changed so."""
        offset = None if self.offset is None else change(self.offset)
        return Cameras(change(self.pose), change(self.fov), self.size, offset)


@dataclass(frozen=True)
class Rays:
    """Rays from a camera centre; `directions` have unit length."""

    origins: Tensor  # (..., 3)
    directions: Tensor  # (..., 3)


@dataclass(frozen=True)
class Render:
    """What a renderer sees, at any leading shape: (B,) for stills, (B, V) for clips."""

    rgb: Tensor  # (..., H, W, 3) over a white background
    opacity: Tensor  # (..., H, W, 1)
    depth: Tensor  # (..., H, W, 1) along the ray, weighted by opacity: 0 where nothing is
    normal: Tensor | None = None  # (..., H, W, 3) world axes, weighted by opacity; None where not asked for
    relief: Tensor | None = None  # (..., H, W, 1) see `to4d.geometry.relief`; None where not asked for
    azimuth_deg: Tensor | None = None  # (B,) of the cameras; None where not asked for

    def __post_init__(self) -> None:
        for name, channels in (("rgb", 3), ("opacity", 1), ("depth", 1), ("normal", 3), ("relief", 1)):
            if getattr(self, name) is not None:
                check_shape(f"Render.{name}", getattr(self, name), (*self.rgb.shape[:-1], channels))

    def at(self, frame: int) -> "Render":
        """The still at `frame` of a clip: (B, V, H, W, c) -> (B, H, W, c)."""
        normal = None if self.normal is None else self.normal[:, frame]
        return Render(self.rgb[:, frame], self.opacity[:, frame], self.depth[:, frame], normal)


@dataclass(frozen=True)
class Prompt:
    """What should happen, and the word(s) in it that name the object."""

    text: str
    noun: str
    negative: str = ""  # what should not; guidance leads away from it


@dataclass(frozen=True)
class Look:
    """Where one layer of a prior's network looked: shares of its attention, mean over heads, at its own resolution."""

    noun: Tensor  # (B, V, h', w') to the words that name the object, of all words
    image: Tensor  # (B, V, Q, h', w') to each token of the first frame: they add up to 1


@dataclass(frozen=True)
class Denoised:
    """A prior's guess of the clean clip behind a noised one."""

    clean: Tensor  # (B, C, V, h, w)
    attention: Tensor | None  # (B, V, h, w) cross-attention to the noun, maximum 1 per clip; None: it has none
    flow: Tensor | None = None  # (B, V, 3, h, w) if the prior knows it: see `Score.flow`
    looks: tuple[Look, ...] = ()  # of all its layers, in the network's order, if the prior tells
    forward: Tensor | None = None  # (B, V, 3, h, w) if the prior knows it: see `Score.forward`


@dataclass(frozen=True)
class Score:
    """One opinion of the prior on a clip, in the prior's own latent space."""

    latents: Tensor  # (B, C, V, h, w), attached to the render
    clean: Tensor  # (B, C, V, h, w), detached: the prior's guess of the clip
    gradient: Tensor  # (B, C, V, h, w), detached: what to subtract from the latents, times w(t)
    attention: Tensor | None  # (B, V, h, w) to the prompt's noun, in [0, 1]
    opacity: Tensor  # (B, V, h, w) of the clip, detached, pooled to latent pixels
    timestep: int  # of the prior's schedule, for the log
    flow: Tensor | None = None  # (B, V, 3, h, w) to each place's source in frame 0, image units (right, down, near)
    looks: tuple[Look, ...] = ()  # see `Denoised.looks`
    forward: Tensor | None = None  # (B, V, 3, h, w) to where each place of frame 0 has gone
    cameras: Cameras | None = None  # that saw the clip


@dataclass(frozen=True)
class Scene:
    """The only thing that outlives a phase: the object, its 4D double, the wish, and who knows how things move."""

    reference: nn.Module  # (cameras, times) -> Render of the input mesh
    renderer: nn.Module  # (cameras, times) -> Render of the 4D model, which is `renderer.field`
    prompt: Prompt
    prior: nn.Module | None = None  # a `Prior`; None where no phase needs one


class Field(Protocol):
    """A 4D radiance field over [-1, 1]^3 x [0, 1), an nn.Module."""

    def __call__(self, points: Tensor, times: Tensor) -> tuple[Tensor, Tensor]:
        """(N, 3), (N,) -> density (N,), rgb (N, 3)."""

    def density(self, points: Tensor, times: Tensor) -> Tensor:
        """(N, 3), (N,) -> (N,)."""

    def start_from(self, points: Tensor) -> None:
        """Be empty away from these points (N, 3) of the surface, before anything is learnt."""

    def regularizer(self) -> Tensor:
        """A scalar that is large where motion is rough; 0 where the model has none."""

    def param_groups(self, static: float, dynamic: float, heads: float) -> list[dict[str, Any]]:
        """The optimizer's groups with a learning rate for each kind; a kind at rate 0 is left out (frozen)."""


class Renderer(Protocol):
    """Looks at the 4D model `field`, an nn.Module. What looks at the mesh is called so too, but for the generator."""

    field: Field
    occupancy: nn.Module  # where the field may be: see `to4d.render.occupancy`

    def start_from(self, points: Tensor) -> None:
        """Be empty away from these points (N, 3) of the surface, before anything is learnt."""

    def __call__(
        self, cameras: Cameras, times: Tensor, normals: bool = True, generator: Generator | None = None
    ) -> Render:
        """(B cameras), (V,) -> Render with leading shape (B, V); `generator` shifts samples along their rays."""


class Prior(Protocol):
    """An image-to-video diffusion model, frozen, an nn.Module. `alpha_bar[t]` is the signal share of step t.

    Its latents may have fewer frames than its clips, V = 1 + r (v - 1): then they are the V of what `denoise` returns.

    `abilities` names what it can beyond that (none, if it is left out); a part that asks for more says so in `needs`:
    NEGATIVE_PROMPT reads `Prompt.negative`, IMAGE_SCALE takes `image_scale` in `denoise`, LOOKS fills `Denoised.looks`,
    RELIEF takes `relief` (B, H, W, 1) in `condition`: what is known of the shape, for those who can use it. VIEW takes
    `azimuth_deg` (B,) there: 0 looks at the front. SEVERAL has `parts`, priors by name.
    """

    abilities: frozenset[str]
    alpha_bar: Tensor  # (T,) falling from near 1 to near 0
    frames: int  # V

    def encode(self, frames: Tensor) -> Tensor:
        """(B, V, H, W, 3) in [0, 1] -> latents (B, C, V, h, w), differentiable."""

    def decode(self, latents: Tensor) -> Tensor:
        """(B, C, V, h, w) -> (B, V, H, W, 3) in [0, 1]."""

    def condition(self, still: Tensor, prompt: Prompt) -> Any:
        """First frame (B, H, W, 3) and prompt -> whatever `denoise` needs; computed once a camera."""

    def unknown_words(self, text: str) -> list[tuple[str, str]]:
        """Words of a prompt that the prior has never seen, each with the nearest that it knows."""

    def denoise(
        self, noisy: Tensor, t: int, condition: Any, guidance_scale: float, image_scale: float | None = None
    ) -> Denoised:
        """z_t (B, C, V, h, w) at step t -> x0; guidance_scale 1 is the conditional prediction (usual CFG).

        With `image_scale`, the guidance of words (`guidance_scale`) and that of the image are apart:
        p_0 + image_scale (p_i - p_0) + guidance_scale (p_c - p_i), where p_i knows the image and not the words.
        """


class Exporter(Protocol):
    """Writes files of a trained scene below a folder.

    A subclass inherits what most do: it is called before the metrics, and has nothing to combine.
    """

    after_metrics: ClassVar[bool] = False  # call it last: it reads metrics.json and what other exporters wrote

    def __call__(self, scene: Scene, out: Path) -> dict[str, Any] | None:
        """Write below `out`; returns figures for metrics.json, `export/<quantity>`, if it has any."""
        ...

    def combine(self, scenes: Sequence[Scene], out: Path) -> dict[str, Any]:
        """Write one file of several scenes of one mesh, a clip for each; returns figures. {}: the format has none."""
        return {}


def generator_at(seed: int, step: int, stream: str = "") -> torch.Generator:
    """The random numbers of one step, on the CPU: a resumed run, or one on another device, draws the same.

    Args:
        seed: of the run.
        step: of the phase.
        stream: who asks (a phase's name), so that two phases do not repeat each other's cameras.
    """
    digest = hashlib.blake2b(f"{seed}/{stream}/{step}".encode(), digest_size=8).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest, "little") >> 1)
