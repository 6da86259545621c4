import pytest
import torch

from to4d.timestep import DecreasingTimesteps, StratifiedTimesteps, UniformTimesteps
from to4d.types import generator_at

STEPS = 1000


def levels(strategy):
    return torch.tensor([strategy(step / STEPS, generator_at(0, step)) for step in range(STEPS)])


@pytest.mark.parametrize(
    "strategy",
    [
        UniformTimesteps(),
        DecreasingTimesteps(),
        DecreasingTimesteps(0.3),
        StratifiedTimesteps(100, 10),
        StratifiedTimesteps(7, 9),
    ],
)
def test_levels_stay_in_the_range(strategy):
    assert levels(strategy).min() >= 0.0 and levels(strategy).max() <= 1.0


@pytest.mark.parametrize("strategy", [UniformTimesteps(), StratifiedTimesteps(100, 10)])
def test_all_levels_are_equally_likely(strategy):
    expected = torch.linspace(0, 1, STEPS)
    assert (levels(strategy).sort().values - expected).abs().max() < 0.05  # Kolmogorov-Smirnov at 1%: 0.0515


def test_decreasing_ends_low_and_never_rises():
    assert (levels(DecreasingTimesteps()).diff() < 0).all()
    assert DecreasingTimesteps()(0.0, generator_at(0, 0)) == 1.0
    assert levels(DecreasingTimesteps(0.1)).diff().max() < 0.2


def test_each_round_of_a_stratified_phase_sees_each_stratum_once():
    strata = (levels(StratifiedTimesteps(100, 10)) * 10).floor().view(100, 10)
    assert torch.equal(strata, torch.arange(9.0, -1.0, -1.0).expand(100, 10))


def test_stratified_levels_have_a_steadier_mean_than_random_ones():
    spread = {
        name: levels(s).view(-1, 10).mean(1).std()
        for name, s in (("s", StratifiedTimesteps(100, 10)), ("u", UniformTimesteps()))
    }
    assert spread["s"] < 0.3 * spread["u"]
