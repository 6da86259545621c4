import sys
from collections.abc import Callable
from types import ModuleType, SimpleNamespace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.testing import assert_close

from to4d.kernels import hash_grid_cuda
from to4d.kernels.composite import composite, composite_twin
from to4d.kernels.hash_grid import encode, encode_twin
from to4d.kernels.hash_layout import HashLayout
from to4d.kernels.mlp import mlp, mlp_twin
from to4d.kernels.time_grid import interpolate_grid, interpolate_grid_twin

LAYOUTS = [
    HashLayout(5, 10, (4,) * 3, (40,) * 3),
    HashLayout(4, 10, (3, 3, 3, 2), (20, 20, 20, 7)),
]


def random(seed: int, *shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def with_gradients(function: Callable[..., Tensor], *inputs: Tensor) -> list[Tensor]:
    """Output of a function, and the gradients of a fixed random reading of it."""
    inputs = [x.clone().requires_grad_() for x in inputs]
    out = function(*inputs)
    return [out.detach(), *torch.autograd.grad((out * random(9, *out.shape)).sum(), inputs)]


@pytest.mark.parametrize("layout", LAYOUTS, ids=["3D", "4D"])
def test_hash_grid_agrees_with_its_twin(layout):
    points, table = random(0, 3000, len(layout.base)) * 1.1 - 0.05, random(1, layout.rows, 2) - 0.5
    axes = slice(0, 3)  # the compiled encoding has no gradient to time
    out, to_points, to_table = with_gradients(lambda p, t: encode(p, t, layout), points, table)
    want, points_want, table_want = with_gradients(lambda p, t: encode_twin(p, t, layout), points, table)
    inside = ((points > 0) & (points < 1)).all(-1)
    assert_close(out, want, rtol=0, atol=2e-5)
    assert_close(to_table, table_want, rtol=1e-4, atol=1e-4)
    assert_close(to_points[inside, axes], points_want[inside, axes], rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("layout", LAYOUTS, ids=["3D", "4D"])
def test_twin_of_the_hash_grid_has_the_right_gradients(layout):
    points, table = random(0, 4, len(layout.base), dtype=torch.float64), random(1, layout.rows, 2, dtype=torch.float64)
    up = random(2, 4, layout.width, dtype=torch.float64)
    points, table = points.requires_grad_(), table.requires_grad_()
    to_points, to_table = torch.autograd.grad((encode_twin(points, table, layout) * up).sum(), [points, table])
    with torch.no_grad():
        for row in range(0, layout.rows, 397):
            nudged = table.clone()
            nudged[row, 1] += 1
            slope = ((encode_twin(points, nudged, layout) - encode_twin(points, table, layout)) * up).sum()
            assert_close(to_table[row, 1], slope)
        for axis in range(points.shape[1]):
            nudge = torch.zeros(points.shape[1], dtype=torch.float64)
            nudge[axis] = 1e-7
            change = encode_twin(points + nudge, table, layout) - encode_twin(points - nudge, table, layout)
            assert_close(to_points[:, axis], (change * up).sum(-1) / 2e-7, rtol=1e-5, atol=1e-5)


def test_paper_sized_grids_have_as_many_values_as_those_of_tiny_cuda_nn():
    assert 2 * HashLayout(16, 19, (16,) * 3, (4096,) * 3).rows == 12_599_920
    assert 2 * HashLayout(16, 19, (16,) * 4, (4096,) * 4).rows == 15_474_688


def test_a_node_of_a_dense_level_shows_its_own_value():
    layout = HashLayout(1, 12, (5, 6, 7), (5, 6, 7))
    table = random(0, layout.rows, 2)
    node = torch.tensor([2, 3, 4])
    point = (node - 0.5) / (torch.tensor([5, 6, 7]) - 1)  # place = x * (r - 1) + 0.5
    assert_close(encode(point[None], table, layout)[0], table[2 + 5 * (3 + 6 * 4)])


def test_a_constant_table_gives_constant_features():
    for layout in LAYOUTS:
        features = encode(random(0, 100, len(layout.base)), torch.full((layout.rows, 2), 0.7), layout)
        assert_close(features, torch.full_like(features, 0.7))


def test_impossible_layouts_are_refused():
    with pytest.raises(ValueError, match=r"\(4, 4\).*\(8, 8\)"):
        HashLayout(4, 10, (4, 4), (8, 8))
    with pytest.raises(ValueError, match=r"\(4, 4, 4\).*\(8, 2, 8\)"):
        HashLayout(4, 10, (4, 4, 4), (8, 2, 8))


@pytest.mark.parametrize("outputs", [1, 3])
@pytest.mark.parametrize("inputs", [16, 6])
def test_head_agrees_with_its_twin(inputs, outputs):
    x, inner, outer = (random(i, *shape) - 0.5 for i, shape in enumerate([(5000, inputs), (inputs, 64), (outputs, 64)]))
    for got, want in zip(with_gradients(mlp, x, inner, outer), with_gradients(mlp_twin, x, inner, outer), strict=True):
        assert_close(got, want, rtol=1e-4, atol=1e-4)


def test_a_frozen_head_still_passes_gradients_on():
    x, inner, outer = random(0, 50, 16) - 0.5, random(1, 16, 64) - 0.5, random(2, 3, 64) - 0.5
    leaf = x.clone().requires_grad_()
    mlp(leaf, inner, outer).sum().backward()
    assert_close(leaf.grad, ((x @ inner > 0) * outer.sum(0)) @ inner.T)


def test_grid_of_vectors_agrees_with_its_twin():
    points, times, vectors = random(0, 5000, 3) * 2.4 - 1.2, random(1, 5000), random(2, 4, 3, 5, 2, 3)
    got = with_gradients(lambda v: interpolate_grid(points, times, v), vectors)
    want = with_gradients(lambda v: interpolate_grid_twin(points, times, v), vectors)
    for a, b in zip(got, want, strict=True):
        assert_close(a, b, rtol=1e-4, atol=1e-4)


def test_grid_of_vectors_reproduces_linear_functions():
    axes = [torch.linspace(0, 1, 4), *(torch.linspace(-1, 1, n) for n in (3, 5, 2))]
    t, x, y, z = torch.meshgrid(*axes, indexing="ij")
    vectors = torch.stack([x + 2 * t, y - z, 3 * z + 1], -1)
    points, times = random(0, 200, 3) * 2 - 1, random(1, 200)
    px, py, pz = points.unbind(-1)
    assert_close(interpolate_grid(points, times, vectors), torch.stack([px + 2 * times, py - pz, 3 * pz + 1], -1))


def rays(seed: int, counts: list[int]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Random packed samples: density, colour, distance, offsets."""
    total = sum(counts)
    offsets = torch.tensor([0, *counts]).cumsum(0)
    return 20 * random(seed, total), random(seed + 1, total, 3), 1 + random(seed + 2, total), offsets


@given(st.lists(st.integers(0, 40), min_size=1, max_size=30), st.integers(0, 1000))
@settings(max_examples=25, deadline=None)
def test_compositing_agrees_with_its_twin(counts, seed):
    density, rgb, depth, offsets = rays(seed, counts)
    got = with_gradients(lambda d, c: composite(d, c, depth, offsets, 0.03), density, rgb)
    want = with_gradients(lambda d, c: composite_twin(d, c, depth, offsets, 0.03), density, rgb)
    for a, b in zip(got, want, strict=True):
        assert_close(a, b, rtol=1e-4, atol=2e-5)


def test_opacity_is_one_minus_what_an_exponential_lets_through():
    density, rgb, depth, offsets = rays(0, [7, 0, 12])
    opacity = composite(density, rgb, depth, offsets, 0.02)[:, 3]
    optical = torch.stack([density[:7].sum(), torch.tensor(0.0), density[7:].sum()]) * 0.02
    assert_close(opacity, 1 - (-optical).exp())


def test_cutting_every_sample_in_two_changes_nothing():
    density, rgb, depth, offsets = rays(3, [5, 9])
    whole = composite(density, rgb, depth, offsets, 0.04)
    halves = composite(*(x.repeat_interleave(2, 0) for x in (density, rgb, depth)), 2 * offsets, 0.02)
    assert_close(whole, halves)


def test_samples_behind_an_opaque_one_do_not_count():
    density, rgb, depth = torch.tensor([1e4, 5.0]), torch.eye(3)[:2], torch.tensor([1.0, 2.0])
    composited = composite(density, rgb, depth, torch.tensor([0, 2]), 0.1)
    assert_close(composited, torch.tensor([[1.0, 0, 0, 1, 1]]))


def test_results_do_not_depend_on_the_number_of_threads():
    layout = LAYOUTS[1]
    points, table = random(0, 20000, 4), random(1, layout.rows, 2)
    x, inner, outer = random(2, 20000, 16) - 0.5, random(3, 16, 64) - 0.5, random(4, 3, 64)
    density, rgb, depth, offsets = rays(5, [10] * 2000)
    vectors = random(6, 4, 3, 3, 3, 3)

    def everything() -> list[Tensor]:
        return [
            *with_gradients(lambda p, t: encode(p, t, layout), points, table),
            *with_gradients(mlp, x, inner, outer),
            *with_gradients(lambda d, c: composite(d, c, depth, offsets, 0.1), density, rgb),
            *with_gradients(lambda v: interpolate_grid(points[:, :3], points[:, 3], v), vectors),
        ]

    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        one = everything()
        torch.set_num_threads(3)
        three = everything()
    finally:
        torch.set_num_threads(before)
    assert all(torch.equal(a, b) for a, b in zip(one, three, strict=True))


@pytest.fixture
def tiny_cuda_nn(monkeypatch):
    """A stand-in that refuses what the bindings of tiny-cuda-nn refuse (their CHECK_THROWs), in plain torch."""
    layout = HashLayout(5, 10, (4,) * 3, (40,) * 3)

    def encoding(dims, config, seed=1337, dtype=None):
        assert (dims, config["n_levels"], config["log2_hashmap_size"], dtype) == (3, 5, 10, torch.float32)
        assert_close(config["base_resolution"] * config["per_level_scale"] ** 4, 40.0)
        return SimpleNamespace(native_tcnn_module=SimpleNamespace(n_params=lambda: layout.rows * 2))

    def apply(module, points, params, loss_scale):
        assert points.dtype == params.dtype == torch.float32 and points.is_contiguous() and params.is_contiguous()
        assert points.shape[0] > 0 and points.shape[0] % 256 == 0 and params.shape == (layout.rows * 2,)
        assert loss_scale == 1.0  # nothing to scale in float32
        return encode_twin(points, params.view(-1, 2), layout)

    top, modules = ModuleType("tinycudann"), ModuleType("tinycudann.modules")
    top.Encoding, modules._module_function = encoding, SimpleNamespace(apply=apply)
    for name, module in (("tinycudann", top), ("tinycudann.modules", modules)):
        monkeypatch.setitem(sys.modules, name, module)
    hash_grid_cuda._encoding.cache_clear()
    yield layout
    hash_grid_cuda._encoding.cache_clear()


@pytest.mark.parametrize("count", [0, 1, 256, 700])
def test_tiny_cuda_nn_is_asked_as_it_wants_to_be(tiny_cuda_nn, count):
    points, table = random(0, count, 3), random(1, tiny_cuda_nn.rows, 2) - 0.5
    got = with_gradients(lambda p, t: hash_grid_cuda.encode_cuda(p, t, tiny_cuda_nn), points, table)
    want = with_gradients(lambda p, t: encode_twin(p, t, tiny_cuda_nn), points, table)
    for a, b in zip(got, want, strict=True):
        assert_close(a, b)
