"""The judge of the embedded prior's samples: what its tracker sees, what it learns, and what is reported."""

from collections import Counter

import numpy as np
import pytest
import torch
from torch.nn.functional import interpolate

from to4d.guidance.mini.adherence import confusion, counting, diversity, lines
from to4d.guidance.mini.codec import PatchCodec
from to4d.guidance.mini.judge import as_samples_look, watch_rough
from to4d.guidance.mini.tensors import mapped
from to4d.judge.scorer import Plan, load_scorer, recognised, save_scorer, train_scorer
from to4d.judge.tracker import Seen, joined, look, watch
from to4d.types import generator_at


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


def assert_same(one: Seen, other: Seen, within: float) -> None:
    for name in ("outline", "steps", "tracks", "body"):
        assert (getattr(one, name).float() - getattr(other, name).float()).abs().max() <= within, name


def inside(seen: Seen) -> torch.Tensor:
    return seen.tracks[0, :, :, 2:-2, 2:-2].float().mean((2, 3))


def test_tracks_tell_how_far_the_object_has_gone_in_its_own_size():
    seen = look(textured_box((0.5, -0.25), top=24))
    frames = torch.arange(16.0)
    truth = torch.stack([torch.round(0.5 * frames), torch.round(-0.25 * frames)], 1) / 12.0
    assert (inside(seen) - truth).abs().max() < 0.05


def test_what_is_seen_does_not_depend_on_paint():
    frames = textured_box((0.5, 0.25))
    assert_same(look(frames), look(np.ascontiguousarray(frames[..., [2, 0, 1]])), 0.02)


def test_what_is_seen_does_not_depend_on_where_the_object_stands():
    here, there = (look(textured_box((0.5, 0.0), left, top)) for left, top in ((16, 16), (24, 20)))
    assert (here.outline - there.outline).abs().max() < 0.01
    assert (inside(here) - inside(there)).abs().max() < 0.05


def test_a_mirror_swaps_left_and_right():
    frames = textured_box((0.5, 0.25))
    seen, other = look(frames).mirrored(), look(np.ascontiguousarray(frames[:, :, ::-1]))
    assert (seen.outline - other.outline).abs().max() < 0.01
    assert (inside(seen) - inside(other)).abs().max() < 0.05
    assert_same(seen.mirrored(), look(frames), 0.0)


def test_nothing_to_be_seen_is_no_motion():
    seen = look(np.ones((16, 64, 64, 3), np.float32))
    assert all(getattr(seen, name).abs().max() == 0.0 for name in ("outline", "steps", "tracks", "body"))


def test_bytes_are_seen_as_numbers_are():
    frames = (255.0 * textured_box((0.5, 0.0))).round().astype(np.uint8)
    assert_same(watch(frames[None]), watch(frames[None].astype(np.float32) / 255.0), 0.01)


@pytest.fixture
def codec() -> PatchCodec:
    codec = PatchCodec()
    codec.fit(torch.from_numpy(textured_box((0.7, 0.4))))
    return codec


def test_how_a_clip_is_roughened_depends_on_its_row_alone(codec: PatchCodec):
    frames = np.stack([(255.0 * textured_box((0.1 * i, 0.0))).astype(np.uint8) for i in range(4)])
    parts = joined([watch_rough(frames[:1], 0, codec), watch_rough(frames[1:], 1, codec)])
    assert_same(watch_rough(frames, 0, codec), parts, 0.0)


def test_some_clips_are_roughened_and_some_are_not(codec: PatchCodec):
    frames = textured_box((0.0, 0.0))
    changes = [
        np.abs(as_samples_look(frames, codec, np.random.default_rng(seed)) - frames).mean() for seed in range(12)
    ]
    assert min(changes) == 0.0 < max(changes) < 0.1


def test_the_scorer_learns_motions_and_keeps_them_in_a_file(tmp_path):
    clips = [swinging_box(across, quick) for across in (True, False) for quick in range(4)]
    seen, kinds = joined(look(clip) for clip in clips), ["shake"] * 4 + ["bounce"] * 4
    scorer = train_scorer(seen, kinds, Plan(epochs=30, batch=8))
    assert recognised(scorer, seen) == kinds
    assert recognised(scorer, seen.mirrored()) == kinds
    save_scorer(scorer, tmp_path / "scorer.safetensors")
    again = load_scorer(tmp_path / "scorer.safetensors")
    assert recognised(again, mapped(seen, lambda x: x[:3])) == kinds[:3]


def test_a_kind_that_the_judge_does_not_know_does_not_count():
    truth = {"fly": Counter(fly=9, jump=1), "spin": Counter(spin=8, twist=2)}
    samples = {"fly": Counter(fly=3, still=1), "spin": Counter(twist=4)}
    text = list(lines(truth, samples))
    assert counting(truth) == ["fly"]
    assert "does not count" in next(line for line in text if line.startswith("spin"))
    assert "true clips recognised 90.0%, samples that follow 75.0%" in text[-2]
    assert "true clips recognised 85.0%, samples that follow 37.5%" in text[-1]


def test_every_clip_is_in_the_confusion():
    asked, seen = ["fly", "spin", "fly", "fly"], ["fly", "twist", "jump", "fly"]
    assert confusion(asked, seen) == {"fly": Counter(fly=2, jump=1), "spin": Counter(twist=1)}


def test_only_samples_that_follow_are_diverse():
    clips = torch.rand(3, 2, 4, 4, 4, 3, generator=generator_at(0, 2))
    everyone, first = torch.tensor([True, True]), torch.tensor([True, False])
    assert diversity([clips[0], clips[0]], [everyone, everyone]) == 0.0
    half = torch.cat([clips[0, :1], clips[1, 1:]])
    assert diversity([clips[0], half], [everyone, first]) == 0.0
    assert diversity([clips[0], half], [everyone, everyone]) > 0.3
