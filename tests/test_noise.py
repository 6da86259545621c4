import pytest
import torch

from to4d.errors import InputError
from to4d.geometry import orbit
from to4d.noise import RandomNoise, ViewConsistentNoise, face_index, unique_faces
from to4d.types import generator_at

FRAMES, MODES = 16, ["paper", "swapped", "next_anchor"]
ANCHORS = torch.arange(FRAMES) / FRAMES
BETWEEN = (torch.arange(FRAMES) + torch.rand(FRAMES, generator=generator_at(0, 0))) / FRAMES
SHAPE = (1, 4, FRAMES, 32, 32)


def cameras(*azimuths):
    return orbit(torch.tensor(azimuths), 10.0, 3.0, 40.0, (256, 256))


def draw(noise, azimuth=10.0, times=BETWEEN, step=0):
    return noise(torch.Size(SHAPE), generator_at(0, step), cameras(azimuth), times)


def directions(count):
    return torch.nn.functional.normalize(torch.randn(count, 3, generator=generator_at(1, 0)), dim=-1)


@pytest.mark.parametrize("mode", MODES)
def test_view_consistent_noise_is_white(mode):
    """All neighbours, in the picture, time and channels; 25 pictures, so that 1 / sqrt(count) is 0.0008."""
    pictures = torch.cat([draw(ViewConsistentNoise(mode, seed=seed), 30.0 * seed) for seed in range(25)])
    assert pictures.mean().abs() < 0.004
    assert (pictures.var() - 1.0).abs() < 0.006
    for axis in (1, 2, 3, 4) if mode != "next_anchor" else (1, 3, 4):
        left, right = (pictures.narrow(axis, start, pictures.shape[axis] - 1) for start in (0, 1))
        assert (left * right).mean().abs() < 0.004, f"correlated along axis {axis}"
    diagonal = pictures[..., :-1, :-1] * pictures[..., 1:, 1:]
    assert diagonal.mean().abs() < 0.004


def test_frames_of_next_anchor_share_an_anchor_with_the_next_one():
    """The price of continuity: it is not white in time, and by how much is known."""
    pictures = torch.cat([draw(ViewConsistentNoise("next_anchor", seed=seed), 30.0 * seed) for seed in range(10)])
    since = BETWEEN * FRAMES - torch.arange(FRAMES)
    found = (pictures[:, :, :-1] * pictures[:, :, 1:]).mean((0, 1, 3, 4))
    assert torch.allclose(found, (since[:-1] * (1 - since[1:])).sqrt(), atol=0.025)


@pytest.mark.parametrize("radius", [0.33, 0.48])
def test_every_pixel_has_variance_one_whether_it_sees_a_face_or_not(radius):
    pictures = torch.cat(
        [draw(ViewConsistentNoise("swapped", level=3, radius=radius, seed=seed)) for seed in range(40)]
    )
    assert (pictures.var((0, 1, 2)) - 1.0).abs().max() < 0.15  # of 2560 numbers each


@pytest.mark.parametrize("mode", MODES)
def test_the_same_view_shows_the_same_noise_at_every_step(mode):
    noise = ViewConsistentNoise(mode)
    assert torch.equal(draw(noise, step=0), draw(noise, step=1))
    assert torch.equal(draw(noise), draw(ViewConsistentNoise(mode)))
    assert not torch.equal(draw(noise), draw(ViewConsistentNoise(mode, seed=1)))


def test_random_noise_is_what_it_was_before_there_was_a_choice():
    assert torch.equal(draw(RandomNoise(), step=3), torch.randn(SHAPE, generator=generator_at(0, 3)))


@pytest.mark.parametrize("mode", ["swapped", "next_anchor"])
def test_a_face_carries_its_noise_from_view_to_view(mode):
    noise, views = ViewConsistentNoise(mode), [10.0, 15.0]
    faces = [unique_faces(orbit(torch.tensor([a]), 10.0, 3.0, 40.0, (32, 32)), 0.48, 5)[0].flatten() for a in views]
    one, other = (draw(noise, a, ANCHORS)[0].flatten(-2) for a in views)
    where = {int(face): i for i, face in enumerate(faces[1]) if face >= 0}
    pairs = torch.tensor([(i, where[int(face)]) for i, face in enumerate(faces[0]) if int(face) in where])
    assert len(pairs) > 0.55 * 32 * 32
    assert torch.equal(one[..., pairs[:, 0]], other[..., pairs[:, 1]])


