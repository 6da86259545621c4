import pytest
import torch

from to4d.geometry import orbit, pixel_rays
from to4d.lift import Matches, find_matches, flow_loss, folded, forward, image_grid, solve
from to4d.types import Render

RADIUS, FRAMES = 0.5, 4
TIMES = torch.arange(FRAMES) / FRAMES


class Translation(torch.nn.Module):
    """d(x, t) = -t T: what shows at x was T t away."""

    def __init__(self, by=(0.0, 0.0, 0.0)):
        super().__init__()
        self.by = torch.nn.Parameter(torch.tensor(by))

    def displacement(self, points, times):
        return -times[:, None] * self.by + 0.0 * points


class Spin(torch.nn.Module):
    """What shows at x was at x turned back about the vertical, by `turn_deg` at every time."""

    def __init__(self, turn_deg):
        super().__init__()
        self.angle = torch.nn.Parameter(torch.tensor(float(turn_deg)).deg2rad())

    def displacement(self, points, times):
        return turned(points, -self.angle) - points


def turned(points, angle):
    (x, y, z), c, s = points.unbind(-1), angle.cos(), angle.sin()
    return torch.stack([c * x + s * z, y, c * z - s * x], -1)


def spin_matches(turn_deg, count=200):
    """Exact matches of a spin from one camera at azimuth 0: random places of a ball."""
    places = torch.randn(count, 3, generator=torch.Generator().manual_seed(3)) * 0.2
    eye = torch.tensor([0.0, 0.5, 3.0]).expand(count, 3)
    directions = torch.nn.functional.normalize(places - eye, dim=-1)
    sources = turned(places, -torch.tensor(turn_deg).deg2rad())
    return Matches(eye, directions, torch.full((count,), 0.5), sources, torch.ones(count)), places


def sphere(cameras):
    """The analytic picture of a sphere at the origin."""
    rays = pixel_rays(cameras)
    b = (rays.origins * rays.directions).sum(-1)
    root = b.square() - rays.origins.square().sum(-1) + RADIUS**2
    opacity = (root > 0).float()[..., None]
    depth = (-b - root.clamp_min(0).sqrt())[..., None] * opacity
    return Render(torch.ones(*b.shape, 3), opacity, depth)


def matches_of(cameras, flow):
    views = len(cameras.pose)
    mask, clip = torch.ones(views, 1, FRAMES, 16, 16), torch.ones(views, FRAMES, 64, 64, 3)
    return find_matches(clip, flow, mask, unseen(len(flow)), sphere(cameras), cameras, TIMES)


def still_flow(views=1):
    return torch.zeros(views, FRAMES, 2, 16, 16)


def cameras_at(*azimuths):
    return orbit(torch.tensor(azimuths), 10.0, 3.0, 40.0, (64, 64))


def unseen(views: int = 1) -> torch.Tensor:
    return torch.zeros(views, FRAMES, 16, 16)


def test_what_the_model_shows_beside_the_object_is_to_come_from_beside_it():
    cameras, mask = cameras_at(0.0), torch.ones(1, 1, FRAMES, 16, 16)
    clip = torch.ones(1, FRAMES, 64, 64, 3)
    swollen = find_matches(clip, still_flow(), mask, unseen() + 1.0, sphere(cameras), cameras, TIMES)
    right = matches_of(cameras, still_flow())
    assert len(swollen.times) == 32 * 32 * (FRAMES - 1) > len(right.times)
    distance = torch.linalg.cross(swollen.sources - swollen.origins, swollen.directions).norm(dim=-1)
    assert distance.max() < 1e-3  # each lies on its own ray, inside the object and out
    assert flow_loss(Translation(), swollen) < 1e-3
    far = swollen.sources.norm(dim=-1) > 1.2 * RADIUS
    assert far.sum() > 100 and (swollen.weights[far] == 1.0).all()


def test_sources_lie_on_the_surface_of_the_object():
    matches = matches_of(cameras_at(0.0, 70.0), still_flow(2))
    torch.testing.assert_close(
        matches.sources.norm(dim=-1), torch.full((len(matches.times),), RADIUS), atol=0.02, rtol=0
    )
    assert len(matches.times) > 100 and (matches.times > 0).all()


def test_no_flow_asks_for_no_motion():
    matches = matches_of(cameras_at(30.0), still_flow())
    assert flow_loss(Translation(), matches) < 1e-3
    assert flow_loss(Translation((0.2, 0.0, 0.0)), matches) > 0.02


def test_motion_along_the_view_is_left_to_other_views():
    matches = matches_of(orbit(torch.tensor([0.0]), 0.0, 300.0, 0.4, (64, 64)), still_flow())
    assert flow_loss(Translation((0.0, 0.0, 0.2)), matches) < 1e-3


def test_two_views_find_a_motion_in_space():
    truth = torch.tensor([0.15, 0.2, -0.1])
    field = Translation()
    cameras = cameras_at(0.0, 90.0)
    scale = 1.0 / (3.0 * (0.5 * cameras.fov[0]).tan())  # image units a world unit, at the origin's distance
    across = torch.einsum("bji,j->bi", cameras.pose[:, :3, :3], truth)[:, :2] * torch.tensor([1.0, -1.0]) * scale
    flow = -TIMES[None, :, None] * across[:, None]  # backward: from a place to where it came from
    matches = matches_of(cameras, flow[..., None, None].expand(-1, -1, -1, 16, 16))
    optimizer = torch.optim.Adam(field.parameters(), lr=0.02)
    for _ in range(150):
        optimizer.zero_grad()
        flow_loss(field, matches).backward()
        optimizer.step()
    assert field.by.detach().tolist() == pytest.approx(truth.tolist(), abs=0.04)  # depth of the sphere: perspective


