"""The noise that is added to a clip before a prior denoises it.

Every noise is `noise(shape, generator, cameras, times) -> Tensor` of shape (B, C, V, h, w), standard normal, for this
rank's B views: what differs from view to view is drawn by `distributed.draw_sharded`, or is a function of the cameras.
`ViewConsistentNoise` is that of the paper's second version (Sec. 3.3).
"""

from dataclasses import dataclass, replace
from functools import lru_cache

import torch
from torch import Generator, Tensor
from torch.nn.functional import normalize

from to4d.distributed import draw_sharded
from to4d.errors import InputError
from to4d.geometry import pixel_rays
from to4d.latent_frames import to_latent_frames
from to4d.types import Cameras, Rays

MODES = ("paper", "swapped", "next_anchor")


@dataclass(frozen=True)
class RandomNoise:
    """Independent at every step."""

    def __call__(self, shape: torch.Size, generator: Generator, cameras: Cameras, times: Tensor) -> Tensor:
        """(B, C, V, h, w)."""
        return draw_sharded(torch.randn, shape, generator)


@dataclass(frozen=True)
class ViewConsistentNoise:
    """A function of camera and times, the same at every step; nearby views share the noise of a sphere.

    S is the view of a sphere around the object, each of whose faces has one number a frame and channel; S^ is an image
    of noise, the same for all views. With tau_i = t_i - i/V, the time since frame i's anchor:

        paper        sqrt(1 - tau) S^_i + sqrt(tau) S_i, as Eq. 4 is printed. tau is below 1/V, so it is nearly all S^,
                     which is no more consistent over views than any fixed image.
        swapped      sqrt(1 - tau) S_i + sqrt(tau) S^_i: what the text around Eq. 4 says.
        next_anchor  sqrt(1 - V tau) S_i + sqrt(V tau) S_(i+1): continuous in time, and so not independent from frame to
                     frame: neighbours have an anchor in common.

    A pixel without a face, or with a face that another pixel has already, takes S^ for S and for the result: so all
    pixels of a frame are independent and have variance 1, exactly. `seed` is the only randomness. With temporally
    compressed latents, a latent frame has an anchor of its own and the mean tau of its frames.

    Args of the constructor:
        mode: one of these.
        level: of the sphere, an icosahedron whose 20 faces are cut in four this many times.
        radius: of the sphere, relative to the cameras' distance; 0.48 fills an image of 40 degrees.
        seed: of the noise.
    """

    mode: str = "swapped"
    level: int = 5
    radius: float = 0.48
    seed: int = 0

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise InputError(f"noise.mode is {self.mode!r}; choose one of {', '.join(MODES)}, or noise=random")
        if not 0.0 < self.radius < 1.0:
            raise InputError(f"noise.radius={self.radius} must be in (0, 1): the cameras stand outside of the sphere")

    def __call__(self, shape: torch.Size, generator: Generator, cameras: Cameras, times: Tensor) -> Tensor:
        """(B, C, V, h, w) on the CPU; `generator` is not used."""
        views, channels, frames, *size = shape
        faces, image = noise_tables(self.seed, self.level, (frames, channels, *size))
        latent_cameras = replace(cameras.to(torch.device("cpu")), size=tuple(size), offset=None)
        shown = unique_faces(latent_cameras, self.radius, self.level)
        visible = (shown >= 0)[:, None, None]  # (B, 1, 1, h, w)
        sphere = faces[shown].permute(0, 3, 4, 1, 2)  # (B, V + 1, C, h, w)
        sphere = torch.where(visible, sphere, image)
        mixed = self.mix(sphere, image, anchor_progress(times.cpu(), frames).view(-1, 1, 1, 1), len(times))
        noise = mixed if self.mode == "next_anchor" else torch.where(visible, mixed, image[:-1])
        return noise.transpose(1, 2)

    def mix(self, sphere: Tensor, image: Tensor, since: Tensor, clip_frames: int) -> Tensor:
        """Noise of the sphere (B, V + 1, C, h, w) and of the image (V + 1, C, h, w), and V tau -> (B, V, C, h, w)."""
        if self.mode == "next_anchor":
            return (1.0 - since).sqrt() * sphere[:, :-1] + since.sqrt() * sphere[:, 1:]
        tau = since / clip_frames
        sphere, image = sphere[:, :-1], image[:-1]
        first, second = (image, sphere) if self.mode == "paper" else (sphere, image)
        return (1.0 - tau).sqrt() * first + tau.sqrt() * second


