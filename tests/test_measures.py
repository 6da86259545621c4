"""Measures that need no weights agree with other packages, or with what follows by hand."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from moving_ball import MovingBall
from scipy.ndimage import map_coordinates
from scipy.spatial import cKDTree
from skimage.measure import label
from skimage.metrics import structural_similarity
from skimage.transform import downscale_local_mean

from to4d.geometry import orbit, pixel_rays
from to4d.metrics import motion_amount as motion
from to4d.metrics.consistency import view_agreement
from to4d.metrics.final_metrics import FinalMetrics
from to4d.metrics.floaters import floaters
from to4d.metrics.identity import SCALES, ms_ssim, silhouette_iou, ssim
from to4d.metrics.per_view import deformation_figures
from to4d.metrics.rigidity import local_stretch, mean_of_largest
from to4d.protocols import Scene
from to4d.types import Cameras, Prompt, Render
from to4d.viewpoints import Viewpoints, render_views


def noisy_picture(height: int, width: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """A picture (H, W, 3) with coarse and fine detail, and the same with noise."""
    random = torch.Generator().manual_seed(seed)
    coarse = torch.rand(1, 3, 5, 5, generator=random)
    picture = torch.nn.functional.interpolate(coarse, (height, width), mode="bicubic")[0].permute(1, 2, 0).clamp(0, 1)
    return picture, (picture + 0.1 * torch.randn(picture.shape, generator=random)).clamp(0, 1)


def by_scikit_image(a: np.ndarray, b: np.ndarray, scales: int) -> float:
    """Of pictures (H, W, 3): with a huge K1 luminance is 1 to 1e-12, which leaves contrast times structure."""
    exponents, value = np.array(SCALES[:scales]) / sum(SCALES[:scales]), 1.0
    window = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": 1.0}
    for scale, exponent in enumerate(exponents, start=1):
        value *= structural_similarity(a, b, K1=0.01 if scale == scales else 1e6, channel_axis=-1, **window) ** exponent
        even = (slice(len(a) // 2 * 2), slice(a.shape[1] // 2 * 2))
        a, b = downscale_local_mean(a[even], (2, 2, 1)), downscale_local_mean(b[even], (2, 2, 1))
    return value


@pytest.mark.parametrize(("height", "width", "scales"), [(176, 201, 5), (128, 128, 4), (60, 47, 3), (30, 40, 2)])
def test_ms_ssim_is_that_of_scikit_image_with_as_many_scales_as_fit(height, width, scales):
    picture, noisy = noisy_picture(height, width)
    expected = by_scikit_image(noisy.double().numpy(), picture.double().numpy(), scales)
    assert ms_ssim(noisy, picture).item() == pytest.approx(expected, abs=1e-9)


def test_ms_ssim_of_a_batch_is_that_of_its_pictures_and_1_for_equal_ones():
    picture, noisy = noisy_picture(44, 44)
    assert torch.allclose(
        ms_ssim(torch.stack([picture, noisy]), picture),
        torch.stack([ms_ssim(picture, picture), ms_ssim(noisy, picture)]),
    )
    assert ms_ssim(picture, picture).item() == pytest.approx(1.0)


def test_coarse_scales_forgive_fine_noise():
    picture, noisy = noisy_picture(128, 128)
    assert ssim(noisy, picture) < ms_ssim(noisy, picture) < 1.0


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**31))
def test_the_overlap_of_masks_is_that_of_their_sets(seed):
    a, b = np.random.default_rng(seed).random((2, 9, 11)) > 0.5
    sets = [set(zip(*np.nonzero(mask), strict=True)) for mask in (a, b)]
    expected = len(sets[0] & sets[1]) / len(sets[0] | sets[1])
    assert silhouette_iou(torch.tensor(a), torch.tensor(b)).item() == pytest.approx(expected)


def test_a_silhouette_that_moves_by_half_its_width_keeps_a_third():
    """Shared 5 of 15 columns."""
    clip = torch.zeros(2, 20, 30)
    clip[0, :, :10], clip[1, :, 5:15] = 1.0, 1.0
    assert silhouette_iou(clip, clip[:1]).tolist() == pytest.approx([1.0, 1 / 3])
    assert silhouette_iou(torch.zeros(2, 3, 3), torch.zeros(3, 3)).isnan().all()


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**31))
def test_floaters_are_the_pieces_of_scikit_image_but_the_largest(seed):
    clip = np.random.default_rng(seed).random((3, 12, 15))
    pieces = [np.unique(label(frame > 0.5, connectivity=2), return_counts=True)[1][1:] for frame in clip]
    expected = [1.0 - areas.max() / areas.sum() for areas in pieces]
    assert floaters(torch.tensor(clip)).tolist() == pytest.approx(expected)


def test_a_jumping_object_has_no_floaters_and_a_torn_one_has():
    clip = torch.zeros(4, 20, 20)
    clip[0, 10:18, 5:15], clip[1, 2:10, 5:15] = 1.0, 1.0  # 80 px, somewhere else
    clip[2, 10:18, 5:9], clip[2, 10:18, 10:16] = 1.0, 1.0  # 32 px torn off 48
    assert floaters(clip)[:3].tolist() == pytest.approx([0.0, 0.0, 0.4])
    assert floaters(clip)[3].isnan()


def cloud(count: int = 300, seed: int = 0) -> torch.Tensor:
    return torch.rand(count, 3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_rigid_motion_does_not_stretch_and_growing_by_a_fifth_does_by_a_fifth():
    points, angle = cloud(), 1.0
    cos, sin = math.cos(angle), math.sin(angle)
    turn = torch.tensor([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]], dtype=torch.float64)
    stretch = local_stretch(torch.stack([points, points @ turn + 0.3, 1.2 * points]))
    assert stretch[:2].abs().max() < 1e-12
    assert torch.allclose(stretch[2], torch.full_like(stretch[2], 0.2))


def test_neighbours_are_those_of_a_search_tree():
    points = cloud().numpy()
    bent = points + 0.2 * np.sin(5 * points[:, [1, 2, 0]])
    _, near = cKDTree(points).query(points, k=7)
    before, after = (np.linalg.norm(x[near[:, 1:]] - x[:, None], axis=-1) for x in (points, bent))
    expected = np.abs(after - before).sum(1) / before.sum(1)
    assert np.allclose(local_stretch(torch.tensor(np.stack([points, bent])))[1], expected)


def test_a_sheet_pulled_along_one_axis_is_stretched_by_half_of_it():
    """Of four neighbours on a square grid, two lie along x: (2 * 0.5 + 2 * 0) / 4 inside."""
    x, y = torch.meshgrid(torch.arange(9.0), torch.arange(9.0), indexing="ij")
    sheet = torch.stack([x, y, 0 * x], -1).view(-1, 3)
    stretch = local_stretch(torch.stack([sheet, sheet * torch.tensor([1.5, 1.0, 1.0])]), neighbours=4)
    assert torch.allclose(stretch[1].view(9, 9)[1:-1, 1:-1], torch.tensor(0.25))


def test_a_limb_that_turns_stretches_only_its_joint():
    """Of 300 points, those farther from x = 0.5 than the neighbours keep their distances; the mean is below the top."""
    points = cloud()
    turned = points.clone()
    turned[:, 1] = torch.where(points[:, 0] > 0.5, -points[:, 1], points[:, 1])  # a mirror image is as long
    stretch = local_stretch(torch.stack([points, turned]))
    far = (points[:, 0] - 0.5).abs() > 0.35
    assert stretch[1, far].max() < 1e-12 and mean_of_largest(stretch)[1] > 5 * stretch[1].mean() > 0.0
    assert deformation_figures(None) == {"stretch": None, "stretch_top5": None}
    assert deformation_figures(torch.stack([points, 1.1 * points])) == pytest.approx(
        {"stretch": 0.1, "stretch_top5": 0.1}
    )


CAMERAS = orbit(torch.tensor([0.0, 90.0]), 0.0, 3.0, 40.0, (48, 48))
NORMAL = torch.tensor([1.0, 0.0, 1.0]) / math.sqrt(2.0)  # of a wall that both cameras see at 45 degrees


def wall(forward: float = 0.0, brighter: float = 0.0) -> Render:
    """(B, 1) the wall through the origin; for the second camera moved towards it along its normal, and brighter."""
    rays = pixel_rays(CAMERAS)
    shift = torch.tensor([0.0, forward])[:, None, None]
    depth = (shift - rays.origins @ NORMAL) / (rays.directions @ NORMAL)
    points = rays.origins + depth[..., None] * rays.directions
    color = 0.4 + 0.1 * points + torch.tensor([0.0, brighter]).view(2, 1, 1, 1)
    return Render(color[:, None], torch.ones_like(depth)[:, None, ..., None], depth[:, None, ..., None])


def test_views_of_one_wall_agree():
    agreement = view_agreement(wall(), CAMERAS)
    assert agreement.color < 1e-4 and agreement.gap < 1e-3 and agreement.holes == 0.0


def test_a_colour_that_differs_between_views_is_found_exactly():
    assert view_agreement(wall(brighter=0.125), CAMERAS).color == pytest.approx(0.125, abs=1e-3)


def test_a_surface_that_lies_elsewhere_in_another_view_is_found_along_its_rays():
    """A wall moved by e along its normal n moves by e / |n d| along a ray d."""
    agreement = view_agreement(wall(forward=0.01), CAMERAS)
    rays = pixel_rays(CAMERAS).directions[1]
    expected = 0.01 / (rays @ NORMAL).abs()
    assert expected.min() < agreement.gap < expected.max()
    assert agreement.gap == pytest.approx(0.01 * math.sqrt(2.0), rel=0.1) and agreement.holes == 0.0


def test_what_one_view_looks_through_is_a_hole_and_what_stands_in_front_hides():
    """The second camera looks through all points that the first one sees; its own are hidden from the first."""
    agreement = view_agreement(wall(forward=-0.2), CAMERAS)
    assert math.isnan(agreement.color) and math.isnan(agreement.gap)
    assert agreement.holes == 1.0


def test_an_object_that_one_view_misses_is_all_holes():
    clips = wall()
    visible = torch.tensor([1.0, 0.0]).view(2, 1, 1, 1, 1)
    assert view_agreement(Render(clips.rgb, clips.opacity * visible, clips.depth * visible), CAMERAS).holes == 1.0


def test_all_views_of_a_moving_ball_agree():
    cameras = Viewpoints(size=96).cameras()
    agreement = view_agreement(render_views(MovingBall(0.2), cameras, torch.tensor([0.0, 0.4])), cameras)
    assert agreement.holes == 0.0 and agreement.gap < 0.003
    assert agreement.color < 0.03  # red in front, blue behind: only their border is blurred


def test_an_offset_camera_order_changes_nothing():
    turned = Cameras(CAMERAS.pose.flip(0), CAMERAS.fov.flip(0), CAMERAS.size)
    clips = wall(forward=0.01)
    other = Render(clips.rgb.flip(0), clips.opacity.flip(0), clips.depth.flip(0))
    a, b = view_agreement(clips, CAMERAS), view_agreement(other, turned)
    assert (a.color, a.gap, a.holes) == pytest.approx((b.color, b.gap, b.holes))


def test_the_warp_error_is_that_of_scipy():
    random = torch.Generator().manual_seed(0)
    frames, flow = torch.rand(2, 32, 40, 3, generator=random), 4.0 * torch.rand(1, 32, 40, 2, generator=random) - 2.0
    y, x = np.mgrid[:32, :40]
    where = [y + flow[0, ..., 1].numpy(), x + flow[0, ..., 0].numpy()]
    later = frames[1].double().numpy()
    fetched = np.stack([map_coordinates(later[..., c], where, order=1, mode="nearest") for c in range(3)], -1)
    expected = np.abs(fetched - frames[0].numpy()).mean()
    assert motion.warp_error(frames, flow, torch.ones(2, 32, 40)) == pytest.approx(expected, abs=1e-3)


def test_flicker_is_the_complement_of_vbenchs_figure():
    """VBench: (255 - mean absolute difference of bytes) / 255."""
    clip = torch.randint(0, 256, (4, 8, 8, 3), generator=torch.Generator().manual_seed(0))
    pairs = zip(clip[:-1].double().numpy(), clip[1:].double().numpy(), strict=True)
    score = np.mean([(255.0 - np.abs(a - b).mean()) / 255.0 for a, b in pairs])
    assert motion.flicker(clip / 255.0) == pytest.approx(1.0 - score, abs=1e-6)


def test_every_run_reports_them_or_says_why_not():
    still, jumping = MovingBall(0.0), MovingBall(0.3)
    figures = FinalMetrics(views=Viewpoints(size=64), frames=4)(Scene(still, jumping, Prompt("a ball jumping", "ball")))
    assert 0.3 < figures["eval/silhouette_iou"] < figures["eval/silhouette_iou_t0"] == 1.0
    assert figures["eval/ms_ssim_t0/090"] == pytest.approx(1.0) and figures["eval/ms_ssim"] < 0.9
    assert figures["eval/floaters"] == figures["eval/floaters_mesh"] == figures["eval/view_holes"] == 0.0
    assert figures["eval/view_color"] == pytest.approx(figures["eval/view_color_mesh"], abs=0.02)
    assert len(figures["eval/silhouette_iou_by_frame/270"]) == 4
    assert figures["eval/stretch"] is None and "model=deform" in figures["eval/notes"]["eval/stretch_top5"]


def test_one_view_alone_has_no_agreement_and_a_note():
    ball = MovingBall(0.0)
    scene = Scene(ball, ball, Prompt("a ball jumping", "ball"))
    figures = FinalMetrics(views=Viewpoints(azimuths_deg=(0.0,), size=32), frames=2)(scene)
    assert figures["eval/view_gap"] is None and "eval/view_gap" in figures["eval/notes"]
