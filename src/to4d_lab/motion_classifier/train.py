"""Train the motion classifier on the data engine's clips: `python -m to4d_lab.motion_classifier.train --data DIR`.

Its clips are of the training objects, but others than the prior's, and are degraded to look as samples do: half of them
went through the prior's codec, which blurs and knows nothing of motion, and some are noisy. The prior is never trained
against the classifier, and the classifier uses nothing of the prior when it runs.
"""

import argparse
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn.functional import cross_entropy

from to4d.guidance.mini.codec import PatchCodec
from to4d.guidance.mini.prior import MiniPrior
from to4d.metrics.motion_classifier.classifier import KINDS, MotionClassifier, input_features
from to4d.metrics.motion_classifier.tracking import TrackedClips, concatenate, track_clip
from to4d.types import generator_at
from to4d_lab.data.dataset import load

SEED, CLIPS = 1, 8000  # of the clips; no training of the prior has this seed
BLOCK = 64  # clips a task


@dataclass(frozen=True)
class ClassifierTraining:
    """Hyperparameters of the classifier's training."""

    epochs: int = 26
    batch: int = 64
    rate: float = 2e-3
    seed: int = 100


def train_classifier(tracked: TrackedClips, kinds: list[str], config: ClassifierTraining) -> MotionClassifier:
    """Train on clips of `KINDS`, half of them mirrored; prints its progress."""
    torch.manual_seed(config.seed)
    classifier, target = MotionClassifier(), torch.tensor([KINDS.index(kind) for kind in kinds])
    steps = max(1, config.epochs * len(tracked) // config.batch)
    optimizer = torch.optim.AdamW(classifier.parameters(), config.rate, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, config.rate, steps, pct_start=0.15)
    both = input_features(tracked), input_features(tracked.mirrored())
    classifier.train()
    for step in range(steps):
        rng = generator_at(config.seed, step)
        rows = torch.randint(len(tracked), (config.batch,), generator=rng)
        mirrored = torch.rand(config.batch, generator=rng) < 0.5
        inputs = torch.where(mirrored[:, None, None], both[1][rows], both[0][rows])
        logits = classifier(inputs + 0.02 * torch.randn(inputs.shape, generator=rng))
        loss = cross_entropy(logits, target[rows], label_smoothing=0.05)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(classifier.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        if (step + 1) % 500 == 0:
            print(f"classifier {step + 1}/{steps}  loss {loss.item():.3f}", flush=True)
    return classifier.eval().requires_grad_(False)


def save_classifier(classifier: MotionClassifier, path: Path) -> None:
    """Write the weights, in half precision but for statistics."""
    state = {name: value.half() if value.dim() > 1 else value for name, value in classifier.state_dict().items()}
    save_file(state, path)


def degrade(frames: np.ndarray, codec: PatchCodec, rng: np.random.Generator) -> np.ndarray:
    """A clip (V, S, S, 3) in [0, 1], perhaps as soft as the codec makes it, and perhaps noisy."""
    if rng.uniform() < 0.5:
        latents = codec.encode(torch.from_numpy(frames))
        grain = rng.uniform(0.0, 0.25) * rng.standard_normal(latents.shape) * (rng.uniform() < 0.6)
        frames = codec.decode(latents + torch.from_numpy(grain).float()).clamp(0.0, 1.0).numpy()
    if rng.uniform() < 0.3:
        frames = frames + rng.uniform(0.0, 0.03) * rng.standard_normal(frames.shape)
    return frames.astype(np.float32)


def track_degraded(frames: np.ndarray, first: int, codec: PatchCodec) -> TrackedClips:
    """Silhouettes and flow of degraded clips (N, V, S, S, 3) of bytes; `first` is the number of their first row."""
    parts = []
    for row, clip in enumerate(frames, start=first):
        floats = clip.astype(np.float32) / np.float32(255.0)
        parts.append(track_clip(degrade(floats, codec, np.random.default_rng([3, row]))))
    return concatenate(parts)


def track_all(frames: np.ndarray, codec: PatchCodec, processes: int = 2) -> TrackedClips:
    """The same for many clips; about a twentieth of a second of CPU time each."""
    starts = range(0, len(frames), BLOCK)
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        blocks = [frames[start : start + BLOCK] for start in starts]
        return concatenate(pool.map(partial(track_degraded, codec=codec), blocks, starts))


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="where the clips are kept; the weights go there too")
    folder = parser.parse_args().data
    clips = load(folder, "train", SEED, CLIPS)
    rows = np.array([row for row, kind in enumerate(clips.kind) if kind in KINDS])
    tracked = track_all(clips.frames, MiniPrior().net.codec)[torch.from_numpy(rows)]
    save_classifier(
        train_classifier(tracked, [clips.kind[row] for row in rows], ClassifierTraining()),
        folder / "motion_classifier.safetensors",
    )
    print(f"weights in {folder / 'motion_classifier.safetensors'}")


if __name__ == "__main__":
    main()
