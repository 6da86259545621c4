import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from to4d.geometry import orbit, pixel_rays
from to4d.model.hash4d import Hash4D
from to4d.model.static import StaticField
from to4d.render.volume import VolumeRenderer, density_gradient
from to4d.types import generator_at

RED = torch.tensor([0.9, 0.2, 0.1])


class Ball(nn.Module):
    """A ball of one density and colour that rises at a constant speed."""

    def __init__(self, density: float = 4.0, radius: float = 0.5, speed: float = 0.0):
        super().__init__()
        self.level, self.radius, self.speed = nn.Parameter(torch.tensor(density)), radius, speed

    def forward(self, points: Tensor, times: Tensor) -> tuple[Tensor, Tensor]:
        return self.density(points, times), RED.expand_as(points)

    def density(self, points: Tensor, times: Tensor) -> Tensor:
        centre = torch.stack([0 * times, self.speed * times, 0 * times], -1)
        return self.level * ((points - centre).norm(dim=-1) < self.radius)


class Fog(Ball):
    """Density that falls off smoothly from the middle."""

    def density(self, points: Tensor, times: Tensor) -> Tensor:
        return self.level * (-4 * points.square().sum(-1)).exp()


def cameras(size: tuple[int, int] = (24, 20), azimuths: tuple[float, ...] = (0.0, 70.0)):
    return orbit(torch.tensor(azimuths), 20.0, 3.0, 40.0, size)


def chords(radius: float) -> Tensor:
    """(2, 24, 20) length of every ray inside a ball at the origin."""
    rays = pixel_rays(cameras())
    along = -(rays.origins * rays.directions).sum(-1)
    square = radius**2 - (rays.origins.square().sum(-1) - along.square())
    return 2 * square.clamp(min=0).sqrt()


def test_a_ball_lets_through_what_beer_and_lambert_say():
    rendered = VolumeRenderer(Ball(), samples=2000)(cameras(), torch.zeros(1))
    opacity = 1 - (-4.0 * chords(0.5)).exp()
    assert_close(rendered.opacity[:, 0, ..., 0], opacity, atol=0.015, rtol=0)
    assert_close(rendered.rgb[:, 0], 1 - opacity[..., None] * (1 - RED), atol=0.015, rtol=0)


def test_depth_of_an_opaque_ball_is_the_distance_to_it():
    rendered = VolumeRenderer(Ball(density=2000.0), samples=2000)(cameras(), torch.zeros(1))
    rays = pixel_rays(cameras())
    hit = chords(0.5) > 0.2
    want = -(rays.origins * rays.directions).sum(-1) - chords(0.5) / 2
    assert_close(rendered.depth[:, 0, ..., 0][hit], want[hit], atol=0.005, rtol=0)
    assert (rendered.depth[:, 0, ..., 0][chords(0.5) == 0] == 0).all()


def test_normals_of_a_fog_point_outwards_and_weigh_as_much_as_it_shows():
    rendered = VolumeRenderer(Fog(density=3.0), samples=500)(cameras(), torch.zeros(1))
    rays, opacity = pixel_rays(cameras()), rendered.opacity[:, 0]
    surface = rays.origins + rays.directions * (rendered.depth[:, 0] / opacity.clamp(min=1e-6))
    want = opacity * nn.functional.normalize(surface, dim=-1)
    shown = opacity[..., 0] > 0.15
    assert_close(rendered.normal[:, 0][shown], want[shown], atol=0.02, rtol=0)


def test_every_frame_sees_its_own_time():
    rendered = VolumeRenderer(Ball(speed=0.4), samples=200)(cameras((40, 40), (0.0,)), torch.tensor([0.0, 0.5, 0.9]))
    rows = torch.arange(40.0)[:, None]
    middle = (rendered.opacity[0, ..., 0] * rows).sum((1, 2)) / rendered.opacity[0, ..., 0].sum((1, 2))
    assert middle[0] - middle[1] > 2
    assert middle[1] - middle[2] > 1.5


def test_cutting_a_render_into_chunks_changes_nothing():
    whole, parts = VolumeRenderer(Fog()), VolumeRenderer(Fog(), chunk=333)
    for random in (None, 5):
        a, b = (
            renderer(cameras(), torch.tensor([0.0, 0.4]), generator=random and generator_at(0, random))
            for renderer in (whole, parts)
        )
        assert_close(a.rgb, b.rgb)
        assert_close(a.normal, b.normal)


