import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from to4d.geometry import orbit, pixel_rays
from to4d.kernels.march import OccupiedCells, march, march_twin


def camera_rays(azimuth: float, elevation: float, distance: float) -> tuple[torch.Tensor, torch.Tensor]:
    rays = pixel_rays(orbit(torch.tensor([azimuth]), elevation, distance, 50.0, (9, 11)))
    return rays.origins.reshape(-1, 3).contiguous(), rays.directions.reshape(-1, 3)


def every_sample(origins, directions, bins, bits, shift, step) -> set[tuple[int, int]]:
    """(ray, k) of all samples in occupied cells, by asking every k there can be."""
    size, hits = bits.shape[-1], set()
    o, d, u = (x.numpy() for x in (origins, directions, shift))
    for k in range(int(8 / step)):
        t = (np.float32(k) + u) * np.float32(step)
        place = (o + t[:, None] * d + np.float32(1)) * np.float32(size / 2)
        index = np.floor(place).astype(int)
        inside = ((index >= 0) & (index < size)).all(1)
        for r in np.flatnonzero(inside):
            if bits[(bins[r], *index[r])]:
                hits.add((r, k))
    return hits


@given(
    st.integers(0, 10_000), st.floats(-180, 180), st.floats(-80, 80), st.floats(0.1, 4), st.sampled_from([0.01, 0.3])
)
@settings(max_examples=25, deadline=None)
def test_marching_finds_every_sample_in_an_occupied_cell_and_no_other(seed, azimuth, elevation, distance, share):
    generator = torch.Generator().manual_seed(seed)
    bits = (torch.rand(2, 16, 16, 16, generator=generator) < share).to(torch.uint8)
    origins, directions = camera_rays(azimuth, elevation, distance)
    bins = torch.randint(0, 2, (len(origins),), generator=generator)
    shift = torch.rand(len(origins), generator=generator)
    step = np.float32(0.031)
    samples = march(origins, directions, bins, OccupiedCells.of(bits), shift, step)
    steps = (samples.depth / step - shift[samples.rays]).round().long()
    found = list(zip(samples.rays.tolist(), steps.tolist(), strict=True))
    assert set(found) == every_sample(origins, directions, bins, bits, shift, step)
    assert len(set(found)) == len(found)
    twin = march_twin(origins, directions, bins, OccupiedCells.of(bits), shift, step)
    for name, values in vars(samples).items():
        torch.testing.assert_close(getattr(twin, name), values, rtol=0, atol=1e-6)


def test_samples_lie_on_their_rays_front_to_back():
    origins, directions = camera_rays(0.0, 0.0, 3.0)
    full = OccupiedCells.of(torch.ones(1, 8, 8, 8, dtype=torch.uint8))
    samples = march(origins, directions, torch.zeros(99, dtype=torch.long), full, torch.full((99,), 0.5), 0.05)
    on_ray = origins[samples.rays] + samples.depth[:, None] * directions[samples.rays]
    torch.testing.assert_close(samples.points, on_ray)
    torch.testing.assert_close(samples.rays, torch.repeat_interleave(torch.arange(99), samples.offsets.diff()))
    same_ray = samples.rays[1:] == samples.rays[:-1]
    assert (samples.depth.diff()[same_ray] > 0.049).all()
    assert samples.offsets.diff()[49] == 2 / 0.05  # the ray through the middle crosses the whole box


@pytest.mark.parametrize("marching", [march, march_twin])
def test_an_empty_grid_gives_no_samples(marching):
    origins, directions = camera_rays(0.0, 0.0, 3.0)
    empty = OccupiedCells.of(torch.zeros(1, 8, 8, 8, dtype=torch.uint8))
    samples = marching(origins, directions, torch.zeros(99, dtype=torch.long), empty, torch.zeros(99), 0.05)
    assert len(samples.points) == 0
    assert samples.offsets.tolist() == [0] * 100
