import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from to4d.kernels.time_grid import interpolate_grid_twin
from to4d.model.deform import Deform
from to4d.model.deformation import DeformationField, bending, linear_basis, strain
from to4d.model.static import StaticField


def random_motion(seed: int = 0) -> DeformationField:
    motion, generator = DeformationField(), torch.Generator().manual_seed(seed)
    for knots in motion.knots:
        knots.data.normal_(0, 0.05, generator=generator)
    return motion


def random_points(count: int, seed: int = 1) -> tuple[Tensor, Tensor]:
    values = torch.rand(count, 4, generator=torch.Generator().manual_seed(seed))
    return 1.6 * values[:, :3] - 0.8, values[:, 3]


def busy_static() -> StaticField:
    """A static field whose grid holds enough to make a scene."""
    static = StaticField(levels=4, log2_rows=10, finest=32, support_resolution=16, bias=0.0)
    static.grid.table.data.normal_(generator=torch.Generator().manual_seed(7))
    return static


def test_nothing_has_moved_at_time_zero():
    points, _ = random_points(500)
    field = Deform(busy_static(), random_motion())
    start = torch.zeros(500)
    assert torch.equal(field.displacement(points, start), torch.zeros(500, 3))
    for moved, still in zip(field(points, start), field.static(points, start), strict=True):
        assert torch.equal(moved, still)


def test_an_untrained_motion_stands_still():
    points, times = random_points(100)
    assert torch.equal(DeformationField()(points, times), torch.zeros(100, 3))


def test_motion_is_the_sum_of_its_levels():
    motion, (points, times) = random_motion(), random_points(300)
    levels = []
    for knots in motion.knots:
        still = torch.zeros_like(knots[:1])
        levels.append(interpolate_grid_twin(points, times, torch.cat([still, knots]).permute(0, 2, 3, 4, 1)))
    assert_close(motion(points, times), sum(levels))


def test_a_shift_shows_the_static_field_shifted():
    field, (points, _) = Deform(busy_static(), DeformationField(space_cells=(1,), time_cells=(1,))), random_points(200)
    shift = torch.tensor([0.1, -0.2, 0.05])
    field.motion.knots[0].data += shift[:, None, None, None]
    late = torch.full((200,), 0.5)
    for value, want in zip(field(points, late), field.static(points + 0.5 * shift, late), strict=True):
        assert_close(value, want, rtol=1e-3, atol=1e-4)


def test_gradients_reach_the_motion_and_agree_with_differences():
    field, (points, times) = Deform(busy_static(), random_motion()), random_points(400)

    def reading() -> Tensor:
        density, rgb = field(points, times)
        return (density[:, None] * rgb).double().sum()

    knots = field.motion.knots[5]
    slope = torch.autograd.grad(reading(), knots)[0]
    along = torch.randn(knots.shape, generator=torch.Generator().manual_seed(3))
    before, reach = knots.data.clone(), 1e-5
    with torch.no_grad():
        knots.data = before + reach * along
        up = reading()
        knots.data = before - reach * along
        down = reading()
    assert_close(float((slope * along).sum()), float((up - down) / (2 * reach)), rtol=0.05, atol=0)


def test_a_motion_linear_in_space_and_time_does_not_bend():
    t, x, y, z = torch.meshgrid(*(torch.linspace(0, 1, n) for n in (10, 9, 9, 9)), indexing="ij")
    space, time = bending(torch.stack([x + t, y - 2 * t, x + z], -1))
    assert_close(torch.stack([space, time]), torch.zeros(2), atol=1e-9, rtol=0)
    space, time = bending(torch.stack([x * x, y, t * t], -1))
    assert_close(space, torch.tensor((4 * 2 / 64) ** 2 / 3))  # second difference of x^2 at spacing 1/8, one of 3 values
    assert_close(time, torch.tensor((2 / 81) ** 2 / 3))


def linear_motion(matrix: Tensor, cells: int = 4) -> Tensor:
    """The backward motion x -> matrix x at all nodes: (1, X, Y, Z, 3)."""
    line = torch.linspace(-1, 1, cells + 1).to(matrix)
    points = torch.stack(torch.meshgrid(line, line, line, indexing="ij"), -1)
    return (points @ (matrix - torch.eye(3).to(matrix)).T)[None]


