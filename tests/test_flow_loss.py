import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from to4d.flow_loss import (
    Correspondences,
    background_correspondences,
    concatenate,
    flow_loss,
    robust_weights,
    surface_correspondences,
)
from to4d.geometry import image_grid, orbit, pixel_rays
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


def spin_pairs(turn_deg, count=200):
    """Exact pairs of a spin from one camera at azimuth 0, and its places: random ones of a ball."""
    places = torch.randn(count, 3, generator=torch.Generator().manual_seed(3)) * 0.2
    eye = torch.tensor([0.0, 0.5, 3.0]).expand(count, 3)
    directions = torch.nn.functional.normalize(places - eye, dim=-1)
    sources = turned(places, -torch.tensor(turn_deg).deg2rad())
    ones = torch.ones(count)
    return Correspondences(places, directions, 0.5 * ones, sources, ones, ones), places


def sphere(cameras):
    """The analytic picture of a sphere at the origin."""
    rays = pixel_rays(cameras)
    b = (rays.origins * rays.directions).sum(-1)
    root = b.square() - rays.origins.square().sum(-1) + RADIUS**2
    opacity = (root > 0).float()[..., None]
    depth = (-b - root.clamp_min(0).sqrt())[..., None] * opacity
    return Render(torch.ones(*b.shape, 3), opacity, depth)


def pairs_of(cameras, forward):
    mask = torch.ones(len(cameras.pose), 1, FRAMES, 16, 16)
    return surface_correspondences(forward, mask, sphere(cameras), cameras, TIMES)


def still_flow(views=1):
    return torch.zeros(views, FRAMES, 3, 16, 16)


def cameras_at(*azimuths):
    return orbit(torch.tensor(azimuths), 10.0, 3.0, 40.0, (64, 64))


def at_all_times(still: Render) -> Render:
    """A clip that stands still."""
    return Render(*(x[:, None].expand(-1, FRAMES, -1, -1, -1) for x in (still.rgb, still.opacity, still.depth)))


def test_what_the_model_shows_and_the_prior_does_not_is_to_come_from_beside_the_object():
    cameras, mask = cameras_at(0.0), torch.ones(1, 1, FRAMES, 16, 16)
    white, fog = (
        torch.ones(1, FRAMES, 64, 64, 3),
        Render(torch.ones(1, 64, 64, 3), *(x * torch.ones(1, 64, 64, 1) for x in (1.0, 3.0))),
    )
    empty = background_correspondences(white, still_flow(), mask, at_all_times(fog), sphere(cameras), cameras, TIMES)
    assert (empty.sources - empty.positions).norm(dim=-1).max() < 1e-5 and (empty.weights == 1.0).all()
    positions = empty.positions @ cameras.pose[0, :3, :3]
    assert len(empty.times) > 1000 and positions[:, :2].norm(dim=-1).min() > 0.9 * RADIUS
    apart = still_flow()
    apart[:, :, 0] = 0.8  # it was far to the right: what shows on the left is not the object's any more
    gone = background_correspondences(
        white, apart, mask, at_all_times(sphere(cameras)), sphere(cameras), cameras, TIMES
    )
    assert len(gone.times) > 100 and flow_loss(Translation(), gone) > 0.5
    dark = background_correspondences(
        0 * white, apart, mask, at_all_times(sphere(cameras)), sphere(cameras), cameras, TIMES
    )
    assert dark.weights.max() < 0.01  # the prior shows something there, whatever it says of its source


def test_sources_lie_on_the_surface_of_the_object():
    pairs = pairs_of(cameras_at(0.0, 70.0), still_flow(2))
    torch.testing.assert_close(pairs.sources.norm(dim=-1), torch.full((len(pairs.times),), RADIUS), atol=0.02, rtol=0)
    assert len(pairs.times) > 100 and (pairs.times > 0).all()


def test_no_flow_asks_for_no_motion():
    pairs = pairs_of(cameras_at(30.0), still_flow())
    assert flow_loss(Translation(), pairs) < 1e-3
    assert flow_loss(Translation((0.2, 0.0, 0.0)), pairs) > 0.02


def test_motion_along_the_view_is_told_by_the_third_number_and_left_to_other_views_where_that_is_0():
    camera, towards = orbit(torch.tensor([0.0]), 0.0, 300.0, 0.4, (64, 64)), still_flow()
    unit = 300.0 * (0.5 * camera.fov).tan()
    towards[:, :, 2] = 0.2 * TIMES[:, None, None] / unit  # it comes nearer
    nearer = Translation((0.0, 0.0, 0.2))
    assert flow_loss(nearer, pairs_of(camera, towards)) < 2e-3
    assert flow_loss(nearer, pairs_of(camera, still_flow())) < 1e-3
    assert flow_loss(Translation(), pairs_of(camera, towards)) > 0.01