def anchor_progress(times: Tensor, frames: int) -> Tensor:
    """V tau (frames,) of times (V,): the progress of each frame to the next anchor, averaged over latent frames."""
    since = (times * len(times) - torch.arange(len(times))).clamp(0.0, 1.0)
    return to_latent_frames(since[None], frames)[0]


@lru_cache(maxsize=2)
def noise_tables(seed: int, level: int, shape: tuple[int, int, int, int]) -> tuple[Tensor, Tensor]:
    """Noise of the sphere's faces (faces, V + 1, C), and of the image (V + 1, C, h, w), for (V, C, h, w)."""
    frames, channels, height, width = shape
    generator = torch.Generator().manual_seed(seed)
    faces = torch.randn(20 * 4**level, frames + 1, channels, generator=generator)
    return faces, torch.randn(frames + 1, channels, height, width, generator=generator)


def unique_faces(cameras: Cameras, radius: float, level: int) -> Tensor:
    """The face in each pixel, (B, H, W); -1 where there is none, or one that a pixel before it has."""
    rays = pixel_rays(cameras)
    points, hit = sphere_hits(Rays(normalize(rays.origins, dim=-1), rays.directions), radius)
    faces = torch.where(hit, face_index(points, level), -1).flatten(1)
    order = faces.argsort(dim=1, stable=True)
    sorted_faces = faces.gather(1, order)
    again = torch.zeros_like(hit).flatten(1)
    again[:, 1:] = sorted_faces[:, 1:] == sorted_faces[:, :-1]
    return faces.masked_fill(torch.zeros_like(again).scatter(1, order, again), -1).view(hit.shape)


def sphere_hits(rays: Rays, radius: float) -> tuple[Tensor, Tensor]:
    """First intersections of rays from outside with a sphere about the origin: directions (..., 3), hits (...)."""
    along = (rays.origins * rays.directions).sum(-1)
    inside_root = along**2 - (rays.origins**2).sum(-1) + radius**2
    distance = -along - inside_root.clamp_min(0.0).sqrt()
    return normalize(rays.origins + distance[..., None] * rays.directions, dim=-1), inside_root >= 0.0


def icosahedron() -> Tensor:
    """(20, 3, 3) corners, of unit length."""
    golden = (1.0 + 5.0**0.5) / 2.0
    flat = torch.tensor([[0.0, a, b * golden] for a in (-1.0, 1.0) for b in (-1.0, 1.0)])
    corners = torch.cat([flat, flat.roll(1, 1), flat.roll(2, 1)])  # edges have length 2
    near = (torch.cdist(corners, corners) - 2.0).abs() < 1e-3
    triples = torch.combinations(torch.arange(12), 3)
    a, b, c = triples.T
    return normalize(corners[triples[near[a, b] & near[b, c] & near[c, a]]], dim=-1)


def face_index(directions: Tensor, level: int) -> Tensor:
    """The face of the sphere's mesh that a unit direction (..., 3) goes through, in [0, 20 * 4^level)."""
    base = icosahedron()
    face = (directions @ base.mean(1).T).argmax(-1)
    corners = base[face]  # (..., 3 corners, 3)
    for _ in range(level):
        a, b, c = corners.unbind(-2)
        ab, bc, ca = (normalize(x, dim=-1) for x in (a + b, b + c, c + a))
        children = ((ab, bc, ca), (a, ab, ca), (ab, b, bc), (ca, bc, c))
        cuts = ((ca, ab, a), (ab, bc, b), (bc, ca, c))  # a child at a corner lies beyond the cut, on the corner's side
        beyond = torch.stack([on_same_side(directions, *cut) for cut in cuts], -1)
        child = torch.where(beyond.any(-1), 1 + beyond.int().argmax(-1), 0)
        stacked = torch.stack([torch.stack(corners, -2) for corners in children], -3)
        corners = stacked.gather(-3, child[..., None, None, None].expand(*child.shape, 1, 3, 3)).squeeze(-3)
        face = 4 * face + child
    return face


def on_same_side(directions: Tensor, first: Tensor, second: Tensor, corner: Tensor) -> Tensor:
    """Whether a direction lies on the corner's side of the plane through the origin and two points."""
    plane = torch.linalg.cross(first, second)
    return (directions * plane).sum(-1) * (corner * plane).sum(-1) > 0.0