def turn(axis: list[float], angle_deg: float) -> Tensor:
    """The rotation about an axis: (3, 3)."""
    x, y, z = torch.nn.functional.normalize(torch.tensor(axis, dtype=torch.float64), dim=0).tolist()
    spin = torch.tensor([[0, -z, y], [z, 0, -x], [-y, x, 0]], dtype=torch.float64)
    return torch.linalg.matrix_exp(spin * torch.pi * angle_deg / 180)


@pytest.mark.parametrize("angle_deg", [5, 60, 120, 180])
def test_turning_by_any_angle_is_no_strain_and_scaling_none_of_shapes(angle_deg):
    for scale in (0.5, 1.0, 1.5):
        shape, size = strain(linear_motion(scale * turn([0.3, 1.0, -0.5], angle_deg)) + 0.2)
        assert shape < 1e-12 and float(size) == pytest.approx(0.75 * (scale**2 - 1) ** 2, abs=1e-12)


def test_strain_does_not_depend_on_how_a_shape_is_turned():
    squash = torch.diag(torch.tensor([1.0, 0.8, 1.1], dtype=torch.float64))
    want = strain(linear_motion(squash))
    assert want[0] > 0.01
    assert_close(strain(linear_motion(squash @ turn([1, 0, 2], 70))), want)
    assert_close(strain(linear_motion(turn([0, 1, 0], 110) @ squash)), want)


def test_strain_of_small_slopes_is_the_linear_one():
    small = 1e-6 * torch.randn(3, 3, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
    symmetric, mean = 0.5 * (small + small.T), small.trace() / 3 * torch.eye(3, dtype=torch.float64)
    linear = (symmetric - mean).square().sum(), mean.square().sum()
    assert_close(strain(linear_motion(torch.eye(3) + small)), linear, rtol=1e-3, atol=0)


def test_strain_has_the_gradient_of_its_differences():
    shape, generator = (2, 3, 4, 3, 3), torch.Generator().manual_seed(6)
    vectors = 0.3 * torch.randn(shape, generator=generator, dtype=torch.float64)
    assert torch.autograd.gradcheck(strain, vectors.requires_grad_())


def test_a_steady_spin_bends_less_than_a_sway_of_its_size():
    turned = torch.cat([linear_motion(turn([0, 1, 0], 120 * i / 9)) for i in range(10)])
    away = turned.norm(dim=-1).amax(0)[None, ..., None]  # how far each node gets
    sway = away * (2 * torch.pi * torch.arange(10) / 9).sin().view(-1, 1, 1, 1, 1) * torch.tensor([1.0, 0.0, 0.0])
    assert bending(turned)[1] < 0.05 * bending(sway)[1]
    assert bending(turned)[0] < 1e-12


def test_ramps_reach_their_knots_from_zero():
    assert_close(linear_basis(torch.arange(5) * 0.25, 1), torch.tensor([[0.0], [0.25], [0.5], [0.75], [1.0]]))
    assert_close(linear_basis(torch.arange(5) * 0.5, 2)[:, 0], torch.tensor([0.0, 0.5, 1.0, 0.5, 0.0]))


def test_grids_that_are_not_nested_are_refused():
    with pytest.raises(ValueError, match="time_cells"):
        DeformationField(time_cells=(1, 4, 9))


def test_frozen_kinds_are_left_out_of_the_optimizer():
    field = Deform(busy_static(), DeformationField())
    (group,) = field.param_groups(static=0.0, dynamic=0.006, heads=0.0)
    assert group["lr"] == 0.006
    assert {id(p) for p in group["params"]} == {id(p) for p in field.motion.parameters()}


def test_nothing_is_seen_away_from_the_start_wherever_it_moves():
    field, (points, times) = Deform(busy_static(), random_motion()), random_points(2000)
    field.start_from(torch.tensor([[0.3, 0.3, 0.3]]))
    density = field.density(points, times)
    origin = points + field.displacement(points, times)
    near = (origin - 0.3).abs().amax(-1) < 2 * 2 / 16
    assert (density[~near] == 0).all()
    assert (density[near] > 0).any()
