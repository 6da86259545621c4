import torch

from to4d.mask import CrossAttention, Everywhere, Opacity
from to4d.types import Score


def make_score(attention, opacity):
    latents = torch.zeros(1, 2, *attention.shape[1:])
    return Score(latents, latents, latents, attention, opacity, timestep=500)


def random_score():
    torch.manual_seed(0)
    return make_score(torch.rand(1, 3, 8, 8), (torch.rand(1, 3, 8, 8) > 0.8).float())


def test_masks_broadcast_over_channels_and_stay_in_range():
    score = random_score()
    for mask in (CrossAttention(), CrossAttention(keep_opacity=False), Opacity(), Everywhere()):
        values = mask(score)
        assert values.shape == (1, 1, 3, 8, 8)
        assert values.min() >= 0.0 and values.max() <= 1.0


def test_cross_attention_is_graded_and_never_masks_the_object_itself():
    score = random_score()
    assert torch.equal(CrossAttention(keep_opacity=False)(score)[:, 0], score.attention)
    assert (CrossAttention()(score)[:, 0] >= score.opacity).all()


def test_unit_mean_keeps_the_weight_of_the_prior():
    mask = CrossAttention(keep_opacity=False, unit_mean=True)(random_score())
    torch.testing.assert_close(mask.mean(), torch.tensor(1.0))


def test_opacity_mask_is_the_silhouette_grown_by_one_pixel():
    opacity = torch.zeros(1, 1, 7, 7)
    opacity[..., 3, 3] = 1.0
    mask = Opacity(grow_px=1)(make_score(opacity, opacity))[0, 0, 0]
    assert mask.sum() == 9.0 and (mask[2:5, 2:5] == 1.0).all()


def test_masks_carry_no_gradient():
    attention = torch.rand(1, 1, 4, 4, requires_grad=True)
    assert not CrossAttention()(make_score(attention, torch.zeros(1, 1, 4, 4))).requires_grad
