import pytest
import torch

from to4d.camera_schedule import Fixed, FourViews, Incremental, Sweep, Uniform
from to4d.types import generator_at

ALL = [Incremental(), Uniform(), FourViews(), Sweep(), Fixed(), Fixed(-90.0)]


@pytest.mark.parametrize("schedule", ALL)
def test_azimuths_stay_within_the_stated_limit(schedule):
    for step in range(200):
        azimuths = schedule(step / 200, 3, generator_at(0, step))
        wrapped = (azimuths + 180.0) % 360.0 - 180.0
        assert azimuths.shape == (3,)
        assert wrapped.abs().max() <= schedule.limit_deg(step / 200) + 1e-4


@pytest.mark.parametrize("schedule", ALL)
def test_azimuths_depend_on_seed_and_step_alone(schedule):
    first = [schedule(s / 9, 2, generator_at(1, s)) for s in range(9)]
    again = [schedule(s / 9, 2, generator_at(1, s)) for s in reversed(range(9))]
    assert all(torch.equal(a, b) for a, b in zip(first, reversed(again), strict=True))


def test_incremental_widens_by_20_degrees_in_nine_equal_shares():
    limits = [Incremental().limit_deg(step / 10_000) for step in range(10_000)]
    assert [limits.count(20.0 * level) for level in range(1, 10)] == pytest.approx([10_000 / 9] * 9, abs=1)
    assert limits == sorted(limits)


def test_incremental_is_complete_after_its_share_of_the_phase():
    assert Incremental(until=0.5).limit_deg(0.5) == 180.0


@pytest.mark.parametrize("progress", [0.0, 0.5, 1.0])
def test_a_range_that_never_widens_stays_as_it_starts(progress):
    for schedule in (Incremental(start_deg=30.0, widen_deg=0.0), Sweep(start_deg=30.0, widen_deg=0.0)):
        assert schedule.limit_deg(progress) == 30.0
        assert schedule(0.1, 5, generator_at(0, 0)).abs().max() <= 30.0


@pytest.mark.parametrize("progress", [0.0, 0.5])
def test_a_range_that_is_complete_at_progress_0_is_complete_from_the_start(progress):
    for schedule in (Incremental(until=0.0), Sweep(until=0.0)):
        assert schedule.limit_deg(progress) == 180.0
        assert schedule(progress, 200, generator_at(0, 0)).abs().max() > 90.0


def test_four_views_are_front_right_back_left():
    azimuths = FourViews()(0.0, 400, generator_at(0, 0))
    assert azimuths.unique().tolist() == [0.0, 90.0, 180.0, 270.0]


def test_sweep_walks_through_each_range_in_order():
    sweep = Sweep(until=0.9)
    azimuths = torch.cat([sweep(p, 1, generator_at(0, 0)) for p in torch.linspace(0.0, 0.0999, 50).tolist()])
    assert (azimuths.diff() > 0).all()
    assert azimuths[0] == pytest.approx(-20.0) and azimuths[-1] == pytest.approx(20.0, abs=0.1)
