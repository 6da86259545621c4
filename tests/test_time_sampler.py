import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from to4d.time_sampler import Anchored, Even, RandomWindow
from to4d.types import generator_at


@given(seed=st.integers(0, 10_000), jitter=st.floats(0.0, 1.0), frames=st.integers(2, 40))
def test_first_frame_stays_at_the_input_object(seed, jitter, frames):
    times = Anchored(frames, jitter)(generator_at(seed, 3))
    assert times[0] == 0.0
    assert (times.diff() >= 0).all() and times[-1] < 1.0


@given(seed=st.integers(0, 10_000))
def test_anchored_noise_never_reaches_the_next_anchor(seed):
    noise = Anchored(16, 1.0)(generator_at(seed, 0)) - torch.arange(16) / 16
    assert (noise >= 0).all() and (noise < 1 / 16 + 1e-6).all()


def test_random_window_is_evenly_spaced_and_leaves_the_anchor():
    times = RandomWindow(16)(generator_at(0, 0))
    torch.testing.assert_close(times.diff(), torch.full((15,), 1 / 16))
    assert 0.0 < times[0] < 1 / 16


@pytest.mark.parametrize("sampler", [Anchored(16), RandomWindow(16), Even(16)])
def test_every_sampler_gives_the_prior_as_many_frames_as_it_wants(sampler):
    assert sampler(generator_at(0, 0)).shape == (16,)
