import pytest

from to4d.schedules import Constant, Cosine, Linear


@pytest.mark.parametrize("progress", [0.0, 0.3, 1.0])
def test_a_linear_schedule_until_0_is_at_its_end_from_the_start(progress):
    assert Linear(1.0, 0.25, until=0.0)(progress) == 0.25


def test_linear_and_cosine_schedules_go_from_start_to_end():
    for schedule in (Linear(0.9, 0.1), Linear(0.9, 0.1, until=0.5), Cosine(0.9, 0.1)):
        values = [schedule(step / 10) for step in range(11)]
        assert values[0] == pytest.approx(0.9) and values[-1] == pytest.approx(0.1)
        assert values == sorted(values, reverse=True)


def test_a_warm_up_rises_from_zero():
    assert Cosine(1.0, 1.0, warm_up=0.5)(0.25) == 0.5
    assert Constant(3.0)(0.7) == 3.0
