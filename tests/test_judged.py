"""The motion classifier as a metric: how often it is right, and what it says of a clip."""

import numpy as np
import pytest
import torch
from torch import Tensor

from to4d.metrics.judged import KINDS_OF_CHECK, judged
from to4d.metrics.motion_classifier.classifier import KINDS, classify, load_classifier
from to4d.metrics.motion_classifier.tracking import track_clips
from to4d_lab.data.dataset import draw_train
from to4d_lab.data.object_motions import MOTIONS


@pytest.fixture(scope="module")
def clips() -> tuple[np.ndarray, list[str]]:
    """Frames (N, 16, 64, 64, 3) of procedural objects that no training saw, and their kinds."""
    drawn = [draw_train(np.random.default_rng([77, index]), {})[0] for index in range(160)]
    known = [clip for clip in drawn if clip.labels.kind in KINDS]
    return np.stack([clip.frames for clip in known]), [clip.labels.kind for clip in known]


def test_the_classifier_knows_every_motion_of_whole_objects():
    assert set(KINDS) == set(MOTIONS)
    assert KINDS_OF_CHECK["jumping"] == ("bounce", "jump")
    assert "walking" not in KINDS_OF_CHECK


def test_the_shipped_classifier_is_right_on_clips_that_it_never_saw(clips):
    frames, kinds = clips
    right = np.mean(
        [found == kind for found, kind in zip(classify(load_classifier(), track_clips(frames)), kinds, strict=True)]
    )
    assert len(kinds) > 80 and right > 0.85


def views(clips: tuple[np.ndarray, list[str]], kind: str) -> Tensor:
    """The clips of a kind at the size of the metrics, as if they were views."""
    frames = torch.from_numpy(clips[0][[each == kind for each in clips[1]]]).float() / 255.0
    return frames.repeat_interleave(2, 2).repeat_interleave(2, 3)


def test_views_that_show_the_motion_count(clips):
    shown = views(clips, "jump")
    names = [f"{number:03d}" for number in range(len(shown))]
    own, other = judged(shown, "jumping", names), judged(shown, "growing", names)
    assert own["judged_views"] == sum(own[f"judged/{name}"] in ("jump", "bounce") for name in names)
    assert own["judged_views"] > 0.7 * len(shown) > other["judged_views"]
    assert own["judged"] > 0.6 > 0.2 > other["judged"]


def test_what_it_can_not_judge_has_no_number(clips):
    shown = views(clips, "jump")[:1]
    assert judged(shown, "walking", ["000"])["judged"] is None
    assert judged(shown, "walking", ["000"])["judged/000"] in KINDS
    assert judged(shown[:, :8], "jumping", ["000"]) == {"judged": None, "judged_views": None, "judged/000": None}
