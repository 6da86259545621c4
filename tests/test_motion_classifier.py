"""The motion classifier: its features do not depend on colour or place, it learns motions, its training clips vary."""

import numpy as np
import pytest
import torch
from torch.nn.functional import interpolate

from to4d.guidance.mini.codec import PatchCodec
from to4d.guidance.mini.tensors import map_tensors
from to4d.metrics.motion_classifier.classifier import classify, load_classifier
from to4d.metrics.motion_classifier.tracking import TrackedClips, concatenate, track_clip, track_clips
from to4d.types import generator_at
from to4d_lab.mini.fitted_parts import fit_axes
from to4d_lab.motion_classifier.train import (
    ClassifierTraining,
    degrade,
    save_classifier,
    track_degraded,
    train_classifier,
)


def textured_box(shift: tuple[float, float], left: int = 20, top: int = 20, side: int = 24) -> np.ndarray:
    """A spotted box on white that goes by `shift` (right, down) pixels from frame to frame: (16, 64, 64, 3)."""
    spots = 0.6 * torch.rand(1, 3, 6, 6, generator=generator_at(0, 0))
    spots = interpolate(spots, size=(side, side), mode="bicubic")[0].permute(1, 2, 0).clamp(0.0, 0.8).numpy()
    frames = np.ones((16, 64, 64, 3), np.float32)
    for number, frame in enumerate(frames):
        x, y = left + round(shift[0] * number), top + round(shift[1] * number)
        frame[y : y + side, x : x + side] = spots
    return frames


def swinging_box(across: bool, quick: int) -> np.ndarray:
    """A box that goes to and fro, sideways or up and down."""
    still = textured_box((0, 0))
    away = np.round(4.0 * np.sin(np.arange(16) * (0.3 + 0.1 * quick))).astype(int)
    return np.stack([np.roll(still[0], d, axis=1 if across else 0) for d in away])


def assert_same(one: TrackedClips, other: TrackedClips, within: float) -> None:
    for name in ("outline", "steps", "tracks", "body"):
        assert (getattr(one, name).float() - getattr(other, name).float()).abs().max() <= within, name


def inside(tracked: TrackedClips) -> torch.Tensor:
    return tracked.tracks[0, :, :, 2:-2, 2:-2].float().mean((2, 3))


def test_tracks_tell_how_far_the_object_has_gone_in_its_own_size():
    tracked = track_clip(textured_box((0.5, -0.25), top=24))
    frames = torch.arange(16.0)
    truth = torch.stack([torch.round(0.5 * frames), torch.round(-0.25 * frames)], 1) / 12.0
    assert (inside(tracked) - truth).abs().max() < 0.05


def test_tracking_does_not_depend_on_colours():
    frames = textured_box((0.5, 0.25))
    assert_same(track_clip(frames), track_clip(np.ascontiguousarray(frames[..., [2, 0, 1]])), 0.02)


def test_tracking_does_not_depend_on_where_the_object_stands():
    here, there = (track_clip(textured_box((0.5, 0.0), left, top)) for left, top in ((16, 16), (24, 20)))
    assert (here.outline - there.outline).abs().max() < 0.01
    assert (inside(here) - inside(there)).abs().max() < 0.05


def test_a_mirror_swaps_left_and_right():
    frames = textured_box((0.5, 0.25))
    tracked, other = track_clip(frames).mirrored(), track_clip(np.ascontiguousarray(frames[:, :, ::-1]))
    assert (tracked.outline - other.outline).abs().max() < 0.01
    assert (inside(tracked) - inside(other)).abs().max() < 0.05
    assert_same(tracked.mirrored(), track_clip(frames), 0.0)


def test_an_empty_clip_has_no_motion():
    tracked = track_clip(np.ones((16, 64, 64, 3), np.float32))
    assert all(getattr(tracked, name).abs().max() == 0.0 for name in ("outline", "steps", "tracks", "body"))


def test_bytes_are_tracked_as_numbers_are():
    frames = (255.0 * textured_box((0.5, 0.0))).round().astype(np.uint8)
    assert_same(track_clips(frames[None]), track_clips(frames[None].astype(np.float32) / 255.0), 0.01)


@pytest.fixture
def codec() -> PatchCodec:
    codec = PatchCodec()
    fit_axes(codec, torch.from_numpy(textured_box((0.7, 0.4))))
    return codec


def test_how_a_clip_is_degraded_depends_on_its_row_alone(codec: PatchCodec):
    frames = np.stack([(255.0 * textured_box((0.1 * i, 0.0))).astype(np.uint8) for i in range(4)])
    parts = concatenate([track_degraded(frames[:1], 0, codec), track_degraded(frames[1:], 1, codec)])
    assert_same(track_degraded(frames, 0, codec), parts, 0.0)


def test_some_clips_are_degraded_and_some_are_not(codec: PatchCodec):
    frames = textured_box((0.0, 0.0))
    changes = [np.abs(degrade(frames, codec, np.random.default_rng(seed)) - frames).mean() for seed in range(12)]
    assert min(changes) == 0.0 < max(changes) < 0.1


def test_the_classifier_learns_motions_and_keeps_them_in_a_file(tmp_path):
    clips = [swinging_box(across, quick) for across in (True, False) for quick in range(4)]
    tracked, kinds = concatenate(track_clip(clip) for clip in clips), ["shake"] * 4 + ["bounce"] * 4
    classifier = train_classifier(tracked, kinds, ClassifierTraining(epochs=30, batch=8))
    assert classify(classifier, tracked) == kinds
    assert classify(classifier, tracked.mirrored()) == kinds
    save_classifier(classifier, tmp_path / "classifier.safetensors")
    again = load_classifier(tmp_path / "classifier.safetensors")
    assert classify(again, map_tensors(tracked, lambda x: x[:3])) == kinds[:3]
