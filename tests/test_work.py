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
    def call():
        a = torch.empty(1000, device="meta")  # 4,000 bytes
        b = a + 1.0
        del a
        return b * b  # two alive again

    assert work.peak_bytes(call) == 8000


def test_an_autoencoder_in_chunks_needs_less_memory_and_says_the_same():
    peaks = [work.peak_bytes(lambda n=n: work.step(work.weightless("tiny", chunk=n))) for n in (16, 4, 1)]
    assert peaks[0] > 2 * peaks[1] > 2 * peaks[2]
