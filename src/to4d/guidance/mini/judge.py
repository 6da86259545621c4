"""Train the judge of motions on the data engine's clips: `python -m to4d.guidance.mini.judge --data DIR`.

Its clips are of the training objects, but others than the prior's, and look as samples do: half of them went through
the prior's codec, which is soft and knows nothing of motion, and some are noisy. The prior is never trained against it,
and `to4d.judge` that uses it knows nothing of the prior.
"""

import argparse
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch

from to4d.guidance.mini.codec import PatchCodec
from to4d.guidance.mini.data.dataset import load
from to4d.guidance.mini.prior import MiniPrior
from to4d.judge.scorer import KINDS, Plan, save_scorer, train_scorer
from to4d.judge.tracker import Seen, joined, look

SEED, CLIPS = 1, 8000  # of the clips; no training of the prior has this seed
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


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="where the clips are kept; the weights go there too")
    folder = parser.parse_args().data
    clips = load(folder, "train", SEED, CLIPS)
    rows = np.array([row for row, kind in enumerate(clips.kind) if kind in KINDS])
    seen = watch_all(clips.frames, MiniPrior().net.codec)[torch.from_numpy(rows)]
    save_scorer(train_scorer(seen, [clips.kind[row] for row in rows], Plan()), folder / "judge.safetensors")
    print(f"weights in {folder / 'judge.safetensors'}")


if __name__ == "__main__":
    main()
