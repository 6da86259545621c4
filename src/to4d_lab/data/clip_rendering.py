"""One training clip from one number: object, caption, motion, camera, light -> frames, opacity and backward flow."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.random import Generator

from to4d.geometry import orbit, project
from to4d.kernels.raster import box_filter, rasterize
from to4d_lab.data.actions import draw_action, perform, possible
from to4d_lab.data.captions import draw_caption
from to4d_lab.data.coloured import ColouredMesh
from to4d_lab.data.objects import Subject, draw_subject
from to4d_lab.data.style import draw_style

FRAMES, SIZE, FINE, GRID = 16, 64, 2, 16  # GRID: opacity and flow are kept at the latents' resolution
FOV_DEG, DISTANCE = (27.0, 42.0), 3.0
TURNS = ("spin", "twist")


@dataclass(frozen=True)
class Clip:
    """Frames over their background, with what the training supervises."""

    frames: np.ndarray  # (V, S, S, 3) uint8
    opacity: np.ndarray  # (V, 16, 16) in [0, 1]
    flow: np.ndarray  # (V, 16, 16, 3) where the surface seen here was in frame 0, minus here; image units
    forward: np.ndarray  # (V, 16, 16, 3) where the surface that frame 0 shows here has gone, minus here
    relief: np.ndarray  # (16, 16) of frame 0, see `to4d.geometry.relief`
    labels: "ClipLabels"


@dataclass(frozen=True)
class ClipLabels:
    """What is known of a clip besides its pictures."""

    text: str
    noun: str
    kind: str
    stride: float  # motion time between frames, 1 is ordinary; the caption does not say
    azimuth_deg: float  # of the camera; 0 sees the front, whichever way the motion goes


@dataclass(frozen=True)
class View:
    """Camera, background and light of a clip."""

    azimuth_deg: float
    elevation_deg: float
    distance: float
    fov_deg: float
    background: np.ndarray  # (3,)
    light: np.ndarray  # (3,) direction to the light
    ambient: float  # 1 is unlit


def draw_view(rng: Generator) -> View:
    """A random camera on the orbit; white background about half of the time, unlit 5 times in 10."""
    background = np.ones(3) if rng.uniform() < 0.55 else rng.uniform(0.0, 1.0, 3 if rng.uniform() < 0.5 else 1)
    light = rng.uniform([-0.7, 0.3, -0.7], [0.7, 1.0, 0.7])
    return View(
        azimuth_deg=rng.uniform(-180.0, 180.0),
        elevation_deg=rng.uniform(-10.0, 30.0),
        distance=DISTANCE * rng.uniform(0.9, 1.1),
        fov_deg=rng.uniform(*FOV_DEG),
        background=np.broadcast_to(background, 3),
        light=light / np.linalg.norm(light),
        ambient=1.0 if rng.uniform() < 0.5 else rng.uniform(0.55, 0.9),
    )


def _normals(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Area-weighted vertex normals of one pose, (N, 3)."""
    a, b, c = (vertices[faces[:, j]] for j in range(3))
    face = np.cross(b - a, c - a)
    columns = [sum(np.bincount(faces[:, j], face[:, k], len(vertices)) for j in range(3)) for k in range(3)]
    normals = np.stack(columns, -1)
    return normals / (np.linalg.norm(normals, axis=-1, keepdims=True) + 1e-12)


def _shade(mesh: ColouredMesh, moved: np.ndarray, view: View) -> np.ndarray:
    """Lit colours (V, N, 3)."""
    if view.ambient == 1.0:
        return np.broadcast_to(mesh.colors, moved.shape)
    facing = np.stack([_normals(pose, mesh.faces) @ view.light for pose in moved]).clip(0.0)
    return mesh.colors * (view.ambient + (1.0 - view.ambient) * facing)[..., None]


