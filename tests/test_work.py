import sys
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parents[1] / "bench"))
import work

from to4d.guidance.dynamicrafter.prior import DynamiCrafter


@pytest.fixture(scope="module")
def real():
    return DynamiCrafter("tiny")


def test_operations_counted_without_values_are_those_of_a_real_run(real):
    assert work.work(work.weightless("tiny")) == work.work(real)


def test_a_step_is_the_sum_of_its_parts(real):
    parts = work.work(real)
    parts.pop("autoencoder, clip to latents")  # part of there and back
    assert work.flops(lambda: work.step(real)) == sum(parts.values())


def test_memory_is_what_is_alive_at_once():
    weight = torch.empty(50, 1000, device="meta")  # was there before

    def call():
        a = torch.empty(1000, device="meta")  # 4,000 bytes
        b = a + 1.0
        del a
        c = b * b  # two alive again
        return weight @ c  # and 200 bytes

    assert work.peak_bytes(call) == 8200


def test_an_autoencoder_in_chunks_needs_less_memory():
    priors = [work.weightless("tiny", chunk=n) for n in (16, 4, 1)]
    peaks = [work.peak_bytes(lambda prior=prior: work.step(prior)) for prior in priors]
    assert peaks[0] > 2 * peaks[1] > 2 * peaks[2]