def test_two_views_find_a_motion_in_space():
    truth = torch.tensor([0.15, 0.2, -0.1])
    field = Translation()
    cameras = cameras_at(0.0, 90.0)
    scale = 1.0 / (3.0 * (0.5 * cameras.fov[0]).tan())  # image units a world unit, at the origin's distance
    way = torch.einsum("bji,j->bi", cameras.pose[:, :3, :3], truth) * torch.tensor([1.0, -1.0, 1.0]) * scale
    flow = TIMES[None, :, None] * way[:, None]
    pairs = pairs_of(cameras, flow[..., None, None].expand(-1, -1, -1, 16, 16))
    optimizer = torch.optim.Adam(field.parameters(), lr=0.02)
    for _ in range(150):
        optimizer.zero_grad()
        flow_loss(field, pairs).backward()
        optimizer.step()
    assert field.by.detach().tolist() == pytest.approx(truth.tolist(), abs=0.04)  # depth of the sphere: perspective


@pytest.mark.parametrize("turn_deg", [-160.0, 60.0, 100.0])
def test_a_turn_is_exact_for_all_that_frame_0_shows(turn_deg):
    camera = orbit(torch.tensor([0.0]), 0.0, 300.0, 0.2, (64, 64))  # so far that rays are parallel
    grid, scale = image_grid(16), 300.0 * float((0.5 * camera.fov[0]).tan())
    x, y = scale * grid[..., 0], -scale * grid[..., 1]
    z = (RADIUS**2 - x**2 - y**2).clamp_min(0).sqrt()
    ahead = turned(torch.stack([x, y, z], -1), torch.tensor(turn_deg).deg2rad())
    forward = torch.stack([(ahead[..., 0] - x) / scale, 0 * x, (ahead[..., 2] - z) / scale])
    pairs = pairs_of(camera, forward.expand(1, FRAMES, -1, -1, -1))
    middle = pairs.sources[:, :2].norm(dim=-1) < 0.7 * RADIUS  # beside the rim, where depths of a pixel differ
    goal = turned(pairs.sources, torch.tensor(turn_deg).deg2rad())
    assert middle.sum() > 500 and (pairs.positions - goal)[middle].norm(dim=-1).max() < 0.05
    assert pairs.weights[middle].median() > 0.15


@settings(deadline=None)
@given(st.integers(0, 10**6))
def test_places_that_follow_no_affine_motion_of_all_are_outvoted(seed):
    random = torch.Generator().manual_seed(seed)
    sources = torch.rand(1, 1, 200, 3, generator=random) - 0.5
    places = sources @ (torch.eye(3) + 0.3 * torch.randn(3, 3, generator=random)) + torch.rand(3, generator=random)
    places[:, :, :40] += 0.5 * torch.nn.functional.normalize(torch.tensor([1.0, 1.0, 0.0]), dim=0)
    factor = robust_weights(sources, places, torch.ones(1, 1, 200))[0, 0]
    assert factor[:40].max() < 0.1 and factor[40:].min() > 0.5


def test_the_mask_weighs_the_places():
    cameras, nowhere = cameras_at(0.0), torch.zeros(1, 1, FRAMES, 16, 16)
    clip, fog = torch.ones(1, FRAMES, 64, 64, 3), at_all_times(sphere(cameras_at(50.0)))
    surface = surface_correspondences(still_flow(), nowhere, sphere(cameras), cameras, TIMES)
    empty = background_correspondences(clip, still_flow() + 0.7, nowhere, fog, sphere(cameras), cameras, TIMES)
    both = concatenate(surface, empty)
    assert len(both.times) == len(surface.times) + len(empty.times) > len(surface.times) > 0
    assert flow_loss(Translation((0.3, 0.0, 0.0)), both) == 0.0


def test_the_loss_has_the_gradient_of_its_differences():
    pairs = pairs_of(
        cameras_at(20.0), 0.1 * torch.randn(1, FRAMES, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    )
    field = Translation((0.1, 0.05, 0.0))
    flow_loss(field, pairs).backward()
    step = 1e-3
    with torch.no_grad():
        up, down = (flow_loss(Translation((0.1 + s, 0.05, 0.0)), pairs) for s in (step, -step))
    assert float(field.by.grad[0]) == pytest.approx(float(up - down) / (2 * step), rel=0.15)


@pytest.mark.parametrize("turn_deg", [60.0, 90.0, 135.0])
def test_a_turn_fits_its_own_pairs_and_is_pulled_there(turn_deg):
    pairs, _ = spin_pairs(turn_deg)
    assert flow_loss(Spin(turn_deg), pairs) < 1e-3
    for wrong_deg in (turn_deg - 15, turn_deg + 15):
        field = Spin(wrong_deg)
        loss = flow_loss(field, pairs)
        loss.backward()
        assert loss > 0.02
        assert field.angle.grad * (wrong_deg - turn_deg) > 0
