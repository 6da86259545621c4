"""The judge of the prior's samples: the classifier of `scorer.py`, trained once for a data folder.

Its clips are of the training objects, but other clips than the prior's, and look as samples do: half of them went
through the prior's codec, which is soft and knows nothing of motion, and some are noisy.
"""

from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch

from to4d.guidance.mini.codec import PatchCodec
from to4d.guidance.mini.data.dataset import load
from to4d.guidance.mini.scorer import KINDS, Plan, Scorer, load_scorer, save_scorer, train_scorer
from to4d.guidance.mini.tracker import Seen, joined, look

SEED, CLIPS = 1, 8000  # of the clips that it is trained on; the prior's have seed 0
BLOCK = 64  # clips a task


def as_samples_look(frames: np.ndarray, codec: PatchCodec, rng: np.random.Generator) -> np.ndarray:
    """A clip (V, S, S, 3) in [0, 1], perhaps as soft as the codec makes it, and perhaps noisy."""
    if rng.uniform() < 0.5:
        latents = codec.encode(torch.from_numpy(frames))
        grain = rng.uniform(0.0, 0.25) * rng.standard_normal(latents.shape) * (rng.uniform() < 0.6)
        frames = codec.decode(latents + torch.from_numpy(grain).float()).clamp(0.0, 1.0).numpy()
    if rng.uniform() < 0.3:
        frames = frames + rng.uniform(0.0, 0.03) * rng.standard_normal(frames.shape)
    return frames.astype(np.float32)


def watch_rough(frames: np.ndarray, first: int, codec: PatchCodec) -> Seen:
    """What a tracker sees of clips (N, V, S, S, 3) of bytes that look as samples do; `first` is their first row."""
    parts = []
    for row, clip in enumerate(frames, start=first):
        floats = clip.astype(np.float32) / np.float32(255.0)
        parts.append(look(as_samples_look(floats, codec, np.random.default_rng([3, row]))))
    return joined(parts)


def watch_all(frames: np.ndarray, codec: PatchCodec, processes: int = 2) -> Seen:
    """The same for many clips; about a twentieth of a second of CPU time each."""
    starts = range(0, len(frames), BLOCK)
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        blocks = [frames[start : start + BLOCK] for start in starts]
        return joined(pool.map(partial(watch_rough, codec=codec), blocks, starts))


def judge(folder: Path, codec: PatchCodec) -> Scorer:
    """The classifier of a data folder, trained first if it is not there."""
    path = folder / "scorer.safetensors"
    if not path.exists():
        clips = load(folder, "train", SEED, CLIPS)
        rows = np.array([row for row, kind in enumerate(clips.kind) if kind in KINDS])
        seen = watch_all(clips.frames, codec)[torch.from_numpy(rows)]
        save_scorer(train_scorer(seen, [clips.kind[row] for row in rows], Plan()), path)
    return load_scorer(path)
