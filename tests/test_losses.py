import pytest
import torch

from to4d.losses import StaticLoss, sds_loss
from to4d.types import Render, Score


def random_render(seed):
    g = torch.Generator().manual_seed(seed)
    rgb, normal = (torch.rand(1, 1, 4, 4, 3, generator=g) for _ in range(2))
    opacity, depth = (torch.rand(1, 1, 4, 4, 1, generator=g) for _ in range(2))
    return Render(rgb, opacity, depth, normal)


def test_static_loss_is_zero_only_at_the_mesh():
    a, b = random_render(0), random_render(1)
    assert StaticLoss()(a, a) == 0.0
    assert StaticLoss()(a, b) > 0.0


def test_static_loss_is_the_sum_of_three_mean_absolute_errors():
    a, b = random_render(0), random_render(1)
    by_hand = sum((getattr(a, k) - getattr(b, k)).abs().mean() for k in ("rgb", "depth", "normal"))
    torch.testing.assert_close(StaticLoss()(a, b), by_hand)


def test_static_loss_refuses_to_broadcast():
    a = random_render(0)
    with pytest.raises(ValueError, match=r"3\).* 1\)|3\).* \(1"):
        StaticLoss()(a, Render(a.rgb[:, :, :1], a.opacity[:, :, :1], a.depth[:, :, :1], a.normal[:, :, :1]))


def test_sds_gradient_is_the_masked_score_summed_and_not_averaged():
    latents = torch.randn(2, 3, 4, 5, 5, requires_grad=True)
    gradient, mask = torch.randn(2, 3, 4, 5, 5), torch.rand(2, 1, 4, 5, 5)
    empty = torch.zeros(2, 4, 5, 5)
    sds_loss(Score(latents, gradient, gradient, empty, empty, 500), mask).backward()
    torch.testing.assert_close(latents.grad, mask * gradient / 2)
