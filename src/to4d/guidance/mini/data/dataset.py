"""Many clips on disk: made once by a few processes, the same for any number of processes, then read as arrays."""

import json
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from numpy.lib.format import open_memmap
from numpy.random import Generator

from to4d.guidance.mini.data.assets import load_assets
from to4d.guidance.mini.data.captions import draw_caption
from to4d.guidance.mini.data.clips import (
    FRAMES,
    GRID,
    SIZE,
    Clip,
    draw_clip,
    draw_view,
    lateral_heading,
    make_clip,
)
from to4d.guidance.mini.data.objects import draw_object, normalised
from to4d.guidance.mini.data.shapes import ColouredMesh
from to4d.guidance.mini.data.style import draw_style

Draw = Callable[[Generator, dict[str, ColouredMesh]], list[Clip]]
BLOCK = 25  # draws a task; small, so that two processes end together
SIGNED = ("sway", "rock", "shake", "fall", "nod", "twist", "spin", "stretch", "pulse")  # kinds with an opposite


@dataclass(frozen=True)
class ClipSet:
    """Clips as arrays, one row a clip."""

    frames: np.ndarray  # (N, V, S, S, 3) uint8
    opacity: np.ndarray  # (N, V, 16, 16) float16
    flow: np.ndarray  # (N, V, 16, 16, 2) float16
    text: list[str]
    noun: list[str]
    kind: list[str]
    speed: np.ndarray  # (N,) float32

    def __len__(self) -> int:
        return len(self.text)


def draw_train(rng: Generator, real: dict[str, ColouredMesh]) -> list[Clip]:
    """One clip for training."""
    return [draw_clip(rng, real)]


def draw_validation(rng: Generator, real: dict[str, ColouredMesh]) -> list[Clip]:
    """One clip of a held-out object."""
    return [draw_clip(rng, real, held_out=True)]


def draw_pair(rng: Generator, real: dict[str, ColouredMesh]) -> list[Clip]:
    """Two clips of one held-out object, view and caption, with opposite sign: only the frames can tell them apart."""
    mesh, nouns = draw_object(rng, real, held_out=True)
    kind = SIGNED[rng.integers(len(SIGNED))]
    caption, view = draw_caption(rng, kind, nouns), draw_view(rng)
    mesh = normalised(mesh, rng.uniform(0.5, 0.7))
    style = draw_style(rng, caption.amplitude, 1.0, lateral_heading(view.azimuth_deg))
    styles = (style, replace(style, sign=-style.sign))
    return [make_clip(mesh, kind, each, view, caption.text, caption.noun) for each in styles]


DRAWS: dict[str, tuple[Draw, int, bool]] = {  # name -> what to draw, clips a draw, held-out objects
    "train": (draw_train, 1, False),
    "validation": (draw_validation, 1, True),
    "pairs": (draw_pair, 2, True),
}


def _open(folder: Path, count: int, mode: str) -> dict[str, np.ndarray]:
    shapes = {
        "frames": ((count, FRAMES, SIZE, SIZE, 3), np.uint8),
        "opacity": ((count, FRAMES, GRID, GRID), np.float16),
        "flow": ((count, FRAMES, GRID, GRID, 2), np.float16),
    }
    return {
        name: open_memmap(folder / f"{name}.npy", mode=mode, dtype=dtype, shape=shape)
        for name, (shape, dtype) in shapes.items()
    }


def _fill(folder: Path, split: str, seed: int, start: int, stop: int) -> list[dict]:
    """Draws `start` to `stop` of a split: frames to disk, words as a list."""
    draw, each, held_out = DRAWS[split]
    real, words = load_assets(held_out), []
    arrays = {name: np.load(folder / f"{name}.npy", mmap_mode="r+") for name in ("frames", "opacity", "flow")}
    for index in range(start, stop):
        for offset, clip in enumerate(draw(np.random.default_rng([seed, list(DRAWS).index(split), index]), real)):
            for name, array in arrays.items():
                array[index * each + offset] = getattr(clip, name)
            words.append({"text": clip.text, "noun": clip.noun, "kind": clip.kind, "speed": clip.speed})
    return words


def generate(folder: Path, split: str, seed: int, draws: int, processes: int = 2) -> None:
    """Make a split of the data set in `folder`/`split`, unless a finished one is there."""
    folder = folder / f"{split}-{seed}-{draws}"
    if (folder / "words.json").exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    _open(folder, draws * DRAWS[split][1], "w+")
    starts = range(0, draws, max(BLOCK, -(-draws // (8 * processes))))
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        tasks = [pool.submit(_fill, folder, split, seed, start, min(start + starts.step, draws)) for start in starts]
        words = [word for task in tasks for word in task.result()]
    (folder / "words.json").write_text(json.dumps(words))


def load(folder: Path, split: str, seed: int, draws: int, processes: int = 2) -> ClipSet:
    """A split of the data set, made first if need be. `draws` counts pairs where the split holds pairs."""
    generate(folder, split, seed, draws, processes)
    folder = folder / f"{split}-{seed}-{draws}"
    words = json.loads((folder / "words.json").read_text())
    frames, opacity, flow = (np.load(folder / f"{name}.npy", mmap_mode="r") for name in ("frames", "opacity", "flow"))
    speed = np.array([word["speed"] for word in words], np.float32)
    return ClipSet(frames, opacity, flow, *([word[key] for word in words] for key in ("text", "noun", "kind")), speed)