def test_the_printed_equation_shows_one_picture_to_all_views_at_the_anchors():
    literal, swapped = ViewConsistentNoise("paper"), ViewConsistentNoise("swapped")
    assert torch.equal(draw(literal, 0.0, ANCHORS), draw(literal, 90.0, ANCHORS))
    assert not torch.equal(draw(swapped, 0.0, ANCHORS), draw(swapped, 90.0, ANCHORS))


def test_views_of_a_batch_are_those_of_single_views():
    noise = ViewConsistentNoise()
    both = noise(torch.Size((2, *SHAPE[1:])), generator_at(0, 0), cameras(0.0, 90.0), BETWEEN)
    assert torch.equal(both[1:], draw(noise, 90.0))


def test_next_anchor_is_continuous_where_one_frame_becomes_the_next():
    noise = ViewConsistentNoise("next_anchor")
    at, before = draw(noise, times=ANCHORS), draw(noise, times=ANCHORS + (1 - 1e-6) / FRAMES)
    assert torch.allclose(before[:, :, :-1], at[:, :, 1:], atol=2e-2)
    assert not torch.allclose(before, at, atol=1.0)


def test_faces_cover_the_sphere_evenly_and_nest_and_are_convex():
    points = directions(100_000)
    fine, coarse = face_index(points, 3), face_index(points, 2)
    assert torch.equal(fine // 4, coarse)
    counts = fine.bincount(minlength=20 * 4**3)
    assert len(counts) == 20 * 4**3
    assert counts.min() > 40 and counts.max() < 140  # of 78 in the mean
    order = fine.argsort(stable=True)
    a, b = order[:-1], order[1:]
    together = fine[a] == fine[b]
    middle = torch.nn.functional.normalize(points[a] + points[b], dim=-1)[together]
    assert torch.equal(face_index(middle, 3), fine[a][together])


def test_no_two_pixels_show_one_face():
    shown = unique_faces(orbit(torch.tensor([0.0, 70.0]), 0.0, 2.5, 40.0, (32, 32)), 0.52, 4)
    for view in shown.flatten(1):
        mine = view[view >= 0]
        assert len(mine.unique()) == len(mine) > 100


def test_the_sphere_grows_with_the_distance_of_the_camera():
    near, far = (unique_faces(orbit(torch.tensor([20.0]), 5.0, d, 40.0, (32, 32)), 0.48, 5) for d in (2.0, 4.0))
    assert (near == far).float().mean() > 0.99  # but for rounding at edges of faces
    assert (near >= 0).float().mean() > 0.9


@pytest.mark.parametrize("mode", MODES)
def test_latents_that_join_frames_have_white_noise_of_their_own_number_of_frames(mode):
    joined, times = torch.Size((1, 4, 5, 32, 32)), (torch.arange(17) + 0.3) / 17  # four frames make one
    drawn = ViewConsistentNoise(mode)(joined, generator_at(0, 0), cameras(10.0), times)
    assert drawn.shape == joined
    assert drawn.mean().abs() < 0.03 and (drawn.var() - 1.0).abs() < 0.05  # of 20,480 numbers


def test_a_joined_frame_is_as_far_on_its_way_to_the_next_anchor_as_its_frames_are_on_average():
    offsets = torch.tensor([0.0, 0.2, 0.3, 0.4, 0.5, 0.1, 0.1, 0.7, 0.9])
    times, means = (torch.arange(9) + offsets) / 9, torch.tensor([0.0, 0.35, 0.45])
    noise, shape = ViewConsistentNoise("next_anchor"), torch.Size((1, 4, 3, 32, 32))
    drawn, alike = (noise(shape, generator_at(0, 0), cameras(10.0), t) for t in (times, (torch.arange(3) + means) / 3))
    torch.testing.assert_close(drawn, alike)


def test_a_sphere_around_the_camera_and_an_unknown_mode_are_refused():
    with pytest.raises(InputError, match=r"noise\.radius=1\.5"):
        ViewConsistentNoise(radius=1.5)
    with pytest.raises(InputError, match="'loud'.*paper, swapped, next_anchor"):
        ViewConsistentNoise("loud")