@pytest.mark.parametrize("turn_deg", [-120.0, 60.0, 100.0])
def test_what_a_turn_brings_from_behind_is_not_taken_for_the_front(turn_deg):
    camera = orbit(torch.tensor([0.0]), 0.0, 300.0, 0.2, (64, 64))  # so far that rays are parallel
    seen = sphere(camera)
    grid, scale = image_grid(16), 300.0 * float((0.5 * camera.fov[0]).tan())
    x, y = scale * grid[..., 0], -scale * grid[..., 1]
    z = (RADIUS**2 - x**2 - y**2).clamp_min(0).sqrt()
    angle = torch.tensor(turn_deg).deg2rad()
    flow = torch.stack([turned(torch.stack([x, y, z], -1), -angle)[..., 0] / scale - grid[..., 0], 0 * x])
    mask, clip = torch.ones(1, 1, FRAMES, 16, 16), torch.ones(1, FRAMES, 64, 64, 3)
    matches = find_matches(clip, flow.expand(1, FRAMES, -1, -1, -1), mask, unseen(), seen, camera, TIMES)
    ahead = turned(matches.sources, angle)
    wrong = (ahead[:, 2] < -0.1).float().mean()
    off = ahead - matches.origins
    away = torch.linalg.cross(off, matches.directions).norm(dim=-1)
    assert len(matches.times) > 100
    assert wrong < 0.1 and away.median() < 0.05


def test_growing_and_tipping_do_not_fold():
    grid = image_grid(16)
    turn = torch.tensor([[0.0, 1.0], [-1.0, 0.0]])
    for source in (0.3 * grid, 2.0 * grid + 0.5, grid @ turn):
        assert not folded(source).any()
    assert folded(grid * torch.tensor([-1.0, 1.0])).all()


def test_the_mask_weighs_the_places():
    cameras, flow = cameras_at(0.0), still_flow()
    clip, mask = torch.ones(1, FRAMES, 64, 64, 3), torch.zeros(1, 1, FRAMES, 16, 16)
    nowhere = find_matches(clip, flow, mask, unseen(), sphere(cameras), cameras, TIMES)
    assert flow_loss(Translation((0.3, 0.0, 0.0)), nowhere) == 0.0


def test_the_loss_has_the_gradient_of_its_differences():
    matches = matches_of(
        cameras_at(20.0), 0.1 * torch.randn(1, FRAMES, 2, 16, 16, generator=torch.Generator().manual_seed(0))
    )
    field = Translation((0.1, 0.05, 0.0))
    flow_loss(field, matches).backward()
    step = 1e-3
    with torch.no_grad():
        up, down = (flow_loss(Translation((0.1 + s, 0.05, 0.0)), matches) for s in (step, -step))
    assert float(field.by.grad[0]) == pytest.approx(float(up - down) / (2 * step), rel=0.15)


def test_places_that_do_not_look_like_their_source_hardly_count():
    cameras, mask = cameras_at(0.0), torch.ones(1, 1, FRAMES, 16, 16)
    pale = torch.full((1, FRAMES, 64, 64, 3), 0.6)
    weights = [
        find_matches(c, still_flow(), mask, unseen(), sphere(cameras), cameras, TIMES).weights
        for c in (pale, 0 * pale + 1)
    ]
    assert weights[0].max() < 0.01 and weights[1].median() == 1.0


@pytest.mark.parametrize("turn_deg", [30.0, 90.0, 150.0])
def test_points_are_followed_through_turns(turn_deg):
    matches, places = spin_matches(turn_deg)
    torch.testing.assert_close(forward(Spin(turn_deg), matches.sources, matches.times), places, atol=2e-3, rtol=0)


def test_points_are_followed_through_a_motion_that_bends():
    field, (matches, _) = Spin(70.0), spin_matches(0.0)
    field.displacement = lambda x, t, turn=field.displacement: turn(x, t) + 0.1 * (4 * x.roll(1, -1)).sin()
    moved = forward(field, matches.sources, matches.times)
    back = moved + field.displacement(moved, matches.times)
    assert (back - matches.sources).norm(dim=-1).quantile(0.95) < 1e-3


def test_a_motion_that_cannot_be_inverted_is_left_at_its_nearest():
    field, (matches, _) = Translation(), spin_matches(0.0)
    field.displacement = lambda x, t: 0.3 - x  # all shows one point
    moved = forward(field, matches.sources, matches.times)
    assert moved.isfinite().all() and (moved - matches.sources).norm(dim=-1).max() < 3.0


def test_small_systems_are_solved():
    matrix = torch.randn(50, 3, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    matrix = matrix[matrix.det().abs() > 0.1]
    right = torch.ones(len(matrix), 3, dtype=torch.float64)
    torch.testing.assert_close(solve(list(matrix.unbind(-1)), right), torch.linalg.solve(matrix, right))


@pytest.mark.parametrize("turn_deg", [60.0, 90.0, 135.0])
def test_a_turn_fits_its_own_matches_and_is_pulled_there(turn_deg):
    matches, _ = spin_matches(turn_deg)
    assert flow_loss(Spin(turn_deg), matches) < 1e-3
    for wrong_deg in (turn_deg - 15, turn_deg + 15):
        field = Spin(wrong_deg)
        loss = flow_loss(field, matches)
        loss.backward()
        assert loss > 0.02
        assert field.angle.grad * (wrong_deg - turn_deg) > 0
