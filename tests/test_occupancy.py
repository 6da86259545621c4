import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from to4d.kernels.voxel_mask import dilate, voxelize
from to4d.render.occupancy import Occupancy, sample_surface
from to4d.types import Material, Mesh, generator_at

SIZE = 32
CENTRES = (torch.stack(torch.meshgrid(*[torch.arange(SIZE)] * 3, indexing="ij"), -1) + 0.5) * (2 / SIZE) - 1


class Ball(nn.Module):
    """A dense ball whose centre and radius are linear in time."""

    def __init__(self, centre: Tensor, velocity: Tensor, radius: float, growth: float):
        super().__init__()
        self.centre, self.velocity, self.radius, self.growth = centre, velocity, radius, growth

    def density(self, points: Tensor, times: Tensor) -> Tensor:
        distance = (points - self.centre - self.velocity * times[:, None]).norm(dim=-1)
        return 50.0 * (distance < self.radius + self.growth * times)


def surface(radius: float) -> Tensor:
    points = torch.randn(20_000, 3, generator=torch.Generator().manual_seed(0))
    return radius * points / points.norm(dim=-1, keepdim=True)


def missing(occupancy: Occupancy, field: Ball, time: float) -> int:
    """Cells whose centre is dense at `time` and that are not occupied then."""
    dense = field.density(CENTRES.reshape(-1, 3), torch.full((SIZE**3,), time)) > 0
    bits = occupancy.bits[int(occupancy.bin_of(torch.tensor([time])))]
    return int((dense.view(SIZE, SIZE, SIZE) & (bits == 0)).sum())


@given(st.lists(st.floats(-1, 1), min_size=3, max_size=3), st.floats(0, 0.3), st.integers(0, 1000))
@settings(max_examples=5, deadline=None)
def test_what_moves_and_grows_is_never_pruned(direction, growth, seed):
    occupancy = Occupancy(SIZE, bins=8)
    occupancy.from_points(surface(0.2))
    velocity = 0.5 * torch.tensor(direction)
    for turn in range(1, 13):  # the motion is learned bit by bit, at most about a cell between updates
        field = Ball(torch.zeros(3), velocity * turn / 12, 0.2, growth * turn / 12)
        occupancy.update(field, generator_at(seed, turn))
    for time in (0.0, 0.3, 0.6, 0.99):
        assert missing(occupancy, field, time) == 0


def test_empty_space_is_given_back_but_the_mesh_stays():
    occupancy = Occupancy(SIZE, bins=4)
    occupancy.from_points(surface(0.3))
    start = occupancy.bits.clone()
    small = Ball(torch.zeros(3), torch.zeros(3), 0.0, 0.0)
    occupancy.update(small, generator_at(0, 0))
    assert torch.equal(occupancy.bits, start)
    occupancy.start.zero_()
    occupancy.update(small, generator_at(0, 1))
    assert occupancy.bits.sum() == 0


def test_an_update_is_a_function_of_the_generator():
    a, b = Occupancy(SIZE, bins=4), Occupancy(SIZE, bins=4)
    for occupancy in (a, b):
        occupancy.update(Ball(torch.zeros(3), torch.ones(3), 0.3, 0.2), generator_at(3, 7))
    assert torch.equal(a.bits, b.bits)


def test_a_loaded_occupancy_marches_like_the_saved_one():
    saved, loaded = Occupancy(SIZE, bins=4), Occupancy(SIZE, bins=4)
    saved.from_points(surface(0.3))
    loaded.load_state_dict(saved.state_dict())
    for name in ("fine", "coarse", "bounds"):
        assert torch.equal(getattr(loaded.cells, name), getattr(saved.cells, name))


def test_dilation_reaches_all_neighbours_within_the_margin():
    bits = voxelize(torch.zeros(1, 3), 9)[None]
    grown = dilate(bits, 2)[0]
    assert grown.sum() == 5**3
    assert (grown[2:7, 2:7, 2:7] == 1).all()


def test_surface_points_lie_on_the_triangles_in_proportion_to_area():
    vertices = torch.tensor([[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1], [3, 0, 1], [0, 1, 1]])
    points = sample_surface(triangles(vertices), 20_000, torch.Generator().manual_seed(0))
    upper = points[:, 2] > 0.5
    assert abs(upper.float().mean() - 0.75) < 0.02  # areas 1/2 and 3/2
    assert (torch.minimum(points[:, 2].abs(), (points[:, 2] - 1).abs()) < 1e-6).all()
    assert (points[:, :2] >= 0).all() and (points[~upper, :2].sum(-1) <= 1 + 1e-6).all()


def triangles(vertices: Tensor) -> Mesh:
    count = len(vertices) // 3
    return Mesh(
        vertices=vertices,
        faces=torch.arange(3 * count).view(count, 3),
        uv=torch.zeros(count, 3, 2),
        color=torch.ones(count, 3, 4),
        material=torch.zeros(count, dtype=torch.long),
        materials=(Material(),),
        transform=torch.eye(4),
        name="triangles",
        noun=None,
        source=None,
    )
