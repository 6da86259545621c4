import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from to4d.model.hash4d import Hash4D
from to4d.model.static import StaticField


def small(init_scale: float) -> Hash4D:
    static = StaticField(levels=4, log2_rows=10, finest=32, support_resolution=16, bias=0.0)
    static.grid.table.data.normal_(generator=torch.Generator().manual_seed(7))
    return Hash4D(static, levels=4, log2_rows=10, base=4, finest=16, base_time=2, finest_time=8, init_scale=init_scale)


def random_points(count: int) -> tuple[Tensor, Tensor]:
    values = torch.rand(count, 4, generator=torch.Generator().manual_seed(1))
    return 2 * values[:, :3] - 1, values[:, 3]


def test_an_empty_dynamic_grid_leaves_the_static_field():
    field, (points, times) = small(init_scale=0.0), random_points(300)
    for value, want in zip(field(points, times), field.static(points, times), strict=True):
        assert_close(value, want)


def test_an_untrained_dynamic_grid_hardly_changes_anything():
    field, (points, times) = small(init_scale=1e-4), random_points(300)
    assert_close(field(points, times)[1], field.static(points, times)[1], atol=1e-3, rtol=0)


def test_the_dynamic_grid_makes_the_field_depend_on_time():
    field, (points, _) = small(init_scale=0.5), random_points(300)
    early, late = field.density(points, torch.zeros(300)), field.density(points, torch.full((300,), 0.6))
    assert (early - late).abs().max() > 0.02


def test_away_from_the_start_only_the_dynamic_grid_counts():
    field, (points, times) = small(init_scale=0.0), random_points(300)
    field.start_from(torch.zeros(1, 3))
    far = points.abs().amax(-1) > 0.4
    assert_close(field.features(points, times)[far], torch.zeros(int(far.sum()), 8))
    assert field.features(points, times)[~far].abs().sum() > 0


def test_gradients_reach_both_grids_and_the_heads():
    field, (points, times) = small(init_scale=1e-4), random_points(300)
    density, rgb = field(points, times)
    (density.sum() + rgb.sum()).backward()
    assert all(parameter.grad.abs().max() > 0 for parameter in field.parameters())


def test_nothing_is_outside_the_box():
    field = small(init_scale=0.5)
    assert (field.density(torch.tensor([[1.01, 0, 0], [0, -3, 0]]), torch.zeros(2)) == 0).all()


def test_halves_of_unequal_width_are_refused():
    static = StaticField(levels=4, log2_rows=10, finest=32)
    with pytest.raises(ValueError, match=r"\b3\b.*\b4\b"):
        Hash4D(static, levels=3, log2_rows=10, base=4, finest=16, base_time=2, finest_time=8)


def test_a_field_is_made_from_its_seed_alone():
    assert all(torch.equal(a, b) for a, b in zip(small(1e-4).parameters(), small(1e-4).parameters(), strict=True))
