"""Every part of DynamiCrafter answers as the official code does: as it once did (golden), and as it does now."""

import hashlib
import sys

import pytest
import torch
from dynamicrafter_answers import expected, golden, ours, thinned
from upstream_lvdm import (
    difference,
)

from to4d.errors import InputError
from to4d.guidance.dynamicrafter.official_checkpoint import COPY
from to4d.guidance.dynamicrafter.prior import DynamiCrafter

NAMES = sorted(golden())
KEYS = {"256": "dda89232a5219036", "512": "a162d72a3871e9e7", "1024": "a162d72a3871e9e7"}  # digests of keys and shapes


@pytest.fixture(scope="module")
def mine():
    return ours()


def digest(shapes):
    return hashlib.sha256("\n".join(f"{name} {shapes[name]}" for name in sorted(shapes)).encode()).hexdigest()[:16]


def count(shapes, prefix):
    return sum(torch.Size(shape).numel() for name, shape in shapes.items() if name.startswith(prefix))


@pytest.mark.parametrize("name", NAMES)
def test_answers_are_those_the_official_code_gave(mine, name):
    kept = golden()[name]
    assert kept.count_nonzero() > 0
    assert difference(thinned(mine[name]), kept) < 1e-4


def test_no_question_is_left_out(mine):
    assert set(mine) == set(NAMES)


@pytest.mark.parametrize("size", ["256", "512", "1024"])
def test_the_full_model_has_the_official_parameters(size):
    shapes = expected(size)
    assert count(shapes, "model.diffusion_model.") == 1_438_854_996 - (0 if size == "256" else 16)
    assert count(shapes, "first_stage_model.") == 83_653_863
    assert count(shapes, "image_proj_model.") == 48_787_456
    assert count(shapes, "cond_stage_model.model.") == 354_032_641
    assert count(shapes, "cond_stage_model.model.transformer.") == 302_309_376
    assert count(shapes, "embedder.model.visual.") == 632_076_800
    assert count(shapes, COPY) == 632_076_800 + 354_032_641 - 302_309_376
    assert digest(shapes) == KEYS[size]


def test_without_the_official_code_its_u_net_cannot_be_had(monkeypatch):
    monkeypatch.setitem(sys.modules, "lvdm", None)
    monkeypatch.setitem(sys.modules, "lvdm.modules.networks.openaimodel3d", None)
    with pytest.raises(InputError, match="implementation=ours"):
        DynamiCrafter("tiny", implementation="lvdm")
