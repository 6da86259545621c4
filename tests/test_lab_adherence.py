"""How often samples of the embedded prior follow their captions, by the motion classifier."""

import re
from collections import Counter

import torch

from to4d.types import generator_at
from to4d_lab.mini.adherence import confusion, diversity, lines, reliable_kinds


def test_a_kind_that_the_classifier_does_not_know_does_not_count():
    truth = {"fly": Counter(fly=9, jump=1), "spin": Counter(spin=8, twist=2)}
    samples = {"fly": Counter(fly=3, still=1), "spin": Counter(twist=4)}
    text = list(lines(truth, samples))
    assert reliable_kinds(truth) == ["fly"]
    assert re.findall(r"[\d.]+%", text[-2]) == ["90.0%", "75.0%"] and re.findall(r"[\d.]+%", text[-1]) == [
        "85.0%",
        "37.5%",
    ]


def test_every_clip_is_in_the_confusion():
    asked, answered = ["fly", "spin", "fly", "fly"], ["fly", "twist", "jump", "fly"]
    assert confusion(asked, answered) == {"fly": Counter(fly=2, jump=1), "spin": Counter(twist=1)}


def test_only_samples_that_follow_are_diverse():
    clips = torch.rand(3, 2, 4, 4, 4, 3, generator=generator_at(0, 2))
    everyone, first = torch.tensor([True, True]), torch.tensor([True, False])
    assert diversity([clips[0], clips[0]], [everyone, everyone]) == 0.0
    half = torch.cat([clips[0, :1], clips[1, 1:]])
    assert diversity([clips[0], half], [everyone, first]) == 0.0
    assert diversity([clips[0], half], [everyone, everyone]) > 0.3
