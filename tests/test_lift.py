import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from to4d.geometry import orbit, pixel_rays
from to4d.lift import Matches, agreed, find_matches, flow_loss, folded, image_grid
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
    """Exact matches of a spin from one camera at azimuth 0, and its places: random ones of a ball."""
    places = torch.randn(count, 3, generator=torch.Generator().manual_seed(3)) * 0.2
    eye = torch.tensor([0.0, 0.5, 3.0]).expand(count, 3)
    directions = torch.nn.functional.normalize(places - eye, dim=-1)
    sources = turned(places, -torch.tensor(turn_deg).deg2rad())
    ones = torch.ones(count)
    return Matches(places, directions, 0.5 * ones, sources, ones, ones), places


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
    return torch.zeros(views, FRAMES, 3, 16, 16)


def cameras_at(*azimuths):
    return orbit(torch.tensor(azimuths), 10.0, 3.0, 40.0, (64, 64))


def unseen(views: int = 1) -> Render:
    """A model that shows nothing."""
    nothing = torch.zeros(views, FRAMES, 64, 64, 1)
    return Render(nothing.expand(-1, -1, -1, -1, 3), nothing, nothing)


def at_all_times(still: Render) -> Render:
    """A clip that stands still."""
    return Render(*(x[:, None].expand(-1, FRAMES, -1, -1, -1) for x in (still.rgb, still.opacity, still.depth)))


def test_what_the_model_shows_beside_the_object_is_to_come_from_beside_it():
    cameras, mask = cameras_at(0.0), torch.ones(1, 1, FRAMES, 16, 16)
    clip = torch.ones(1, FRAMES, 64, 64, 3)
    fog = at_all_times(Render(torch.ones(1, 64, 64, 3), *(x * torch.ones(1, 64, 64, 1) for x in (1.0, 3.0))))
    swollen = find_matches(clip, still_flow(), mask, fog, sphere(cameras), cameras, TIMES)
    right = matches_of(cameras, still_flow())
    assert len(swollen.times) == 32 * 32 * (FRAMES - 1) > len(right.times)
    assert (swollen.sources - swollen.places).norm(dim=-1).max() < 1e-3  # each is its own, on the object and beside it
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


def test_motion_along_the_view_is_told_by_the_third_number_and_left_to_other_views_where_that_is_0():
    camera, towards = orbit(torch.tensor([0.0]), 0.0, 300.0, 0.4, (64, 64)), still_flow()
    unit = 300.0 * (0.5 * camera.fov).tan()
    towards[:, :, 2] = -0.2 * TIMES[:, None, None] / unit  # the source was farther away
    nearer = Translation((0.0, 0.0, 0.2))
    assert flow_loss(nearer, matches_of(camera, towards)) < 2e-3
    assert flow_loss(nearer, matches_of(camera, still_flow())) < 1e-3
    assert flow_loss(Translation(), matches_of(camera, towards)) > 0.01


def test_two_views_find_a_motion_in_space():
    truth = torch.tensor([0.15, 0.2, -0.1])
    field = Translation()
    cameras = cameras_at(0.0, 90.0)
    scale = 1.0 / (3.0 * (0.5 * cameras.fov[0]).tan())  # image units a world unit, at the origin's distance
    way = torch.einsum("bji,j->bi", cameras.pose[:, :3, :3], truth) * torch.tensor([1.0, -1.0, 1.0]) * scale
    flow = -TIMES[None, :, None] * way[:, None]  # backward: from a place to where it came from
    matches = matches_of(cameras, flow[..., None, None].expand(-1, -1, -1, 16, 16))
    optimizer = torch.optim.Adam(field.parameters(), lr=0.02)
    for _ in range(150):
        optimizer.zero_grad()
        flow_loss(field, matches).backward()
        optimizer.step()
    assert field.by.detach().tolist() == pytest.approx(truth.tolist(), abs=0.04)  # depth of the sphere: perspective


def far_turn(turn_deg):
    """A camera so far that rays are parallel, a sphere, and the backward flow of its turn."""
    camera = orbit(torch.tensor([0.0]), 0.0, 300.0, 0.2, (64, 64))
    grid, scale = image_grid(16), 300.0 * float((0.5 * camera.fov[0]).tan())
    x, y = scale * grid[..., 0], -scale * grid[..., 1]
    z = (RADIUS**2 - x**2 - y**2).clamp_min(0).sqrt()
    back = turned(torch.stack([x, y, z], -1), -torch.tensor(turn_deg).deg2rad())
    flow = torch.stack([back[..., 0] / scale - grid[..., 0], 0 * x, (back[..., 2] - z) / scale])
    return camera, sphere(camera), flow.expand(1, FRAMES, -1, -1, -1)


@pytest.mark.parametrize("turn_deg", [-120.0, 60.0, 100.0])
def test_what_a_turn_brings_from_behind_is_not_taken_for_the_front(turn_deg):
    camera, seen, flow = far_turn(turn_deg)
    mask, clip = torch.ones(1, 1, FRAMES, 16, 16), torch.ones(1, FRAMES, 64, 64, 3)
    matches = find_matches(clip, flow, mask, unseen(), seen, camera, TIMES)
    ahead = turned(matches.sources, torch.tensor(turn_deg).deg2rad())
    assert len(matches.times) > 100 and (ahead[:, 2] < -0.1).float().mean() < 0.1
    off = ahead - matches.places
    assert off[:, :2].norm(dim=-1).median() < 0.05 and off.norm(dim=-1).median() < 0.1


@pytest.mark.parametrize("turn_deg", [-160.0, 60.0, 100.0])
def test_a_model_that_shows_its_surface_learns_where_hidden_places_went_too(turn_deg):
    camera, seen, flow = far_turn(turn_deg)
    mask, clip = torch.ones(1, 1, FRAMES, 16, 16), torch.ones(1, FRAMES, 64, 64, 3)
    matches = find_matches(clip, flow, mask, at_all_times(seen), seen, camera, TIMES)
    middle = matches.places[:, :2].norm(dim=-1) < 0.8 * RADIUS  # beside the rim, where depths of a pixel differ
    back = turned(matches.places, -torch.tensor(turn_deg).deg2rad())
    assert (matches.sources - back)[middle].norm(dim=-1).max() < 0.04
    hidden = middle & (matches.sources[:, 2] < -0.1)
    assert hidden.sum() > 50 and matches.weights[hidden].median() > 0.4


@settings(deadline=None)
@given(st.integers(0, 10**6))
def test_places_that_follow_no_affine_motion_of_all_are_outvoted(seed):
    random = torch.Generator().manual_seed(seed)
    sources = torch.rand(1, 1, 200, 3, generator=random) - 0.5
    places = sources @ (torch.eye(3) + 0.3 * torch.randn(3, 3, generator=random)) + torch.rand(3, generator=random)
    places[:, :, :40] += 0.5 * torch.nn.functional.normalize(torch.tensor([1.0, 1.0, 0.0]), dim=0)
    factor = agreed(sources, places, torch.ones(1, 1, 200))[0, 0]
    assert factor[:40].max() < 0.1 and factor[40:].min() > 0.5


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
        cameras_at(20.0), 0.1 * torch.randn(1, FRAMES, 3, 16, 16, generator=torch.Generator().manual_seed(0))
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