def gradients_and_kept(renderer: VolumeRenderer, random: int) -> tuple[list[Tensor], int]:
    """Gradients of a clip's pixels with random weights, and the bytes that were kept for them."""
    kept = 0

    def keep(x: Tensor) -> Tensor:
        nonlocal kept
        kept += x.numel() * x.element_size()
        return x

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda x: x):
        rendered = renderer(cameras(), torch.arange(6) / 6, normals=False, generator=generator_at(0, random))
    numbers = torch.Generator().manual_seed(7)
    readings = [
        (x * torch.rand(x.shape, generator=numbers)).sum() for x in (rendered.rgb, rendered.opacity, rendered.depth)
    ]
    return list(torch.autograd.grad(sum(readings), list(renderer.field.parameters()))), kept


def test_a_clip_drawn_again_has_the_plain_gradients_and_keeps_little_but_its_pixels():
    field = Hash4D(StaticField(levels=4, log2_rows=10), 4, 10, 4, 32, 2, 16, init_scale=0.1)
    plain, again = VolumeRenderer(field, samples=64), VolumeRenderer(field, samples=64, chunk=600, recompute=True)
    (want, whole), (got, parts) = gradients_and_kept(plain, 5), gradients_and_kept(again, 5)
    assert all((x != 0).any() for x in want)
    for a, b in zip(got, want, strict=True):
        assert_close(a, b, rtol=1e-4, atol=1e-4 * float(b.abs().max()))
    assert parts < whole / 20
    other, _ = gradients_and_kept(again, 6)
    assert not torch.allclose(other[0], got[0], rtol=1e-2)  # had the numbers not been the same, it would show


def test_a_clip_in_the_same_chunks_drawn_again_has_the_same_gradients_to_the_bit():
    field = Hash4D(StaticField(levels=4, log2_rows=10), 4, 10, 4, 32, 2, 16, init_scale=0.1)
    plain, again = (VolumeRenderer(field, samples=64, chunk=600, recompute=recompute) for recompute in (False, True))
    (want, _), (got, _) = gradients_and_kept(plain, 5), gradients_and_kept(again, 5)
    assert all(torch.equal(a, b) for a, b in zip(got, want, strict=True))


def test_chance_comes_from_the_generator_alone():
    renderer = VolumeRenderer(Fog())
    a, b, c = (renderer(cameras(), torch.zeros(1), generator=generator_at(0, step)).rgb for step in (1, 1, 2))
    assert torch.equal(a, b)
    assert not torch.equal(a, c)
    assert torch.equal(renderer(cameras(), torch.zeros(1)).rgb, renderer(cameras(), torch.zeros(1)).rgb)


def test_gradients_agree_with_differences():
    renderer = VolumeRenderer(Fog(density=2.0))
    weights = torch.tensor([0.3, 0.9, 0.5])

    def reading() -> Tensor:
        rendered = renderer(cameras(), torch.zeros(1), normals=False)
        parts = rendered.rgb, rendered.opacity, rendered.depth
        return sum(w * x.double().sum() for w, x in zip(weights, parts, strict=True))

    slope = torch.autograd.grad(reading(), renderer.field.level)[0]
    with torch.no_grad():
        renderer.field.level.data += 0.01
        up = reading()
        renderer.field.level.data -= 0.02
        down = reading()
    assert_close(float(slope), float((up - down) / 0.02), rtol=0.02, atol=0)


def test_the_slope_of_a_linear_density_is_exact_and_differentiable():
    class Ramp(Fog):
        def density(self, points: Tensor, times: Tensor) -> Tensor:
            return self.level * points @ torch.tensor([1.0, -2.0, 0.5])

    field = Ramp(density=3.0)
    gradient = density_gradient(
        field, torch.rand(5, 3, generator=torch.Generator().manual_seed(0)), torch.zeros(5), 0.05
    )
    assert_close(gradient, torch.tensor([3.0, -6.0, 1.5]).expand(5, 3), rtol=1e-4, atol=1e-4)
    gradient[:, 0].sum().backward()
    assert_close(field.level.grad, torch.tensor(5.0))


def test_looking_at_nothing_gives_white():
    renderer = VolumeRenderer(Fog())
    renderer.occupancy.from_points(torch.tensor([[0.9, 0.9, 0.9]]))
    rendered = renderer(orbit(torch.zeros(1), -80.0, 3.0, 5.0, (8, 8)), torch.zeros(1))
    assert (rendered.rgb == 1).all()
    assert (rendered.opacity == 0).all() and (rendered.depth == 0).all() and (rendered.normal == 0).all()


def test_normals_are_left_out_when_not_asked_for():
    assert VolumeRenderer(Fog())(cameras(), torch.zeros(1), normals=False).normal is None


@pytest.mark.parametrize("resolution", [0, 30])
def test_an_occupancy_that_cannot_be_coarsened_is_refused(resolution):
    with pytest.raises(ValueError, match=f"{resolution=}"):
        VolumeRenderer(Fog(), resolution=resolution)
