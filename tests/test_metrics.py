"""Metrics agree with outside oracles and with what is true of pictures by construction."""

import json
import math

import cv2
import numpy as np
import pytest
import silhouettes as draw
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from moving_ball import MovingBall
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from to4d.errors import InputError
from to4d.metrics import motion_amount as motion
from to4d.metrics.final_metrics import FinalMetrics
from to4d.metrics.identity import haze, psnr, ssim
from to4d.protocols import Scene
from to4d.types import Prompt
from to4d.viewpoints import Viewpoints


def pictures(seed: int, height: int = 24, width: int = 31) -> tuple[torch.Tensor, torch.Tensor]:
    random = torch.Generator().manual_seed(seed)
    picture = torch.rand(height, width, 3, generator=random)
    return picture, (picture + 0.2 * torch.randn(picture.shape, generator=random)).clamp(0, 1)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**31), height=st.integers(11, 40), width=st.integers(11, 40))
def test_psnr_and_ssim_are_those_of_scikit_image(seed, height, width):
    picture, noisy = pictures(seed, height, width)
    a, b = noisy.double().numpy(), picture.double().numpy()
    assert psnr(noisy, picture).item() == pytest.approx(peak_signal_noise_ratio(b, a, data_range=1.0), abs=1e-9)
    window = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    expected = structural_similarity(b, a, data_range=1.0, channel_axis=-1, **window)
    assert ssim(noisy, picture).item() == pytest.approx(expected, abs=1e-9)


def test_a_picture_is_identical_to_itself_only():
    picture, noisy = pictures(0)
    assert psnr(picture, picture) == torch.inf and ssim(picture, picture).item() == pytest.approx(1.0)
    assert ssim(noisy, picture) < 1.0


def test_a_batch_is_measured_picture_by_picture():
    clip = torch.stack([torch.stack(pictures(seed)) for seed in range(3)])  # (3, 2, H, W, 3)
    assert torch.allclose(ssim(clip, clip[:, :1])[2, 1], ssim(clip[2, 1], clip[2, 0]))
    assert psnr(clip, clip[:, :1]).shape == (3, 2)


def test_an_object_that_moves_leaves_no_haze():
    clip = draw.clip(draw.tee, draw.jump(0.4))
    assert haze(clip, clip[0]) == 0.0


def test_haze_is_the_share_of_opacity_far_from_the_object():
    clip = torch.zeros(2, 60, 60)
    clip[:, 20:40, 20:40] = 1.0
    clip[1, 50:54, 50:55] = 1.0  # a floater of 20 px beside 2 x 400 px
    clip[0, :5] = 0.1  # and haze of 300 px
    assert haze(clip, clip[0]) == pytest.approx((20 + 30) / 800)


def test_a_soft_edge_of_the_object_is_no_haze():
    clip = torch.zeros(1, 100, 100)
    clip[:, 30:70, 30:70] = 0.4
    clip[:, 32:68, 32:68] = 1.0
    assert haze(clip, clip[0]) == 0.0


def test_without_the_object_all_is_haze():
    clip = torch.full((1, 20, 20), 0.2)
    assert haze(clip, torch.ones(20, 20)) == math.inf


def textured(shift: float, size: int = 96) -> torch.Tensor:
    """(1, H, W, 3): a smooth random texture, moved right by `shift` pixels without interpolation errors."""
    x = torch.arange(size)[None, :] - shift
    y = torch.arange(size)[:, None] * 1.0
    waves = [torch.sin(0.2 * k * x + 0.17 * (5 - k) * y + k) for k in range(1, 5)]
    return (0.5 + 0.12 * sum(waves))[None, ..., None].expand(1, size, size, 3)


@pytest.mark.parametrize("shift", [0.5, 1.0, 2.0])
def test_the_flow_of_a_shifted_picture_is_the_shift(shift):
    flow = motion.optical_flow(torch.cat([textured(0.0), textured(shift)]))
    assert flow.shape == (1, 96, 96, 2)
    inside = flow[0, 16:-16, 16:-16]
    assert inside[..., 0].mean().item() == pytest.approx(shift, abs=0.1)
    assert inside[..., 1].abs().mean() < 0.1


def test_the_flow_agrees_with_an_independent_method():
    frames = torch.cat([textured(0.0), textured(1.5)])
    grey = (255 * frames[..., 0]).round().to(torch.uint8).numpy()
    other = cv2.calcOpticalFlowFarneback(grey[0], grey[1], None, 0.5, 3, 15, 5, 7, 1.5, 0)
    ours = motion.optical_flow(frames)[0].numpy()
    assert np.abs(ours - other)[16:-16, 16:-16].mean() < 0.2


def test_flow_figures_do_not_depend_on_the_image_size():
    small, large = torch.full((1, 64, 64, 2), 0.5), torch.full((1, 128, 128, 2), 1.0)
    assert motion.flow_magnitude(small, torch.ones(2, 64, 64)) == pytest.approx(
        motion.flow_magnitude(large, torch.ones(2, 128, 128))
    )
    assert torch.allclose(motion.flow_top5(small), motion.flow_top5(large))


