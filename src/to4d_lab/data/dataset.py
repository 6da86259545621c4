"""Many clips on disk: made once by a few processes, the same for any number of processes, then read as arrays."""

import json
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from numpy.lib.format import open_memmap
from numpy.random import Generator

from to4d.guidance.mini.adapter import ADAPTED_KINDS
from to4d_lab.data.captions import pick
from to4d_lab.data.clip_rendering import FRAMES, GRID, SIZE, Clip, draw_clips
from to4d_lab.data.objects import Subject, load_real

Draw = Callable[[Generator, Mapping[str, Subject]], list[Clip]]
ARRAYS = ("frames", "opacity", "flow", "forward", "relief")
BLOCK = 25  # draws a task; small, so that two processes end together
SIGNED = (
    "sway",
    "rock",
    "shake",
    "fall",
    "nod",
    "twist",
    "spin",
    "stretch",
    "pulse",
    "ripple",
    "wilt",
    "roll",
)  # kinds with an opposite


@dataclass(frozen=True)
class ClipSet:
    """Clips as arrays, one row a clip."""

    frames: np.ndarray  # (N, V, S, S, 3) uint8
    opacity: np.ndarray  # (N, V, 16, 16) float16
    flow: np.ndarray  # (N, V, 16, 16, 3) float16
    forward: np.ndarray  # (N, V, 16, 16, 3) float16
    relief: np.ndarray  # (N, 16, 16) float16
    text: list[str]
    noun: list[str]
    kind: list[str]
    stride: np.ndarray  # (N,) float32
    azimuth_deg: np.ndarray  # (N,) float32

    def __len__(self) -> int:
        return len(self.text)


def draw_train(rng: Generator, real: Mapping[str, Subject]) -> list[Clip]:
    """One clip for training."""
    return draw_clips(rng, real)


def draw_validation(rng: Generator, real: Mapping[str, Subject]) -> list[Clip]:
    """One clip of a held-out object, in held-out words."""
    return draw_clips(rng, real, held_out=True)


def draw_pair(rng: Generator, real: Mapping[str, Subject]) -> list[Clip]:
    """Two clips of one held-out object, view and caption, with opposite sign: only the frames can tell them apart."""
    return draw_clips(rng, real, held_out=True, kind=pick(rng, SIGNED), signs=(1.0, -1.0))


def draw_for_adapter(rng: Generator, real: Mapping[str, Subject]) -> list[Clip]:
    """One clip for the training of the adapter."""
    return draw_clips(rng, real, kind=pick(rng, ADAPTED_KINDS))


DRAWS: dict[str, tuple[Draw, int, bool]] = {  # name -> what to draw, clips a draw, held-out objects
    "train": (draw_train, 1, False),
    "validation": (draw_validation, 1, True),
    "pairs": (draw_pair, 2, True),
    "adapter": (draw_for_adapter, 1, False),
}


def _open(folder: Path, count: int, mode: str) -> dict[str, np.ndarray]:
    shapes = {
        "frames": ((count, FRAMES, SIZE, SIZE, 3), np.uint8),
        "opacity": ((count, FRAMES, GRID, GRID), np.float16),
        "flow": ((count, FRAMES, GRID, GRID, 3), np.float16),
        "forward": ((count, FRAMES, GRID, GRID, 3), np.float16),
        "relief": ((count, GRID, GRID), np.float16),
    }
    return {
        name: open_memmap(folder / f"{name}.npy", mode=mode, dtype=dtype, shape=shape)
        for name, (shape, dtype) in shapes.items()
    }


def _fill(folder: Path, split: str, seed: int, start: int, stop: int) -> list[dict]:
    """Draws `start` to `stop` of a split: frames to disk, words as a list."""
    draw, each, held_out = DRAWS[split]
    real, words = load_real(held_out), []
    arrays = {name: np.load(folder / f"{name}.npy", mmap_mode="r+") for name in ARRAYS}
    for index in range(start, stop):
        for offset, clip in enumerate(draw(np.random.default_rng([seed, list(DRAWS).index(split), index]), real)):
            for name, array in arrays.items():
                array[index * each + offset] = getattr(clip, name)
            words.append(asdict(clip.labels))
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
    arrays = [np.load(folder / f"{name}.npy", mmap_mode="r") for name in ARRAYS]
    texts = ([word[key] for word in words] for key in ("text", "noun", "kind"))
    numbers = (np.array([word[key] for word in words], np.float32) for key in ("stride", "azimuth_deg"))
    return ClipSet(*arrays, *texts, *numbers)