def render(mesh: ColouredMesh, moved: np.ndarray, view: View) -> tuple[np.ndarray, ...]:
    """Frames (V, S, S, 3) in [0, 1], opacity (V, S, S, 1), and three times places (V, S, S, 3).

    The three are: where what shows was in frame 0, where it is now, and where what shows in frame 0 is now. Places are
    (right, down, towards the camera) in image units: [-1, 1]^2, and 0 in the plane through the origin.
    """
    fine = SIZE * FINE
    camera = orbit(torch.tensor([view.azimuth_deg]), view.elevation_deg, view.distance, view.fov_deg, (fine, fine))
    points = torch.from_numpy(moved.astype(np.float32))
    pixels = project(points, camera)[0].numpy()
    back, eye = camera.pose[0, :3, 2].numpy(), camera.pose[0, :3, 3].numpy()
    depth = (eye - moved.astype(np.float32)) @ back
    relief = (eye @ back - depth) / (view.distance * np.tan(0.5 * np.deg2rad(view.fov_deg)))
    everywhere = np.concatenate([pixels * (2.0 / fine) - 1.0, relief[..., None]], -1)
    first = np.broadcast_to(everywhere[:1], everywhere.shape)
    attributes = np.concatenate([_shade(mesh, moved, view), first, everywhere[..., 2:]], -1)
    screen = np.concatenate([pixels, depth[..., None]], -1)
    image, z = rasterize(screen, mesh.faces, attributes, fine)
    covered = np.isfinite(z)[..., None].astype(np.float32)
    small = box_filter(np.concatenate([image, covered], -1), FINE)
    opacity, places = small[..., 7:], small[..., 3:7] / np.maximum(small[..., 7:], 1e-6)
    line = (np.arange(SIZE) + 0.5) * (2.0 / SIZE) - 1.0
    grid = np.broadcast_to(np.stack(np.meshgrid(line, line), -1), (*opacity.shape[:3], 2))
    paths, _ = rasterize(screen[:1], mesh.faces, everywhere.swapaxes(0, 1).reshape(1, len(mesh.vertices), -1), fine)
    paths = (box_filter(paths, FINE)[0] / np.maximum(opacity[0], 1e-6)).reshape(SIZE, SIZE, -1, 3)
    here = np.concatenate([grid, places[..., 3:]], -1)
    colours = small[..., :3] + view.background * (1.0 - opacity)
    return colours, opacity, places[..., :3], here, paths.transpose(2, 0, 1, 3)


def pooled(opacity: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """On the latents' grid: opacity (V, 16, 16), and its means of (V, S, S, c), 0 where nothing is."""
    small = box_filter(np.concatenate([values * opacity, opacity], -1), SIZE // GRID)
    return small[..., -1], small[..., :-1] / np.maximum(small[..., -1:], 1e-3)


def make_clip(mesh: ColouredMesh, moved: np.ndarray, view: View, labels: ClipLabels) -> Clip:
    """Render one clip of a mesh whose vertices go through (V, N, 3)."""
    frames, opacity, source, here, paths = render(mesh, moved, view)
    _, forward = pooled(np.broadcast_to(opacity[:1], opacity.shape), paths - here[:1])
    opacity, means = pooled(opacity, np.concatenate([source - here, here[..., 2:]], -1))
    frames = (frames * 255.0 + 0.5).clip(0, 255).astype(np.uint8)
    return Clip(frames, opacity, means[..., :3], forward, means[0, ..., 3], labels)


def leaning(rng: Generator, kind: str, sign: float) -> float:
    """The sign of a motion; turns about the vertical go counterclockwise (from above) 17 times in 20.

    Which way a round thing turns hardly shows in so small a clip; who has to guess should guess the same in every view.
    """
    return 1.0 if kind in TURNS and rng.uniform() < 0.25 else sign


def draw_clips(
    rng: Generator,
    real: Mapping[str, Subject],
    held_out: bool = False,
    kind: str | None = None,
    signs: tuple[float, ...] = (1.0,),
) -> list[Clip]:
    """A random clip once for each of `signs` of its motion; `kind` fixes what it shows, and then the object fits it."""
    subject = draw_subject(rng, real, held_out)
    while kind is not None and all(action.kind != kind for action in possible(subject)):
        subject = draw_subject(rng, real, held_out)
    action, view = draw_action(rng, subject, kind), draw_view(rng)
    caption = draw_caption(rng, action.kind, subject.nouns, held_out)
    stride = float(rng.choice([0.5, 0.75, 1.0, 1.0, 1.0, 1.0, 1.25, 1.5]))
    style = draw_style(rng, caption.amplitude, caption.speed * stride)
    labels, radius, seed = (
        ClipLabels(caption.text, caption.noun, action.kind, stride, view.azimuth_deg),
        rng.uniform(0.45, 0.65),
        rng.integers(2**31),
    )
    lean = leaning(np.random.default_rng([seed, 1]), action.kind, style.sign)
    clips = []
    for sign in signs:
        own = replace(style, sign=sign * lean)
        moved = perform(action, subject, np.random.default_rng(seed), np.arange(FRAMES) / FRAMES, own, radius)
        clips.append(make_clip(subject.mesh, moved, view, labels))
    return clips
