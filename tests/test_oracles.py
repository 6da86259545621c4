"""Measures of motion and haze are those of NumPy and scikit-image on random clips; where VBench has any, its own."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.measure import label

from to4d.metrics import motion_amount as motion
from to4d.metrics.clip_similarity import clip_similarities
from to4d.metrics.identity import haze

SEEDS = {"seed": st.integers(0, 2**31)}
few = settings(max_examples=10, deadline=None)


def numbers(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).random(shape)


def vbench_top5(flow: np.ndarray) -> float:
    """get_score of vbench/dynamic_degree.py, of one (H, W, 2)."""
    lengths = np.sqrt(np.square(flow[..., 0]) + np.square(flow[..., 1])).flatten()
    return float(np.mean(abs(np.sort(-lengths))[: int(len(lengths) * 0.05)]))


@few
@given(**SEEDS, height=st.integers(20, 40), width=st.integers(20, 40))
def test_the_longest_flow_is_that_of_vbench_in_pixels_of_256(seed, height, width):
    flow = 10.0 * numbers(seed, 3, height, width, 2) - 5.0
    expected = [vbench_top5(pair) * 256 / min(height, width) for pair in flow]
    assert motion.flow_top5(torch.tensor(flow)).tolist() == pytest.approx(expected)


@few
@given(**SEEDS, frames=st.integers(2, 33))
def test_a_clip_is_dynamic_where_vbench_says_so(seed, frames):
    """set_params and check_move of vbench/dynamic_degree.py: the threshold follows the size, the count the frames."""
    speeds, size = 12.0 * numbers(seed, frames - 1) ** 2, 40
    flow = np.broadcast_to(speeds[:, None, None, None], (frames - 1, size, size, 2)) * size / 256 / 2**0.5
    fast = sum(vbench_top5(pair) > 6.0 * (size / 256.0) for pair in flow)
    assert motion.is_dynamic(torch.tensor(flow)) == (fast >= round(4 * (frames / 16.0)))


@few
@given(**SEEDS)
def test_flow_is_the_mean_length_weighted_by_the_object(seed):
    flow, opacity = numbers(seed, 3, 32, 40, 2), numbers(seed + 1, 4, 32, 40)
    expected = np.average(np.hypot(flow[..., 0], flow[..., 1]), weights=opacity[:-1]) * 256 / 32
    assert motion.flow_magnitude(torch.tensor(flow), torch.tensor(opacity)) == pytest.approx(expected)


@few
@given(**SEEDS)
def test_change_and_acceleration_are_first_and_second_differences(seed):
    clip = numbers(seed, 6, 9, 11)
    change = np.mean([np.abs(frame - clip[0]).sum() for frame in clip[1:]]) / clip[0].sum()
    second = np.abs(np.diff(clip, n=2, axis=0)).sum((1, 2)).mean() / clip.sum((1, 2)).mean()
    assert motion.silhouette_change(torch.tensor(clip)) == pytest.approx(change)
    assert motion.acceleration(torch.tensor(clip)) == pytest.approx(second)


@few
@given(**SEEDS)
def test_haze_is_what_lies_outside_the_pieces_of_scikit_image(seed):
    clip, mesh = numbers(seed, 3, 40, 30) ** 3, np.zeros((40, 30))
    clip[:, 10:30, 8:22], mesh[10:30, 8:22] = 0.9, 1.0
    pieces = label(clip > 0.5, connectivity=3)
    own = np.unique(pieces[0][mesh > 0.5])
    places = np.argwhere(np.isin(pieces, own[own > 0]).any(0))
    grid = np.stack(np.mgrid[:40, :30], -1)
    near = np.linalg.norm(grid[:, :, None] - places, axis=-1).min(-1) <= 0.03 * 40
    expected = clip[:, ~near].sum() / clip[:, near].sum()
    assert haze(torch.tensor(clip), torch.tensor(mesh)) == pytest.approx(expected)


@few
@given(**SEEDS)
def test_likenesses_are_cosines(seed):
    frames, mesh, prompt = numbers(seed, 4, 7), numbers(seed + 1, 1, 7), numbers(seed + 2, 1, 7)

    def cosine(a: np.ndarray, b: np.ndarray) -> float:
        return float(np.mean([x @ y / np.sqrt((x @ x) * (y @ y)) for x, y in zip(a, b, strict=True)]))

    expected = cosine(frames, mesh.repeat(4, 0)), cosine(frames[:-1], frames[1:]), cosine(frames, prompt.repeat(4, 0))
    similarities = clip_similarities(*(torch.tensor(x) for x in (frames, mesh, prompt)))
    assert tuple(similarities.values()) == pytest.approx(expected)
