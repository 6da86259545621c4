"""Clips of the data engine as the embedded prior's training and its figures take them."""

import numpy as np

from to4d.guidance.mini.prior import MiniPrior
from to4d_lab.data.clip_rendering import Clip
from to4d_lab.data.dataset import ARRAYS, ClipSet
from to4d_lab.mini.batches import Batch, make_batch, tokenise


def clip_set(clips: list[Clip]) -> ClipSet:
    """Clips as arrays."""
    arrays = (np.stack([getattr(clip, name) for clip in clips]) for name in ARRAYS)
    words = ([getattr(clip.labels, name) for clip in clips] for name in ("text", "noun", "kind"))
    numbers = (np.array([getattr(clip.labels, name) for clip in clips], "f4") for name in ("stride", "azimuth_deg"))
    return ClipSet(*arrays, *words, *numbers)


def batch_of(prior: MiniPrior, clips: ClipSet) -> Batch:
    """All of them."""
    return make_batch(clips, tokenise(clips, prior.vocabulary), np.arange(len(clips)))
