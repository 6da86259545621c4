import sys
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parents[1] / "bench"))
import work

from to4d.guidance.dynamicrafter.prior import DynamiCrafter


@pytest.fixture(scope="module")
def meta_prior():
    return work.meta_prior("tiny")


def test_operations_counted_without_values_are_those_of_a_real_run_and_add_up_to_a_step(meta_prior):
    parts = work.work(DynamiCrafter("tiny"))
    assert work.work(meta_prior) == parts
    parts.pop("autoencoder, clip to latents")  # is part of there and back
    assert work.flops(lambda: work.step(meta_prior)) == sum(parts.values())


def test_memory_is_what_is_alive_at_once():
    weight = torch.empty(50, 1000, device="meta")  # was there before

    def call():
        a = torch.empty(1000, device="meta")  # 4,000 bytes
        b = a + 1.0
        del a
        c = b * b  # two alive again
        return weight @ c  # and 200 bytes

    assert work.peak_bytes(call) == 8200


def test_an_autoencoder_in_chunks_needs_less_memory(meta_prior):
    whole = work.peak_bytes(lambda: work.step(meta_prior))
    meta_prior.chunk = 2
    assert 2 * work.peak_bytes(lambda: work.step(meta_prior)) < whole
