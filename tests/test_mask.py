from dataclasses import replace

import pytest
import torch
from torch.nn.functional import adaptive_avg_pool2d, interpolate

from to4d.disk.checkpoint import load_tree, save_tree
from to4d.errors import InputError
from to4d.geometry import orbit
from to4d.mask import CrossAttentionMask, NoMask, OpacityMask, SmoothedMask
from to4d.types import AttentionMaps, Score


def make_score(attention, opacity):
    latents = torch.zeros(1, 2, *attention.shape[1:])
    return Score(latents, latents, latents, attention, opacity, timestep=500)


def random_score():
    torch.manual_seed(0)
    attention = torch.rand(1, 3, 8, 8)
    return make_score(attention / attention.max(), (torch.rand(1, 3, 8, 8) > 0.8).float())


def test_masks_broadcast_over_channels_and_stay_in_range():
    score = random_score()
    for mask in (CrossAttentionMask(), CrossAttentionMask(keep_opacity=False), OpacityMask(), NoMask()):
        values = mask(score)
        assert values.shape == (1, 1, 3, 8, 8)
        assert values.min() >= 0.0 and values.max() <= 1.0


def test_cross_attention_is_graded_and_never_masks_the_object_itself():
    score = random_score()
    assert torch.equal(CrossAttentionMask(keep_opacity=False)(score)[:, 0], score.attention)
    assert (CrossAttentionMask()(score)[:, 0] >= score.opacity).all()


def test_unit_mean_keeps_the_weight_of_the_prior():
    mask = CrossAttentionMask(keep_opacity=False, unit_mean=True)(random_score())
    torch.testing.assert_close(mask.mean(), torch.tensor(1.0))


def test_opacity_mask_is_the_silhouette_grown_by_one_pixel():
    opacity = torch.zeros(1, 1, 7, 7)
    opacity[..., 3, 3] = 1.0
    mask = OpacityMask(grow_px=1)(make_score(opacity, opacity))[0, 0, 0]
    assert mask.sum() == 9.0 and (mask[2:5, 2:5] == 1.0).all()


def test_masks_carry_no_gradient():
    attention = torch.rand(1, 1, 4, 4, requires_grad=True)
    assert not CrossAttentionMask()(make_score(attention, torch.zeros(1, 1, 4, 4))).requires_grad


def looking(shares, image=None):
    """A score whose prior has two layers, a fine one and a coarse one."""
    coarse = adaptive_avg_pool2d(shares, 4)
    image = torch.full((1, 3, 16, 8, 8), 1 / 16) if image is None else image
    layers = (AttentionMaps(shares, image), AttentionMaps(coarse, image[..., ::2, ::2]))
    return replace(random_score(), attention_maps=layers)


def shares():
    return 0.01 * torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(1))


def bare(**settings):
    return CrossAttentionMask(keep_opacity=False, **settings)


def test_a_mask_of_one_layer_is_that_layers_map_brought_to_one():
    raw = shares()
    torch.testing.assert_close(bare(layers=[0])(looking(raw))[:, 0], raw / raw.max())


def test_a_mask_of_several_layers_is_their_mean_at_the_latents_size():
    raw = shares()
    coarse = interpolate(adaptive_avg_pool2d(raw, 4), (8, 8), mode="bilinear")
    torch.testing.assert_close(bare(layers=[0, 1])(looking(raw))[:, 0], (raw + coarse) / (raw + coarse).max())


def test_the_maximum_is_one_in_a_clip_or_in_each_frame():
    raw = shares() * torch.tensor([1.0, 0.1, 0.01])[None, :, None, None]
    clip, frame = (bare(layers=[0], normalize_over=axis)(looking(raw)) for axis in ("clip", "frame"))
    assert clip.amax((0, 1, 3, 4)).tolist()[0] == 1.0 and clip[:, :, 2].max() < 0.02
    assert (frame.amax((0, 1, 3, 4)) == 1.0).all()


def test_stretched_masks_reach_zero_and_forget_the_scale_and_the_level():
    raw = shares()
    one, other = (bare(layers=[0], min_max=True)(looking(x)) for x in (raw, 5.0 * raw + 0.3))
    assert one.min() == 0.0 and one.max() == 1.0
    torch.testing.assert_close(one, other, atol=1e-5, rtol=0)


def test_certainty_is_zero_for_even_attention_and_one_for_a_single_token():
    image = torch.full((1, 3, 16, 8, 8), 1 / 16)
    image[..., :4, :] = 0.0
    image[:, :, 5, :4, :] = 1.0
    certain = bare(target="image_certainty", layers=[0])(looking(shares(), image))
    peak = bare(target="image", layers=[0], min_max=True)(looking(shares(), image))
    for mask in (certain, peak):
        assert (mask[..., :4, :] == 1.0).all() and mask[..., 4:, :].abs().max() < 1e-5


def test_unknown_options_and_layers_are_refused():
    with pytest.raises(InputError, match=r"mask\.normalize_over.*'video'.*clip, frame"):
        CrossAttentionMask(normalize_over="video")
    with pytest.raises(InputError, match=r"mask\.target=image .*mask\.layers"):
        CrossAttentionMask(target="image")
    with pytest.raises(InputError, match=r"mask\.layers.* \[0\]"):
        CrossAttentionMask(layers=[])
    with pytest.raises(InputError, match=r"mask\.layers.* \[7\].* 0 .* 1\b"):
        bare(layers=[0, 7])(looking(shares()))


def seen_from(azimuth_deg, score):
    return replace(score, cameras=orbit(torch.tensor([azimuth_deg]), 5.0, 3.0, 40.0, (8, 8)))


def test_smoothed_masks_are_running_averages_of_one_side():
    smoothed, a, b = (
        SmoothedMask(bare(), decay=0.75),
        *(make_score(torch.full((1, 1, 2, 2), v), None) for v in (1.0, 0.5)),
    )
    b.attention[..., 0, 0] = 1.0
    assert torch.equal(smoothed(seen_from(0.0, a)), bare()(a))
    torch.testing.assert_close(smoothed(seen_from(4.0, b)), 0.75 * bare()(a) + 0.25 * bare()(b))
    assert torch.equal(smoothed(seen_from(180.0, b)), bare()(b))  # another side
    torch.testing.assert_close(smoothed(seen_from(-5.0, b)), 0.5625 * bare()(a) + 0.4375 * bare()(b))


def test_what_a_smoothed_mask_remembers_survives_a_checkpoint(tmp_path):
    one, other = SmoothedMask(bare()), SmoothedMask(bare())
    one(seen_from(30.0, random_score()))
    save_tree(tmp_path / "state", {"mask": one.state_dict()})
    other.load_state_dict(load_tree(tmp_path / "state")["mask"])
    following = seen_from(30.0, make_score(shares(), None))
    assert torch.equal(one(following), other(following))