def test_only_the_object_counts_for_the_flow_magnitude():
    flow, opacity = torch.zeros(1, 8, 8, 2), torch.zeros(2, 8, 8)
    opacity[:, :2] = 1.0
    flow[:, :2, :, 0], flow[:, 2:, :, 0] = 0.25, 100.0
    assert motion.flow_magnitude(flow, opacity) == pytest.approx(0.25 * 256 / 8)


def test_the_top_five_percent_are_five_percent():
    flow = torch.zeros(1, 20, 20, 2)
    flow[0, 0, :, 1] = 3.0  # 20 of 400 pixels
    assert motion.flow_top5(flow).item() == pytest.approx(3.0 * 256 / 20)


@pytest.mark.parametrize(("pairs", "dynamic"), [(3, False), (4, True)])
def test_a_clip_of_16_is_dynamic_from_four_fast_pairs(pairs, dynamic):
    flow = torch.zeros(15, 32, 32, 2)
    flow[:pairs, ..., 0] = 6.1 * 32 / 256
    assert motion.is_dynamic(flow) is dynamic


def test_a_resting_clip_has_no_motion_at_all():
    clip, opacity = textured(0.0).repeat(4, 1, 1, 1), torch.ones(4, 96, 96)
    flow = motion.optical_flow(clip)
    assert motion.flow_magnitude(flow, opacity) < 0.05
    assert motion.silhouette_change(opacity) == motion.acceleration(opacity) == motion.flicker(clip) == 0.0


def test_motion_is_explained_by_its_flow_and_flicker_is_not():
    moving = torch.cat([textured(0.7 * i) for i in range(4)])
    flickering = torch.cat([textured(0.0) + 0.1 * (i % 2) for i in range(4)])
    opacity = torch.zeros(4, 96, 96)
    opacity[:, 16:-16, 16:-16] = 1.0
    errors = [motion.warp_error(clip, motion.optical_flow(clip), opacity) for clip in (moving, flickering)]
    assert errors[0] < 0.02 and errors[1] > 0.05
    assert errors[0] < 0.3 * motion.flicker(moving)


def test_acceleration_tells_steady_from_jerky_motion():
    steady = draw.clip(draw.box, draw.fly(0.5))
    jerky = steady[[0, 3, 1, 4, 2, 5, 3, 6]]
    assert motion.acceleration(jerky) > 3 * motion.acceleration(steady)


def test_silhouette_change_grows_with_the_motion():
    small, large = (motion.silhouette_change(draw.clip(draw.tee, draw.sway(a))) for a in (0.1, 0.3))
    assert 0.0 < small < 0.5 * large


def measured(height: float, text: str = "a ball jumping", **settings) -> dict:
    scene = Scene(MovingBall(0.0), MovingBall(height), Prompt(text, "ball"))
    return FinalMetrics(views=Viewpoints(size=64), frames=8, **settings)(scene)


def test_a_jumping_ball_passes_as_jumping_in_all_views_and_as_nothing_else():
    figures = measured(0.3)
    assert figures["eval/motion"] == "jumping" and figures["eval/motion_passed"] is True
    passing = {name: value for name, value in figures.items() if name.startswith("eval/views_passing/") and value}
    assert passing == {"eval/views_passing/jumping": 4}
    assert figures["eval/motion/090"]["value"] == pytest.approx(0.3 / 0.8 / 0.99, rel=0.05)


def test_a_resting_ball_fails_the_prompt_to_jump():
    figures = measured(0.0)
    assert figures["eval/motion_passed"] is False and figures["eval/motion_views"] == 0
    assert figures["eval/silhouette_change"] == 0.0 and figures["eval/ssim"] == pytest.approx(1.0)


def test_the_figures_are_json_and_what_is_missing_has_a_reason():
    figures = json.loads(json.dumps(measured(0.3, "a ball spinning"), allow_nan=False))
    notes = figures["eval/notes"]
    missing = {name for name, value in figures.items() if value is None or (isinstance(value, list) and None in value)}
    assert missing == set(notes)
    assert figures["eval/flow_floor"] is None and figures["eval/psnr_t0/000"] == 100.0  # dB, of equal pictures


def test_a_mean_is_the_mean_of_its_views_and_the_worst_view_is_named():
    figures = measured(0.3)
    views = [figures[f"eval/flow/{name}"] for name in ("000", "090", "180", "270")]
    assert figures["eval/flow"] == pytest.approx(sum(views) / 4)
    assert len(figures["eval/psnr_by_frame/180"]) == 8


def test_the_floor_of_a_run_that_stood_still_stands_beside_the_motion(tmp_path):
    path = tmp_path / "metrics.json"
    path.write_text(json.dumps(measured(0.02)))
    figures = measured(0.3, static_baseline=str(path))
    assert 0.0 < figures["eval/silhouette_change_floor"] < 0.2 * figures["eval/silhouette_change"]
    path.write_text("{}")
    with pytest.raises(InputError, match="metrics.static_baseline=.*metrics.json"):
        measured(0.3, static_baseline=str(path))
