"""The CUDA reference: its projection everywhere, its pictures where there is a GPU and nvdiffrast."""

import importlib.util

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from to4d.errors import InputError
from to4d.geometry import orbit, project
from to4d.objects.plant import load_plant
from to4d.render.mesh_cpu import MeshRenderer
from to4d.render.nvdiffrast import NvdiffrastRenderer, clip_positions

HAS_NVDIFFRAST = importlib.util.find_spec("nvdiffrast") is not None


@settings(deadline=None)
@given(st.floats(-180, 180), st.floats(-80, 80), st.integers(5, 90), st.integers(5, 90))
def test_clip_positions_land_on_the_pixels_of_project(azimuth, elevation, height, width):
    cameras = orbit(torch.tensor([azimuth, azimuth + 90]), elevation, 2.5, 40.0, (height, width))
    points = torch.tensor([[0.1, 0.5, -0.2], [0.0, 0.0, 0.0], [-0.4, -0.3, 0.3]])
    canvas = (height + 3, width + 5)
    clip = clip_positions(points, cameras, canvas)
    ndc = clip[..., :2] / clip[..., 3:]
    pixels = (ndc + 1) / 2 * torch.tensor([canvas[1], canvas[0]])
    torch.testing.assert_close(pixels, project(points, cameras), atol=1e-3, rtol=0)
    assert (clip[..., 2].abs() < clip[..., 3]).all()  # between the near and far planes


def test_the_offset_moves_the_rays_not_the_object():
    plain, moved = (orbit(torch.zeros(1), 0.0, 2.5, 40.0, (8, 8), s) for s in (None, torch.tensor([[0.25, -0.5]])))
    points = torch.tensor([[0.1, 0.2, 0.3]])
    a, b = (clip_positions(points, c, (8, 8)) for c in (plain, moved))
    shift = (b[..., :2] / b[..., 3:] - a[..., :2] / a[..., 3:]) * 4
    torch.testing.assert_close(shift, torch.tensor([[[-0.25, 0.5]]]), atol=1e-5, rtol=0)


@pytest.mark.skipif(HAS_NVDIFFRAST, reason="nvdiffrast is installed")
def test_without_nvdiffrast_the_error_names_the_command_that_installs_it():
    with pytest.raises(InputError, match="make setup-gpu"):
        NvdiffrastRenderer(load_plant())


@pytest.mark.skipif(not (HAS_NVDIFFRAST and torch.cuda.is_available()), reason="needs CUDA and nvdiffrast")
def test_both_references_draw_the_same_plant():
    mesh = load_plant()
    cameras = orbit(torch.tensor([0.0, 75.0]), 15.0, 2.5, 40.0, (72, 60))
    cpu = MeshRenderer(mesh)(cameras, torch.zeros(1))
    gpu = NvdiffrastRenderer(mesh)(cameras.to(torch.device("cuda")), torch.zeros(1, device="cuda"))
    for name, limit in (("rgb", 0.02), ("opacity", 0.01), ("depth", 0.02), ("normal", 0.03)):
        assert (getattr(gpu, name).cpu() - getattr(cpu, name)).abs().mean() < limit, name
